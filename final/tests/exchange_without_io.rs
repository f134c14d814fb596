//! A connection without a socket, a thread or a clock: bytes in, bytes out, and deadlines.

use std::collections::VecDeque;
use std::io::{self, Read};
use std::net::SocketAddr;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use httpserver::Limits;
use httpserver::core::{Interest, MemoryBudget, UploadSlots};
use httpserver::http::context::Context;
use httpserver::http::exchange::{AfterOutput, Exchange, Progress};
use httpserver::http::incoming::BodySource;
use httpserver::http::{Handler, Request, Response, ResponseBody, Status, TrustedProxies};

const SECOND: Duration = Duration::from_secs(1);
const GET: &[u8] = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";

/// A connection at a time that the test chooses. Each limit is another number of seconds.
struct Wire {
    exchange: Exchange,
    limits: Limits,
    memory: MemoryBudget,
    start: Instant,
}

impl Wire {
    fn new() -> Wire {
        let limits = Limits {
            whole_body: 5,
            idle_time: 3 * SECOND,
            head_time: 5 * SECOND,
            body_time: 7 * SECOND,
            write_time: 11 * SECOND,
            linger: 13 * SECOND,
            ..Limits::default()
        };
        let memory = MemoryBudget::new(100_000);
        Wire { exchange: Exchange::default(), limits, memory, start: Instant::now() }
    }

    /// Calls the exchange at `seconds` on the clock.
    fn at<T>(
        &mut self,
        seconds: u32,
        handler: &dyn Handler,
        call: impl FnOnce(&mut Exchange, Context<'_>) -> T,
    ) -> T {
        let now = self.start + seconds * SECOND;
        let cx = Context {
            handler,
            limits: &self.limits,
            memory: &self.memory,
            uploads: &UploadSlots::new(1),
            sheds_load: false,
            always: &[],
            is_stopping: &AtomicBool::new(false),
            peer: SocketAddr::from(([192, 0, 2, 7], 50_007)),
            proxies: &TrustedProxies::default(),
            clock: &|| now,
        };
        call(&mut self.exchange, cx)
    }

    /// `bytes` arrive at `seconds` on the clock.
    fn receive(&mut self, seconds: u32, bytes: &[u8]) -> Progress {
        self.exchange.receive(bytes);
        self.at(seconds, &done, Exchange::process)
    }

    /// The deadline of the connection at `seconds` on the clock, in seconds after the start.
    fn deadline(&mut self, seconds: u32, interest: Interest) -> u64 {
        let deadline = self.at(seconds, &done, |exchange, cx| exchange.deadline(interest, cx));
        (deadline - self.start).as_secs()
    }

    /// All output, as text.
    fn sent(&mut self) -> String {
        let mut out = Vec::new();
        while self.exchange.output().take_chunk(&mut out).unwrap() {}
        String::from_utf8(out).unwrap()
    }
}

fn done(_: &mut Request) -> &'static str {
    "done"
}

#[test]
fn a_request_that_arrives_in_two_parts_has_one_response_and_these_deadlines() {
    let mut wire = Wire::new();
    assert!(wire.exchange.is_idle());
    assert_eq!(wire.deadline(1, Interest::Read), 1 + 3, "idle");
    assert_eq!(wire.receive(2, &GET[..10]), Progress::NeedsInput);
    assert!(!wire.exchange.is_idle());
    assert_eq!(wire.deadline(3, Interest::Read), 2 + 5, "from its first byte");
    assert_eq!(wire.receive(4, &GET[10..]), Progress::Responded);
    assert_eq!(wire.deadline(4, Interest::Read), 4 + 11, "the response comes first");
    assert!(wire.sent().ends_with("\r\n\r\ndone"));
    let after = wire.at(4, &done, Exchange::output_sent);
    assert_eq!((after, wire.exchange.is_idle()), (AfterOutput::NextRequest, true));
    assert_eq!(wire.receive(5, b""), Progress::NeedsInput);
}

#[test]
fn each_call_handles_one_request() {
    let mut wire = Wire::new();
    for bytes in [&GET.repeat(3)[..], b"", b""] {
        assert_eq!(wire.receive(0, bytes), Progress::Responded);
    }
    assert!(!wire.exchange.has_input() && !wire.exchange.must_send(), "they may be collected");
    assert_eq!(wire.sent().matches("HTTP/1.1 200 OK\r\n").count(), 3);
}

#[test]
fn after_the_last_response_fin_is_sent_first_unless_the_client_has_asked_for_the_end() {
    let close = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    for (bytes, expected) in [
        (&close[..], AfterOutput::Close),
        (&[close, GET].concat()[..], AfterOutput::FinishWriting),
        (b"\0", AfterOutput::FinishWriting),
    ] {
        let mut wire = Wire::new();
        assert_eq!(wire.receive(0, bytes), Progress::Responded);
        assert!(wire.exchange.must_send() && !wire.exchange.has_input());
        assert!(wire.sent().contains("Connection: close\r\n"));
        assert_eq!(wire.at(1, &done, Exchange::output_sent), expected);
        if expected == AfterOutput::FinishWriting {
            assert!(wire.exchange.is_closing());
            assert_eq!(wire.deadline(9, Interest::Read), 1 + 13);
            assert_eq!(wire.receive(2, GET), Progress::NeedsInput, "nothing more is handled");
            assert!(wire.exchange.discard_input());
            wire.exchange.receive(&vec![b'x'; 17 << 20]);
            assert!(!wire.exchange.discard_input(), "that is too much");
        }
    }
}

