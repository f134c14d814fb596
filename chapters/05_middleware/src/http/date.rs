//! Dates on the wire: `Sun, 06 Nov 1994 08:49:37 GMT`.
//!
//! [`now`] is the only place that reads the wall clock. A function that needs the time gets it as an argument, so that
//! a test can choose it.

use std::time::{Duration, SystemTime};

/// The last second that has a four-digit year: 9999-12-31 23:59:59 UTC, in seconds since 1970.
const LAST_SECOND: u64 = 253_402_300_799;

/// The time of day, as far as this machine knows it.
///
/// It can jump, also backwards, when somebody sets it. Measure with [`std::time::Instant`]; this is for showing.
#[allow(clippy::disallowed_methods, reason = "all others call this function")]
pub fn now() -> SystemTime {
    SystemTime::now()
}

/// The date in the one format a sender may use, IMF-fixdate (RFC 9110 section 5.6.7).
///
/// Whole seconds: what is smaller is cut off, so a file's time and the same time sent back by a client differ by up to
/// a second. A time before 1970 or after 9999, which a file's timestamp can well hold, becomes the nearest that fits.
pub fn imf_fixdate(time: SystemTime) -> String {
    let since_epoch = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO);
    // httpdate panics beyond either end, and the time may be a file's, set by anyone.
    let seconds = since_epoch.as_secs().min(LAST_SECOND);
    httpdate::fmt_http_date(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds))
}

/// The time that a date field means, or `None` if it is no HTTP date: the field is then to be ignored.
///
/// A recipient must also read the two formats of the past, RFC 850 (`Sunday, 06-Nov-94 08:49:37 GMT`) and that of C's
/// `asctime` (`Sun Nov  6 08:49:37 1994`). Case counts and the zone is always GMT (RFC 9110 section 5.6.7).
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
    fn all_three_formats_are_read() {
        for text in [
            "Sun, 06 Nov 1994 08:49:37 GMT",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994",
        ] {
            assert_eq!(parse_http_date(text), Some(at(784_111_777)), "{text}");
        }
    }

    #[test]
    fn what_is_not_an_http_date_is_none() {
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
    fn the_clock_is_after_this_was_written() {
        assert!(now() > at(1_700_000_000));
    }

    proptest! {
        #[test]
        fn what_is_printed_is_read_back(seconds in 0..=LAST_SECOND) {
            prop_assert_eq!(parse_http_date(&imf_fixdate(at(seconds))), Some(at(seconds)));
        }
    }
}
