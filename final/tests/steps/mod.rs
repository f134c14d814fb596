//! One connection without a server and without a socket: bytes go in, in parts, and the output is parsed and checked.
//! The fuzzer calls it too.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Instant;

use httpserver::Limits;
use httpserver::core::{MemoryBudget, UploadSlots};
use httpserver::http::context::Context;
use httpserver::http::exchange::{AfterOutput, Exchange, Progress};
use httpserver::http::{Handler, HeaderName, HeaderValue, Request, Response, TrustedProxies};

/// Far more calls than any input of the tests needs. A connection that exceeds it would never end.
const CALLS: usize = 100_000;

/// The largest response. It does not fit into the socket's buffer at once.
const LARGE: usize = 600 * 1024;

/// The message of a handler that panics on request.
pub(crate) const ASKED: &str = "as it was asked to";

/// The default limits, and limits so small that a short input exceeds them. No body is large: the part that its
/// handler has when it is called would depend on how the input is split.
pub(crate) fn limits() -> [Limits; 2] {
    let default = Limits { whole_body: u64::MAX, ..Limits::default() };
    let small =
        Limits { target: 20, head: 200, fields: 4, body: 50, trailers: 40, requests: 3, ..default };
    [default, small]
}

/// The output of a connection.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Outcome {
    /// The final responses, in order, without their dates.
    pub(crate) responses: Vec<Reply>,
    /// How many requests a handler has seen.
    pub(crate) handled: usize,
}

/// One response.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) fields: Vec<(String, Vec<u8>)>,
    pub(crate) body: Vec<u8>,
}

/// A connection, and what its client has received.
#[derive(Default)]
struct Wire {
    exchange: Exchange,
    received: Vec<u8>,
    calls: usize,
    is_closed: bool,
}

impl Wire {
    /// `bytes` arrive, and are processed as far as possible.
    fn receive(&mut self, bytes: &[u8], cx: Context<'_>) {
        self.exchange.receive(bytes);
        loop {
            self.calls += 1;
            assert!(self.calls < CALLS, "the connection makes no progress");
            if self.is_closed {
                return;
            }
            if self.exchange.is_closing() {
                assert!(self.exchange.discard_input(), "no test sends so much");
                return;
            }
            let progress = self.exchange.process(cx);
            assert_ne!(progress, Progress::LargeBody, "no body here is so large");
            if progress == Progress::NeedsInput || self.exchange.must_send() {
                self.send(cx);
            }
            if progress == Progress::NeedsInput {
                return;
            }
        }
    }

    fn send(&mut self, cx: Context<'_>) {
        while self.exchange.output().take_chunk(&mut self.received).unwrap() {}
        match self.exchange.output_sent(cx) {
            AfterOutput::NextRequest => {}
            AfterOutput::FinishWriting => assert!(self.exchange.is_closing()),
            AfterOutput::Close => self.is_closed = true,
        }
    }
}

/// Lets `pieces` arrive one after the other.
pub(crate) fn run<'a>(limits: &Limits, pieces: impl IntoIterator<Item = &'a [u8]>) -> Outcome {
    let handled = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&handled);
    let handler =
        move |request: &mut Request| answer(request, count.fetch_add(1, Ordering::SeqCst));
    let handler: &dyn Handler = &handler;
    let now = Instant::now();
    let cx = Context {
        handler,
        limits,
        memory: &MemoryBudget::default(),
        uploads: &UploadSlots::new(1),
        sheds_load: false,
        always: &[],
        is_stopping: &AtomicBool::new(false),
        peer: SocketAddr::from(([127, 0, 0, 1], 9)),
        proxies: &TrustedProxies::default(),
        clock: &|| now,
    };
    let mut wire = Wire::default();
    for piece in pieces {
        wire.receive(piece, cx);
    }
    let handled = handled.load(Ordering::SeqCst);
    let responses = take_apart(&wire.received);
    judge(&responses, handled);
    Outcome { responses, handled }
}

/// Responds with a description of its request, so that a difference between two connections shows in the responses.
fn answer(request: &mut Request, number: usize) -> Response {
    let body = request.body().as_bytes().to_vec();
    let (method, path) = (request.method().as_str().to_string(), request.path().to_string());
    let seen = format!(
        "{method} {path} {:?} {:?} {:?}",
        request.version(),
        request.headers().iter().collect::<Vec<_>>(),
        request.trailers().iter().collect::<Vec<_>>(),
    );
    let mut bytes = seen.into_bytes();
    bytes.extend_from_slice(&body);
    let response = match path.as_str() {
        "/large" => Response::text("x".repeat(LARGE)),
        "/stream" => Response::stream(text(), std::io::Cursor::new(bytes)),
        "/empty" => Response::new(httpserver::http::Status::NO_CONTENT),
        // The response to a panic does not describe its request, and a response to HEAD is parsed differently.
        "/panic" if method != "HEAD" => panic!("{ASKED}"),
        _ => Response::bytes(text(), bytes),
    };
    let value = |text: &str| HeaderValue::try_from(text.to_string()).unwrap();
    response
        .with_header(HeaderName::try_from("x-number").unwrap(), value(&number.to_string()))
        .with_header(HeaderName::try_from("x-method").unwrap(), value(&method))
}

