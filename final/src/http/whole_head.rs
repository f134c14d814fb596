//! A head that has come whole, and is right: found and read without a look at every byte in turn.
//!
//! Nothing is refused here. What is unusual in any way is left to the parser, which goes byte by byte and knows which of
//! them is wrong.

use std::ops::Range;

use memchr::memchr;
use smallvec::SmallVec;

use super::header_value::trim_ows;
use super::limits::Limits;
use super::parser::{check_fields, parse_version};
use super::recycled::Text;
use super::{HeaderName, HeaderValue, Headers, Method, Request, Version};

/// As many lines as nearly all heads have. To remember where more of them end takes memory of its own.
const LINES: usize = 32;

type Ends = SmallVec<[usize; LINES]>;

/// Fills `request` with the head that `buffered` begins with. Returns the number of bytes that it takes up, or `None`
/// for whatever [`HeadParser`](super::parser::HeadParser) has to judge: it may be right, wrong, or not complete. There
/// may be something in `request` then.
pub(super) fn read(buffered: &[u8], limits: &Limits, request: &mut Request) -> Option<usize> {
    let buffered = &buffered[..buffered.len().min(limits.head)];
    let mut ends = SmallVec::new();
    let head = lines(buffered, limits.fields.saturating_add(1), &mut ends)?;
    let (method, target, version) = request_line(&head[..*ends.first()? - 2])?;
    if target.len() > limits.target {
        return None;
    }
    let (parsed, room) = request.head_mut();
    (parsed.method, parsed.version) = (method, version);
    parsed.target.read(method, str::from_utf8(&head[target]).ok()?).ok()?;
    read_fields(head, &ends, room, &mut parsed.headers)?;
    parsed.body_length = check_fields(version, &parsed.headers).ok()?;
    Some(head.len())
}

/// The head that `buffered` begins with: all up to the first empty line, and that. Puts down where each of the others
/// ends, behind its CRLF. `None` if there is no empty one, too many others in front of it, or a byte in them that none
/// may have.
fn lines<'a>(buffered: &'a [u8], limit: usize, ends: &mut Ends) -> Option<&'a [u8]> {
    let mut end = 0;
    loop {
        let rest = &buffered[end..];
        if rest.starts_with(b"\r\n") {
            let head = &buffered[..end + 2];
            // CR and LF at the end of each line, and no other byte that is not to be seen.
            return (unseen(head) == 2 * (ends.len() + 1)).then_some(head);
        }
        let at = memchr(b'\r', rest)?;
        if rest.get(at + 1) != Some(&b'\n') || ends.len() == limit {
            return None;
        }
        end += at + 2;
        ends.push(end);
    }
}

/// How many bytes are neither visible ASCII nor a space nor a tab.
fn unseen(head: &[u8]) -> usize {
    let unseen = |byte: &u8| u8::from(!matches!(byte, b'\t' | b' '..=b'~'));
    // Counted in bytes, which may hold so many: without branches the compiler compares many at once.
    let chunks = head.chunks(usize::from(u8::MAX));
    chunks.map(|chunk| usize::from(chunk.iter().map(unseen).sum::<u8>())).sum()
}

/// `method SP request-target SP HTTP-version`. A space in the target is for others to find.
fn request_line(line: &[u8]) -> Option<(Method, Range<usize>, Version)> {
    let (method, from) = if line.starts_with(b"GET ") {
        (Method::Get, 4) // nearly all of them
    } else {
        let space = memchr(b' ', line)?;
        let method = Method::from_token(str::from_utf8(&line[..space]).ok()?)?;
        (method, space + 1)
    };
    if method == Method::Connect {
        return None;
    }
    let to = line.len().checked_sub(" HTTP/1.1".len()).filter(|to| from <= *to)?;
    let version = match &line[to..] {
        b" HTTP/1.1" => Version::Http11,
        version => parse_version(str::from_utf8(version).ok()?.strip_prefix(' ')?).ok()?,
    };
    Some((method, from..to, version))
}

/// Reads the field lines of a head. A name that is none is not for here.
fn read_fields(head: &[u8], ends: &[usize], room: &mut Text, headers: &mut Headers) -> Option<()> {
    for (from, end) in ends.iter().zip(ends.get(1..)?) {
        let line = &head[*from..*end - 2];
        let name = HeaderName::of_line(line, |name| room.piece(head, *from..*from + name.len()))?;
        let after = &line[name.len() + 1..];
        let blank = after.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
        let at = from + name.len() + 1 + blank;
        let value = at..at + trim_ows(&after[blank..]).len();
        headers.append(name, HeaderValue::in_head(room.piece(head, value)?));
    }
    Some(())
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
            "GET /\x7f HTTP/1.1\r\nHost: a\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\nb: \x7f\r\n\r\n",
            "GET / HTTP/1.1 \r\nHost: a\r\n\r\n",
            "GET  / HTTP/1.1\r\nHost: a\r\n\r\n",
            "CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n",
        ] {
            assert_eq!(length(unusual.as_bytes()), None, "{unusual:?}");
        }
    }

    #[test]
    fn a_head_with_more_fields_than_allowed_is_not_read() {
        let limits = Limits { fields: 2, ..Limits::default() };
        for (fields, is_read) in [("a: b\r\n", true), ("a: b\r\nc: d\r\n", false)] {
            let head = format!("GET / HTTP/1.1\r\nHost: a\r\n{fields}\r\n");
            assert_eq!(read_with(head.as_bytes(), &limits).is_some(), is_read, "{fields:?}");
        }
    }

    /// They are counted in bytes, and 256 of them are none in a byte.
    #[test]
    fn no_number_of_unusual_bytes_makes_them_usual() {
        for count in [1, 255, 256, 257, 512, 10_000] {
            let value = vec![0xe9; count];
            let head = [b"GET / HTTP/1.1\r\nHost: a\r\nb: ", &value[..], b"\r\n\r\n"].concat();
            assert_eq!(read_with(&head, &Limits::default()), None, "{count}");
        }
    }

    #[test]
    fn there_need_not_be_a_limit_of_fields() {
        let limits = Limits { fields: usize::MAX, ..Limits::default() };
        assert!(read_with(b"GET / HTTP/1.1\r\nHost: a\r\nB: c\r\n\r\n", &limits).is_some());
    }

    /// The fields as pairs, read in one way or in the other.
    fn read_pairs(block: &str) -> Option<Vec<(String, Vec<u8>)>> {
        let (mut ends, mut headers) = (Ends::new(), Headers::new());
        let head = format!("GET / HTTP/1.1\r\n{block}");
        let head = lines(head.as_bytes(), 1 + 5, &mut ends)?;
        read_fields(head, &ends, &mut Text::default(), &mut headers)?;
        Some(pairs(&headers))
    }

    fn pairs(headers: &Headers) -> Vec<(String, Vec<u8>)> {
        headers.iter().map(|(name, value)| (name.to_string(), value.as_bytes().to_vec())).collect()
    }

    /// Some are right, some are not, and some are right only without the others.
    const SOME: [&str; 15] = [
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
        "A-Name-That-Is-Longer-Than-Most: b\r\n",
        "A: a value that is longer than what fits into a piece\r\n",
    ];

    proptest! {
        #[test]
        fn fields_that_are_read_here_are_those_that_are_read_there(
            lines in collection::vec("[aB:]{0,3}(x{20})?[ \t]?:[ \t]?[a :\u{1}\t]{0,4}(y{20} )?", 0..7),
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
            lines in collection::vec(sample::select(&SOME), 0..5),
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
