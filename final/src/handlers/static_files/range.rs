//! Range requests, with which a client requests a part of a file (RFC 9110 section 14).

use std::ops::Range;

use crate::http::date::imf_fixdate;
use crate::http::validators::Validators;
use crate::http::{
    HeaderName, HeaderValue, Headers, HttpError, IntoResponse, Method, Request, Response, Status,
};

/// The range units that the server supports (RFC 9110 section 14.3).
pub const ACCEPT_RANGES: HeaderName = HeaderName::from_static("Accept-Ranges");
/// The part of the file that the response contains, and the length of the whole file (RFC 9110
/// section 14.4).
pub const CONTENT_RANGE: HeaderName = HeaderName::from_static("Content-Range");
/// The version of the file of which the client requests a part. If the file has another version,
/// the response is the whole file (RFC 9110 section 13.1.5).
pub const IF_RANGE: HeaderName = HeaderName::from_static("If-Range");
/// The part that the client requests (RFC 9110 section 14.2).
pub const RANGE: HeaderName = HeaderName::from_static("Range");

/// The part of a file that a request selects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// The whole file: the request has no range, or its range is ignored.
    Whole,
    /// A part of the file: this range of at least one byte.
    Part(Range<u64>),
    /// A range that begins beyond the end of the file.
    Missing,
}

/// Evaluates the range of a request for a file of this `length`.
pub fn wanted(request: &Request, validators: &Validators, length: u64) -> Wanted {
    let headers = request.headers();
    // The field has no meaning for any method but GET (RFC 9110 section 14.2).
    if request.method() != Method::Get || !is_unchanged(headers, validators) {
        return Wanted::Whole;
    }
    let mut lines = headers.get_all(RANGE);
    let (Some(value), None) = (lines.next(), lines.next()) else { return Wanted::Whole };
    match value.to_str().and_then(|value| parse(value, length)) {
        None => Wanted::Whole,
        Some(range) if range.is_empty() => Wanted::Missing,
        Some(range) => Wanted::Part(range),
    }
}

/// Returns the response to a range beyond the end: a 416 with the length of the file.
pub fn not_satisfiable(length: u64) -> Response {
    let message = format!("the file has {length} bytes, and none of them is in this range");
    let error = HttpError::new(Status::RANGE_NOT_SATISFIABLE, "range_not_satisfiable", message);
    with_content_range(error.into_response(), &format!("bytes */{length}"))
}

/// Adds the Content-Range field.
pub fn with_content_range(response: Response, value: &str) -> Response {
    match HeaderValue::try_from(value) {
        Ok(value) => response.with_header(CONTENT_RANGE, value),
        Err(_) => response, // digits are always a value
    }
}

/// Parses `bytes=5-9`, `bytes=5-` or `bytes=-5`. Returns `None` for a field that is ignored:
/// another unit, several ranges, or invalid syntax. A valid range beyond the end of the file is
/// returned as an empty one.
///
/// A server may always ignore a range, because the whole file contains the part. Several ranges
/// would need a multipart body, and a hundred overlapping ranges are an attack.
pub fn parse(value: &str, length: u64) -> Option<Range<u64>> {
    let (unit, set) = value.split_once('=')?;
    if !unit.eq_ignore_ascii_case("bytes") {
        return None;
    }
    // The ranges are a list, in which empty elements are ignored (RFC 9110 section 5.6.1).
    let mut specs =
        set.split(',').map(|it| it.trim_matches([' ', '\t'])).filter(|it| !it.is_empty());
    let (Some(spec), None) = (specs.next(), specs.next()) else { return None };
    match spec.split_once('-')? {
        ("", suffix) => match number(suffix)? {
            // The range is the whole of an empty file, which Content-Range cannot express.
            1.. if length == 0 => None,
            suffix => Some(length.saturating_sub(suffix)..length),
        },
        (first, "") => Some(number(first)?..length),
        (first, last) => {
            let (first, last) = (number(first)?, number(last)?);
            (first <= last).then(|| first..last.saturating_add(1).min(length))
        }
    }
}

/// Parses a number that consists only of digits; `u64::from_str` would also accept a plus sign. A
/// number that is too large becomes the largest `u64`, which exceeds the length of any file.
fn number(digits: &str) -> Option<u64> {
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| digits.parse().unwrap_or(u64::MAX))
}

