//! Dates in HTTP messages, such as `Sun, 06 Nov 1994 08:49:37 GMT`.
//!
//! [`now`] is the only function that reads the wall clock. The other functions of this module get
//! the time as an argument, so that a test can choose it.

use std::time::{Duration, SystemTime};

/// The last second with a four-digit year: 9999-12-31 23:59:59 UTC, in seconds since 1970.
const LAST_SECOND: u64 = 253_402_300_799;

/// Returns the wall-clock time of this machine.
///
/// It can jump, even backwards, when the clock is set. Use it for display, and
/// [`std::time::Instant`] for measuring.
pub fn now() -> SystemTime {
    SystemTime::now()
}

/// Formats a date as IMF-fixdate, the only format that a sender may use (RFC 9110 section 5.6.7).
///
/// Fractions of a second are truncated, so a file's time and the same time sent back by a client
/// differ by up to a second. A time before 1970 or after 9999, which a file's timestamp can be,
/// becomes the nearest possible date.
pub fn imf_fixdate(time: SystemTime) -> String {
    let since_epoch = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO);
    // httpdate panics outside this range, and the timestamp of a file can be set to any value.
    let seconds = since_epoch.as_secs().min(LAST_SECOND);
    httpdate::fmt_http_date(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds))
}

/// Parses the value of a date field. Returns `None` for an invalid date, in which case the field is
/// to be ignored.
///
/// A recipient must also accept the two obsolete formats, RFC 850
/// (`Sunday, 06-Nov-94 08:49:37 GMT`) and the format of C's `asctime` (`Sun Nov  6 08:49:37 1994`). Case
/// matters, and the zone is always GMT (RFC 9110 section 5.6.7).
pub fn parse_http_date(text: &str) -> Option<SystemTime> {
    httpdate::parse_http_date(text).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
    }

    #[test]
    fn a_time_prints_as_imf_fixdate() {
        let cases = [
            (at(784_111_777), "Sun, 06 Nov 1994 08:49:37 GMT"),
            (at(784_111_777) + Duration::from_millis(999), "Sun, 06 Nov 1994 08:49:37 GMT"),
            (at(0), "Thu, 01 Jan 1970 00:00:00 GMT"),
            (at(951_782_400), "Tue, 29 Feb 2000 00:00:00 GMT"),
        ];
        for (time, text) in cases {
            assert_eq!(imf_fixdate(time), text);
        }
    }

    #[test]
    fn a_time_that_no_http_date_can_hold_becomes_the_nearest_one() {
        let before = SystemTime::UNIX_EPOCH - Duration::from_secs(1);
        assert_eq!(imf_fixdate(before), "Thu, 01 Jan 1970 00:00:00 GMT");
        assert_eq!(imf_fixdate(at(LAST_SECOND + 1)), "Fri, 31 Dec 9999 23:59:59 GMT");
    }

    #[test]
    fn all_three_formats_are_accepted() {
        for text in [
            "Sun, 06 Nov 1994 08:49:37 GMT",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994",
        ] {
            assert_eq!(parse_http_date(text), Some(at(784_111_777)), "{text}");
        }
    }

    #[test]
    fn an_invalid_date_is_none() {
        for text in [
            "",
            "yesterday",
            "1994-11-06T08:49:37Z",
            "Sun, 06 Nov 1994 08:49:37 +0100",
            "Sun, 31 Feb 1994 08:49:37 GMT",
        ] {
            assert_eq!(parse_http_date(text), None, "{text:?}");
        }
    }

    #[test]
    fn now_is_after_2023() {
        assert!(now() > at(1_700_000_000));
    }

    proptest! {
        #[test]
        fn a_formatted_date_parses_to_itself(seconds in 0..=LAST_SECOND) {
            prop_assert_eq!(parse_http_date(&imf_fixdate(at(seconds))), Some(at(seconds)));
        }
    }
}
