//! A head that has come whole, and is right: found and read without a look at every byte in turn.
//!
//! Nothing is refused here. What is unusual in any way is left to the parser, which goes byte by byte and knows which of
//! them is wrong.

use std::sync::Arc;

use memchr::{memchr, memmem};

use super::fields::FieldsError;
use super::header_value::trim_ows;
use super::limits::Limits;
use super::parser::REQUEST_LINE_EXTRA;
use super::{HeaderName, HeaderValue, Headers};

/// Finds where the fields begin, and where the head ends.
pub(super) fn find(buffered: &[u8], limits: &Limits) -> Option<(usize, usize)> {
    let buffered = &buffered[..buffered.len().min(limits.head)];
    let end = memmem::find(buffered, b"\r\n\r\n")? + 4;
    let head = &buffered[..end];
    let line = memchr(b'\r', head)?;
    let is_text = head[..line].iter().all(|byte| matches!(byte, b' '..=b'~'));
    // Each CR has its LF, and each LF its CR. The last byte is the LF that was looked for. No end before the last pair:
    // without branches the compiler compares many at once.
    let is_torn = |(byte, next): (&u8, &u8)| u8::from((*byte == b'\r') != (*next == b'\n'));
    let torn = head.iter().zip(&head[1..]).fold(0, |torn, pair| torn | is_torn(pair));
    let fits = line > 0 && line <= limits.target + REQUEST_LINE_EXTRA;
    (is_text && torn == 0 && fits).then_some((line + 2, end))
}

/// Reads the field lines of such a head, from an offset on.
///
/// # Errors
/// When a line is unusual: [`fields_in_head`](super::fields::fields_in_head) knows what is wrong with it, if anything.
pub(super) fn read_fields(
    head: &Arc<Vec<u8>>,
    mut from: usize,
    limit: usize,
    headers: &mut Headers,
) -> Result<(), FieldsError> {
    loop {
        let rest = head.get(from..).unwrap_or_default();
        let end = memchr(b'\r', rest).ok_or(FieldsError::Malformed)?;
        if end == 0 {
            return Ok(());
        }
        if headers.len() == limit {
            return Err(FieldsError::TooMany);
        }
        let line = &rest[..end];
        let colon = memchr(b':', line).ok_or(FieldsError::Malformed)?;
        let name = HeaderName::in_head(head, from, &line[..colon]);
        let after = &line[colon + 1..];
        let blank = after.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
        let value = HeaderValue::in_head(head, from + colon + 1 + blank, trim_ows(after));
        match (name, value) {
            (Ok(name), Ok(value)) => headers.append(name, value),
            _ => return Err(FieldsError::Malformed),
        }
        from += end + 2;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::{collection, sample};

    use super::*;
    use crate::http::fields::parse_fields;
    use crate::http::parser::HeadParser;

    #[test]
    fn what_is_unusual_is_left_to_the_parser() {
        let found = |bytes: &[u8]| find(bytes, &Limits::default());
        let get = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";
        assert_eq!(found(get), Some((16, 27)));
        assert_eq!(found(b"GET / HTTP/1.1\r\n\r\n"), Some((16, 18)));
        assert_eq!(found(&get[..26]), None, "it is not whole");
        assert_eq!(find(get, &Limits { head: 26, ..Limits::default() }), None, "it is too large");
        for unusual in [
            "\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
            "GET / HTTP/1.1\nHost: a\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\nb: c\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\rb: c\r\n\r\n",
            "\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
            "GET /\t HTTP/1.1\r\nHost: a\r\n\r\n",
            "GET /\u{e9} HTTP/1.1\r\nHost: a\r\n\r\n",
        ] {
            assert_eq!(found(unusual.as_bytes()), None, "{unusual:?}");
        }
    }

    /// The fields as pairs, read in one way or in the other.
    fn read(block: &[u8]) -> Option<Vec<(String, Vec<u8>)>> {
        let mut headers = Headers::new();
        read_fields(&Arc::new(block.to_vec()), 0, 5, &mut headers).ok()?;
        Some(pairs(&headers))
    }

    fn pairs(headers: &Headers) -> Vec<(String, Vec<u8>)> {
        headers.iter().map(|(name, value)| (name.to_string(), value.as_bytes().to_vec())).collect()
    }

    /// Some are right, some are not, and some are right only without the others.
    const LINES: [&str; 13] = [
        "Host: a\r\n",
        "Host: a\r\n",
        "Host: a\r\n",
        "Host : a\r\n",
        "host:b%zz\r\n",
        "A: b\r\n",
        "A:\r\n",
        " fold\r\n",
        "b: c\n",
        "\u{e9}: c\r\n",
        "c: \u{e9}\r\n",
        "Content-Length: 5\r\n",
        "Transfer-Encoding: chunked\r\n",
    ];

    proptest! {
        #[test]
        fn fields_that_are_read_here_are_those_that_are_read_there(
            lines in collection::vec("[aB:]{0,3}[ \t]?:[ \t]?[a :\u{1}\t\u{e9}]{0,4}", 0..7),
        ) {
            let block = format!("{}\r\n\r\n", lines.join("\r\n"));
            let block = if lines.is_empty() { "\r\n".to_string() } else { block };
            let there = parse_fields(block.as_bytes(), 5).ok().map(|headers| pairs(&headers));
            prop_assert_eq!(read(block.as_bytes()), there);
        }

        #[test]
        fn a_head_is_the_same_whether_it_comes_whole_or_byte_by_byte(
            method in sample::select(&["GET", "POST", "OPTIONS", "get", "CONNECT"]),
            target in sample::select(&["/", "/a%41", "/%", "*", "http://a/", "x:1", "", "/a b"]),
            version in sample::select(&["1.1", "1.0", "1.7", "2.0", "1.1 "]),
            lines in collection::vec(sample::select(&LINES), 0..5),
        ) {
            let head = format!("{method} {target} HTTP/{version}\r\n{}\r\n", lines.concat());
            let limits = Limits { fields: 4, target: 6, ..Limits::default() };
            let whole = HeadParser::new(&limits).push(head.as_bytes());
            let mut parser = HeadParser::new(&limits);
            let mut in_pieces = Ok(None);
            for end in 1..=head.len() {
                in_pieces = parser.push(&head.as_bytes()[..end]);
                if in_pieces != Ok(None) {
                    break;
                }
            }
            prop_assert_eq!(whole, in_pieces);
        }
    }
}
