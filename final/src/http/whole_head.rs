//! A head that has come whole, and is right: found and read without a look at every byte in turn.
//!
//! Nothing is refused here. What is unusual in any way is left to the parser, which goes byte by byte and knows which of
//! them is wrong.

use std::sync::{Arc, LazyLock};

use memchr::{memchr, memmem};

use super::limits::Limits;
use super::parser::{REQUEST_LINE_EXTRA, check_fields, parse_version};
use super::{HeaderName, HeaderValue, Headers, Method, Request, Target};

/// Looks for the end of a head. What it needs to know of these four bytes is worked out once.
static END: LazyLock<memmem::Finder<'static>> = LazyLock::new(|| memmem::Finder::new(b"\r\n\r\n"));

/// Fills `request` with the head that `buffered` begins with. Returns the number of bytes that it takes up, or `None`
/// for whatever [`HeadParser`](super::parser::HeadParser) has to judge: it may be right, wrong, or not complete. There
/// may be something in `request` then.
pub(super) fn read(buffered: &[u8], limits: &Limits, request: &mut Request) -> Option<usize> {
    let buffered = &buffered[..buffered.len().min(limits.head)];
    let end = END.find(buffered)? + 4;
    let text = str::from_utf8(&buffered[..end]).ok().filter(|text| text.is_ascii())?;

    let line = line(text, 0)?;
    // No end at the first wrong byte: without branches the compiler compares many at once.
    let is_wrong = |wrong, byte| wrong | u8::from(!matches!(byte, b' '..=b'~'));
    if line.bytes().fold(0, is_wrong) != 0 || line.len() > limits.target + REQUEST_LINE_EXTRA {
        return None;
    }
    let space = memchr(b' ', line.as_bytes())?;
    let rest = &line[space + 1..];
    let (target, version) = rest.split_at(memchr(b' ', rest.as_bytes())?);
    let method = Method::from_token(&line[..space]).filter(|it| *it != Method::Connect)?;
    if target.len() > limits.target {
        return None;
    }

    let (head, room) = request.head_mut();
    head.method = method;
    head.version = parse_version(&version[1..]).ok()?;
    let text = room.fill(text);
    head.target = Target::in_head(method, target, text, space + 1).ok()?;
    read_fields(text, line.len() + 2, limits.fields, &mut head.headers)?;
    head.body_length = check_fields(head.version, &head.headers).ok()?;
    Some(end)
}

/// The line that begins at an offset. It ends in CRLF.
fn line(head: &str, from: usize) -> Option<&str> {
    let rest = head.get(from..)?;
    let end = memchr(b'\r', rest.as_bytes())?;
    (rest.as_bytes().get(end + 1) == Some(&b'\n')).then(|| &rest[..end])
}

/// Reads the field lines of a head, from an offset on. A name or a value that is none is not for here.
fn read_fields(
    head: &Arc<String>,
    mut from: usize,
    limit: usize,
    headers: &mut Headers,
) -> Option<()> {
    loop {
        let line = line(head, from)?;
        if line.is_empty() {
            return Some(());
        }
        if headers.len() == limit {
            return None;
        }
        let name = HeaderName::in_head(head, from, line)?;
        let colon = name.len();
        let after = &line[colon + 1..];
        let blank = after.bytes().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
        let value = HeaderValue::in_head(head, from + colon + 1 + blank, &after[blank..]).ok()?;
        headers.append(name, value);
        from += line.len() + 2;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::{collection, sample};

    use super::*;
    use crate::http::fields::parse_fields;
    use crate::http::parser::{Head, HeadParser};

    fn read_with(bytes: &[u8], limits: &Limits) -> Option<(Head, usize)> {
        let mut request = Request::default();
        let length = read(bytes, limits, &mut request)?;
        Some((std::mem::take(request.head_mut().0), length))
    }

    #[test]
    fn what_is_unusual_is_left_to_the_parser() {
        let length = |bytes: &[u8]| Some(read_with(bytes, &Limits::default())?.1);
        let get = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";
        assert_eq!(length(get), Some(27));
        assert_eq!(length(b"GET / HTTP/1.1\r\nHost: a\r\n\r\nGET"), Some(27));
        assert_eq!(length(b"GET / HTTP/1.0\r\n\r\n"), Some(18));
        assert_eq!(length(&get[..26]), None, "it is not whole");
        let small = Limits { head: 26, ..Limits::default() };
        assert_eq!(read_with(get, &small), None, "it is too large");
        for unusual in [
            "\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
            "GET / HTTP/1.1\nHost: a\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\nb: c\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\rb: c\r\n\r\n",
            "\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
            "GET /\t HTTP/1.1\r\nHost: a\r\n\r\n",
            "GET /\u{e9} HTTP/1.1\r\nHost: a\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\nb: \u{e9}\r\n\r\n",
            "GET / HTTP/1.1 \r\nHost: a\r\n\r\n",
            "GET  / HTTP/1.1\r\nHost: a\r\n\r\n",
            "CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n",
        ] {
            assert_eq!(length(unusual.as_bytes()), None, "{unusual:?}");
        }
    }

    /// The fields as pairs, read in one way or in the other.
    fn read_pairs(block: &str) -> Option<Vec<(String, Vec<u8>)>> {
        let mut headers = Headers::new();
        read_fields(&Arc::new(block.to_string()), 0, 5, &mut headers)?;
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
            lines in collection::vec("[aB:]{0,3}[ \t]?:[ \t]?[a :\u{1}\t]{0,4}", 0..7),
        ) {
            let block = format!("{}\r\n\r\n", lines.join("\r\n"));
            let block = if lines.is_empty() { "\r\n".to_string() } else { block };
            let there = parse_fields(block.as_bytes(), 5).ok().map(|headers| pairs(&headers));
            prop_assert_eq!(read_pairs(&block), there);
        }

        #[test]
        fn a_head_that_is_read_at_once_is_what_the_parser_makes_of_it(
            method in sample::select(&["GET", "POST", "OPTIONS", "get", "CONNECT"]),
            target in sample::select(&["/", "/a%41", "/%", "*", "http://a/", "x:1", "", "/a b"]),
            version in sample::select(&["1.1", "1.0", "1.7", "2.0", "1.1 "]),
            lines in collection::vec(sample::select(&LINES), 0..5),
        ) {
            let head = format!("{method} {target} HTTP/{version}\r\n{}\r\n", lines.concat());
            let limits = Limits { fields: 4, target: 6, ..Limits::default() };
            let at_once = read_with(head.as_bytes(), &limits);
            let whole = HeadParser::new(&limits).push(head.as_bytes());
            let mut parser = HeadParser::new(&limits);
            let mut in_pieces = Ok(None);
            for end in 1..=head.len() {
                in_pieces = parser.push(&head.as_bytes()[..end]);
                if in_pieces != Ok(None) {
                    break;
                }
            }
            prop_assert_eq!(&whole, &in_pieces);
            // There may be nothing to compare, but never something else. And what is plainly right is read at once.
            let is_plain = lines.iter().all(|line| line.is_ascii() && line.ends_with("\r\n"));
            if at_once.is_some() || (is_plain && whole.is_ok()) {
                prop_assert_eq!(Ok(at_once), whole);
            }
        }
    }
}
