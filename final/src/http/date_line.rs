//! The Date line of a response (RFC 9110 section 6.6.1), formatted once a second.

use std::cell::Cell;
use std::io::Write;
use std::time::{Duration, SystemTime};

use super::date::imf_fixdate;
use crate::core::system;

/// The bytes of the line: name, colon, space, 29 characters and CRLF.
const LENGTH: usize = 37;

thread_local! {
    /// The second that was formatted last, in seconds since 1970, and its line.
    static LAST: Cell<(u64, [u8; LENGTH])> = const { Cell::new((u64::MAX, [0; LENGTH])) };
}

/// The time that the Date line shows. On Linux it may be a few milliseconds earlier than [`now`](super::date::now),
/// because the kernel updates it once a tick. Other times in the same response must not be later than this one.
pub fn coarse_now() -> SystemTime {
    system::noted_time()
}

/// The Date line of now. Each thread formats it once a second.
pub fn date_line() -> [u8; LENGTH] {
    let now = coarse_now();
    let second = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs();
    let (formatted, mut line) = LAST.get();
    if formatted != second {
        // Writing cannot fail: an IMF-fixdate always has 29 characters.
        let _ = write!(&mut line[..], "Date: {}\r\n", imf_fixdate(now));
        LAST.set((second, line));
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::date::{now, parse_http_date};

    #[test]
    fn the_date_line_has_the_expected_length() {
        let text = String::from_utf8(date_line().to_vec()).unwrap();
        let date = text.strip_prefix("Date: ").and_then(|rest| rest.strip_suffix("\r\n"));
        assert!(date.and_then(parse_http_date).is_some_and(|it| it <= now()), "{text:?}");
    }
}