/// Returns whether the file is still the version in If-Range, or the request has no such field.
///
/// Only a validator that identifies the exact bytes counts: a strong tag, or the date that was sent
/// with the file, if the file cannot have changed again within that second. This server makes a tag
/// strong exactly when that is true.
fn is_unchanged(headers: &Headers, validators: &Validators) -> bool {
    let mut lines = headers.get_all(IF_RANGE);
    let Some(asked) = lines.next() else { return true };
    let Some(etag) = validators.etag.as_ref().filter(|etag| !etag.is_weak) else { return false };
    let own = [Some(etag.to_string()), validators.modified.map(imf_fixdate)];
    let is_own = own.iter().flatten().any(|own| own.as_bytes() == asked.as_bytes());
    is_own && lines.next().is_none()
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use proptest::prelude::*;

    use super::*;
    use crate::http::validators::EntityTag;

    #[test]
    fn ranges_follow_the_grammar() {
        let table = [
            ("bytes=0-0", Some(0..1)),
            ("bytes=0-99", Some(0..100)),
            ("bytes=5-9", Some(5..10)),
            ("bytes=5-", Some(5..100)),
            ("bytes=-5", Some(95..100)),
            ("bytes=-100", Some(0..100)),
            ("bytes=-101", Some(0..100)),
            ("bytes=95-999", Some(95..100)),
            ("BYTES=0-0", Some(0..1)),
            ("bytes=,\t0-0 ,", Some(0..1)),
            ("bytes=0000000000000000000000000000007-", Some(7..100)),
            ("bytes=0-999999999999999999999999999999", Some(0..100)),
            ("bytes=-999999999999999999999999999999", Some(0..100)),
            // These ranges contain no byte of the file, so the response is a 416.
            ("bytes=100-", Some(100..100)),
            ("bytes=-0", Some(100..100)),
            ("bytes=100-200", Some(100..100)),
            // These values are ignored, so the response is the whole file.
            ("", None),
            ("bytes", None),
            ("bytes=", None),
            ("bytes=,", None),
            ("bytes=-", None),
            ("bytes=5", None),
            ("bytes=9-5", None),
            ("bytes=0-0,2-2", None),
            ("bytes=+1-2", None),
            ("bytes=0x0-0x1", None),
            ("bytes=1-2-3", None),
            ("bytes=--5", None),
            ("bytes=1 - 2", None),
            ("bytes 0-0", None),
            ("items=0-0", None),
        ];
        for (value, expected) in table {
            assert_eq!(parse(value, 100), expected, "{value:?}");
        }
    }

    #[test]
    fn a_range_beyond_the_end_is_empty_wherever_it_begins() {
        for value in ["bytes=200-", "bytes=200-300", "bytes=999999999999999999999999999999-"] {
            assert!(parse(value, 100).unwrap().is_empty(), "{value}");
        }
    }

    #[test]
    fn an_empty_file_has_no_range() {
        assert_eq!(parse("bytes=0-", 0), Some(0..0));
        assert_eq!(parse("bytes=-0", 0), Some(0..0));
        assert_eq!(parse("bytes=-5", 0), None);
    }

    #[test]
    fn if_range_matches_exactly_this_version() {
        let table = [
            (None, true),
            (Some("\"x\""), true),
            (Some("Sun, 06 Nov 1994 08:49:37 GMT"), true),
            (Some("\"y\""), false),
            (Some("W/\"x\""), false),
            (Some("\"x\", \"y\""), false),
            (Some("*"), false),
            (Some("Sun, 06 Nov 1994 08:49:36 GMT"), false),
            (Some("Sun, 06 Nov 1994 08:49:38 GMT"), false),
        ];
        let mut validators = Validators {
            etag: Some(EntityTag { is_weak: false, opaque: b"x".to_vec() }),
            modified: Some(SystemTime::UNIX_EPOCH + Duration::from_millis(784_111_777_500)),
        };
        let judge = |value: Option<&str>, validators: &Validators| {
            let request = Request::builder(Method::Get, "/");
            let request = value.into_iter().fold(request, |it, value| it.header("If-Range", value));
            is_unchanged(request.build().headers(), validators)
        };
        for (value, expected) in table {
            assert_eq!(judge(value, &validators), expected, "{value:?}");
        }
        for etag in [Some(EntityTag { is_weak: true, opaque: b"x".to_vec() }), None] {
            validators.etag = etag;
            for (value, _) in &table[1..] {
                assert!(!judge(*value, &validators), "{value:?}");
            }
        }
    }

    proptest! {
        #[test]
        fn no_value_gives_a_range_outside_the_file(value in "bytes=[0-9, -]{0,40}", length in 0..50_u64) {
            if let Some(range) = parse(&value, length) && !range.is_empty() {
                prop_assert!(range.end <= length);
            }
        }

        #[test]
        fn a_range_within_the_file_is_returned_unchanged(first in 0..50_u64, more in 0..50_u64) {
            let value = format!("bytes={first}-{}", first + more);
            prop_assert_eq!(parse(&value, 100), Some(first..first + more + 1));
        }
    }
}