#[test]
fn a_deadline_in_the_middle_of_a_request_is_a_408_and_any_other_is_silent() {
    for (bytes, expected) in [
        (&b""[..], None),
        (b"GET / HT", Some("408")),
        (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nab", Some("408")),
    ] {
        let mut wire = Wire::new();
        wire.receive(0, bytes);
        assert_eq!(wire.exchange.time_out(), expected.is_some());
        assert_eq!(wire.sent().get(9..12), expected);
        assert_eq!(wire.exchange.take_rejections().len(), usize::from(expected.is_some()));
    }
    // A client that does not read its response would not read a 408 either.
    let mut wire = Wire::new();
    wire.receive(0, GET);
    assert!(!wire.exchange.time_out());
    assert_eq!(wire.exchange.take_rejections()[0].reason, "write_timeout");
}

#[test]
fn without_memory_for_its_input_a_connection_gets_a_503_and_with_unread_output_it_ends() {
    for (receives, output) in [(&b"GET /"[..], true), (GET, false)] {
        let mut wire = Wire::new();
        wire.memory = MemoryBudget::new(3);
        wire.receive(0, receives);
        assert!(!wire.at(0, &done, Exchange::reserve_kept));
        let sent = wire.sent();
        assert_eq!(sent.starts_with("HTTP/1.1 503 "), output, "{sent}");
        assert_eq!(sent.is_empty(), !output);
    }
}

/// The remainder of a body.
#[derive(Debug)]
struct Remainder(VecDeque<u8>);

impl BodySource for Remainder {
    fn receive(&mut self, buffer: &mut [u8], _: Duration) -> io::Result<usize> {
        self.0.read(buffer)
    }

    fn send(&mut self, _: &[u8], _: Duration) -> io::Result<()> {
        panic!("this client does not wait for 100 Continue")
    }
}

#[test]
fn a_large_body_is_read_by_its_handler_and_what_follows_it_is_the_next_request() {
    let mut wire = Wire::new();
    let length = |request: &mut Request| {
        let mut body = Vec::new();
        request.body_mut().read_to_end(&mut body).map(|count| count.to_string()).unwrap()
    };
    let head = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n12345";
    assert_eq!(wire.receive(0, head), Progress::LargeBody);
    let source = Box::new(Remainder([b"6789", GET].concat().into()));
    let slot = UploadSlots::new(1).take([192, 0, 2, 7].into()).unwrap();
    assert!(wire.at(0, &length, |exchange, cx| exchange.handle_large(source, slot, cx)));
    assert_eq!(wire.receive(0, b""), Progress::Responded);
    let sent = wire.sent();
    assert!(sent.contains("\r\n\r\n9HTTP/1.1 200 OK\r\n") && sent.ends_with("done"), "{sent}");
}

/// Regression test: the connection was reset, because the error of dup(2) ended it.
#[test]
fn a_large_body_without_a_descriptor_for_its_handler_gets_503() {
    let mut wire = Wire::new();
    let head = b"POST /up HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n12345";
    assert_eq!(wire.receive(0, head), Progress::LargeBody);
    wire.exchange.reject_large();
    let sent = wire.sent();
    assert!(sent.starts_with("HTTP/1.1 503 ") && sent.contains("Retry-After: 1\r\n"), "{sent}");
    let [rejection] = &wire.exchange.take_rejections()[..] else { panic!("one rejection") };
    assert_eq!((rejection.reason, &rejection.request[..]), ("no_descriptor", "POST /up"));
    assert_eq!(wire.at(0, &done, Exchange::output_sent), AfterOutput::FinishWriting);
}

#[test]
fn a_file_can_be_taken_without_a_socket_and_one_that_is_too_short_is_an_error() {
    for (end, expected) in [(4, Ok("file")), (5, Err(io::ErrorKind::UnexpectedEof))] {
        let mut file = tempfile::tempfile().unwrap();
        io::Write::write_all(&mut file, b"file").unwrap();
        let file = std::sync::Arc::new(file);
        let handler = move |_: &mut Request| {
            let body = ResponseBody::File { file: file.clone(), range: 0..end };
            Response::new(Status::OK).with_body(body)
        };
        let mut wire = Wire::new();
        wire.exchange.receive(GET);
        wire.at(0, &handler, Exchange::process);
        let mut out = Vec::new();
        let result = loop {
            match wire.exchange.output().take_chunk(&mut out) {
                Ok(true) => {}
                Ok(false) => break Ok(()),
                Err(error) => break Err(error.kind()),
            }
        };
        let body = result.map(|()| std::str::from_utf8(&out[out.len() - 4..]).unwrap());
        assert_eq!(body, expected);
    }
}
