//! The result does not depend on how the input is split: each function parses its input whole, byte by byte and in
//! pieces of odd sizes, and panics unless all results agree. The fuzzer calls these functions too.

use ch06_handlers::Limits;
use ch06_handlers::http::Headers;
use ch06_handlers::http::body::{BodyDecoder, BodyError};
use ch06_handlers::http::chunked::ChunkedDecoder;
use ch06_handlers::http::framing::BodyLength;
use ch06_handlers::http::parser::{Head, HeadParser, ParseError};

/// The default limits, and limits so small that a short input exceeds them.
fn limits() -> [Limits; 2] {
    let small =
        Limits { target: 20, head: 200, fields: 4, body: 50, trailers: 40, ..Limits::default() };
    [Limits::default(), small]
}

/// Where to cut `bytes`: nowhere, everywhere, and at places that depend on the bytes themselves, so that
/// the same input is always cut in the same way.
fn cuts(bytes: &[u8]) -> [Vec<usize>; 3] {
    let mut seed = bytes
        .iter()
        .fold(2_166_136_261_u32, |hash, byte| (hash ^ u32::from(*byte)).wrapping_mul(16_777_619));
    let odd = (1..bytes.len()).filter(|_| {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        seed >> 29 == 0
    });
    let odd = odd.collect();
    [Vec::new(), (1..bytes.len()).collect(), odd]
}

/// Parses `bytes`, split in all of these ways, and returns the common result.
fn agreed<T: PartialEq + std::fmt::Debug>(bytes: &[u8], read: impl Fn(&[usize]) -> T) -> T {
    let [whole, one_by_one, odd] = cuts(bytes).map(|mut cuts| {
        cuts.push(bytes.len());
        read(&cuts)
    });
    assert_eq!(whole, one_by_one, "whole, and byte by byte");
    assert_eq!(whole, odd, "whole, and in odd pieces");
    whole
}

/// Checks the parsing of a header section.
pub(crate) fn head(bytes: &[u8]) {
    for limits in limits() {
        let read = |cuts: &[usize]| {
            let mut parser = HeadParser::new(&limits);
            cuts.iter().find_map(|cut| parser.push(&bytes[..*cut]).transpose()).transpose()
        };
        if let Ok(Some((_, used))) = agreed(bytes, read) {
            assert!(bytes[..used].ends_with(b"\r\n\r\n"), "a head ends with an empty line");
            assert!(used <= limits.head + 2, "a head is within its limit");
        }
    }
}

/// A decoded chunked body: the content, the number of consumed bytes, and the trailers if it is
/// complete.
type Decoded = Result<(Vec<u8>, usize, Option<Headers>), (Vec<u8>, BodyError)>;

/// Checks the decoding of a chunked body.
pub(crate) fn chunked(bytes: &[u8]) {
    for limits in limits() {
        let read = |cuts: &[usize]| -> Decoded {
            let mut decoder = ChunkedDecoder::new(&limits);
            let (mut out, mut used) = (Vec::new(), 0);
            for cut in cuts {
                while used < *cut && !decoder.is_done() {
                    match decoder.decode(&bytes[used..*cut], &mut out) {
                        Ok(count) => used += count,
                        Err(error) => return Err((out, error)),
                    }
                }
            }
            let trailers = decoder.is_done().then(|| decoder.into_trailers());
            Ok((out, used, trailers))
        };
        if let Ok((out, used, _)) = agreed(bytes, read) {
            assert!(out.len() as u64 <= limits.body && out.len() <= used && used <= bytes.len());
        }
    }
}

/// A parsed request: its header section, its body and its trailers.
type Read = (Head, Vec<u8>, Headers);

/// Why no more requests can be read.
#[derive(Debug, Clone, PartialEq)]
enum End {
    NeedMore,
    Head(ParseError),
    Body(BodyError),
}

/// Checks the parsing of all requests on a connection: where one ends, the next begins.
pub(crate) fn stream(bytes: &[u8]) {
    for limits in limits() {
        agreed(bytes, |cuts| read_stream(bytes, cuts, &limits));
    }
}

/// Does what a connection does: waits until the header section is complete, and then until the body
/// is.
fn read_stream(bytes: &[u8], cuts: &[usize], limits: &Limits) -> (Vec<Read>, End) {
    let mut requests = Vec::new();
    let mut start = 0;
    let mut cuts = cuts.iter().copied();
    let mut arrived = 0;
    loop {
        let mut parser = HeadParser::new(limits);
        let head = loop {
            match parser.push(&bytes[start..arrived]) {
                Ok(Some((head, used))) => {
                    start += used;
                    break head;
                }
                Ok(None) => {}
                Err(error) => return (requests, End::Head(error)),
            }
            match cuts.next() {
                Some(cut) => arrived = cut,
                None => return (requests, End::NeedMore),
            }
        };
        let mut body = Vec::new();
        let length: BodyLength = head.body_length;
        let mut decoder = match BodyDecoder::new(length, limits) {
            Ok(decoder) => decoder,
            Err(error) => return (requests, End::Body(error)),
        };
        loop {
            match decoder.decode(&bytes[start..arrived], &mut body) {
                Ok(used) => start += used,
                Err(error) => return (requests, End::Body(error)),
            }
            if decoder.is_done() {
                break;
            }
            match cuts.next() {
                Some(cut) => arrived = cut,
                None => return (requests, End::NeedMore),
            }
        }
        requests.push((head, body, decoder.into_trailers()));
    }
}