fn text() -> HeaderValue {
    HeaderValue::try_from("text/plain".to_string()).unwrap()
}

/// Invariants of every connection, whatever the input.
fn judge(responses: &[Reply], handled: usize) {
    let field = |reply: &Reply, name: &str| {
        let found = reply.fields.iter().find(|(field, _)| field.eq_ignore_ascii_case(name));
        found.map(|(_, value)| String::from_utf8(value.clone()).unwrap())
    };
    let mut number = 0;
    for (place, reply) in responses.iter().enumerate() {
        let closes = field(reply, "connection").is_some_and(|value| value.contains("close"));
        assert!(
            !closes || place + 1 == responses.len(),
            "an answer behind the last one: {responses:?}"
        );
        match field(reply, "x-number") {
            Some(text) => {
                assert_eq!(text, number.to_string(), "an answer is lost, or out of order");
                number += 1;
            }
            // A handler that has panicked, or a rejection, which is the last response.
            None if reply.status == 500 => number += 1,
            None => assert!(closes && reply.status >= 400, "{reply:?}"),
        }
    }
    assert_eq!(
        number, handled,
        "one answer to each request, and no request without: {responses:?}"
    );
}

/// Parses the output of a connection as a client would (RFC 9112 section 6.3).
fn take_apart(mut bytes: &[u8]) -> Vec<Reply> {
    let mut replies = Vec::new();
    while !bytes.is_empty() {
        let mut fields = [httparse::EMPTY_HEADER; 64];
        let mut head = httparse::Response::new(&mut fields);
        let Ok(httparse::Status::Complete(length)) = head.parse(bytes) else {
            panic!("no head: {:?}", String::from_utf8_lossy(bytes));
        };
        let status = head.code.unwrap();
        let fields: Vec<_> = head
            .headers
            .iter()
            .map(|field| (field.name.to_ascii_lowercase(), field.value.to_vec()))
            .filter(|(name, _)| name != "date")
            .collect();
        bytes = &bytes[length..];
        // An interim response depends on when the body arrives, so it is left out of the comparison.
        if status == 100 {
            continue;
        }
        let field = |wanted: &str| {
            fields.iter().find(|(name, _)| name == wanted).map(|(_, value)| &value[..])
        };
        // A rejection does not contain the method. It is the last response, and nothing follows a rejection of HEAD.
        let is_refused_head = field("x-method").is_none() && status >= 400 && bytes.is_empty();
        let is_head = field("x-method") == Some(b"HEAD") || is_refused_head;
        let body = if is_head || status == 204 || status == 304 {
            Vec::new()
        } else if field("transfer-encoding") == Some(b"chunked") {
            chunked(&mut bytes)
        } else if let Some(length) = field("content-length") {
            let length: usize = String::from_utf8_lossy(length).parse().unwrap();
            assert!(length <= bytes.len(), "{} of {length} bytes of a body", bytes.len());
            let body = bytes[..length].to_vec();
            bytes = &bytes[length..];
            body
        } else {
            std::mem::take(&mut bytes).to_vec()
        };
        replies.push(Reply { status, fields, body });
    }
    replies
}

fn chunked(bytes: &mut &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    loop {
        let (start, size) = match httparse::parse_chunk_size(bytes) {
            Ok(httparse::Status::Complete((start, size))) => {
                (start, usize::try_from(size).unwrap())
            }
            other => panic!("no chunk size: {other:?}"),
        };
        let chunk = &bytes[start..start + size];
        assert_eq!(&bytes[start + size..start + size + 2], b"\r\n");
        *bytes = &bytes[start + size + 2..];
        if size == 0 {
            return body;
        }
        body.extend_from_slice(chunk);
    }
}

/// The same bytes whole, byte by byte and in odd parts lead to the same responses, under all limits.
pub(crate) fn agree(bytes: &[u8]) {
    for limits in limits() {
        let whole = run(&limits, [bytes]);
        assert_eq!(whole, run(&limits, bytes.chunks(1)), "whole, and byte by byte");
        assert_eq!(whole, run(&limits, odd(bytes)), "whole, and in odd pieces");
    }
}

/// Splits at positions that depend on the bytes themselves, so that the same input is always split in the same way.
fn odd(bytes: &[u8]) -> Vec<&[u8]> {
    let mut seed = bytes
        .iter()
        .fold(2_166_136_261_u32, |hash, byte| (hash ^ u32::from(*byte)).wrapping_mul(16_777_619));
    let mut pieces = Vec::new();
    let mut rest = bytes;
    while !rest.is_empty() {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let length = 1 + (seed >> 28) as usize;
        let (piece, behind) = rest.split_at(length.min(rest.len()));
        pieces.push(piece);
        rest = behind;
    }
    pieces
}
