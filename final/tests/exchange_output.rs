//! How a response is sent through a socket: in parts, with a bound for each step, and never with an
//! end that looks complete too early.

use std::fs::File;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use httpserver::Limits;
use httpserver::core::{Connection, Interest, MemoryBudget, UploadSlots};
use httpserver::http::context::Context;
use httpserver::http::exchange::{Exchange, Scratch};
use httpserver::http::step::AfterStep;
use httpserver::http::{
    Handler, HeaderValue, Request, Response, ResponseBody, Status, TrustedProxies,
};

const LONG: Duration = Duration::from_secs(20);

/// Both ends of a TCP connection. The kernel buffers more for it than for a socket pair.
struct Pair {
    client: TcpStream,
    connection: Connection,
    exchange: Exchange,
    scratch: Scratch,
}

impl Pair {
    /// A connection whose request has arrived.
    fn new() -> Pair {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (server, peer) = listener.accept().unwrap();
        client.write_all(b"GET / HTTP/1.0\r\n\r\n").unwrap();
        server.peek(&mut [0]).unwrap();
        server.set_nonblocking(true).unwrap();
        let connection = Connection::new(server, peer);
        Pair { client, connection, exchange: Exchange::default(), scratch: Scratch::default() }
    }

    fn step(
        &mut self,
        handler: &dyn Handler,
        clock: &dyn Fn() -> Instant,
    ) -> io::Result<AfterStep> {
        let cx = Context {
            handler,
            limits: &Limits::default(),
            memory: &MemoryBudget::default(),
            uploads: &UploadSlots::new(1),
            sheds_load: false,
            always: &[],
            is_stopping: &AtomicBool::new(false),
            peer: self.connection.peer(),
            proxies: &TrustedProxies::default(),
            clock,
        };
        self.exchange.step(&mut self.connection, &mut self.scratch, cx)
    }
}

/// A file with these bytes.
fn file(bytes: &[u8]) -> Arc<File> {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(bytes).unwrap();
    Arc::new(file)
}

fn waits_to_write(after: io::Result<AfterStep>) -> bool {
    matches!(after.unwrap(), AfterStep::Wait(Interest::Write, _))
}

#[test]
fn a_response_of_any_kind_that_the_kernel_takes_in_parts_arrives_whole() {
    const LENGTH: usize = 16_000_000;
    let bytes: Vec<u8> = (0..=u8::MAX).cycle().take(LENGTH).collect();
    let file = file(&bytes);
    for kind in 0..3 {
        let (bytes, file) = (bytes.clone(), Arc::clone(&file));
        let expected = bytes.clone();
        let handler = move |_: &mut Request| match kind {
            0 => Response::bytes(HeaderValue::from_static("text/plain"), bytes.clone()),
            1 => Response::stream(
                HeaderValue::from_static("text/plain"),
                io::Cursor::new(bytes.clone()),
            ),
            _ => Response::new(Status::OK)
                .with_body(ResponseBody::File { file: Arc::clone(&file), range: 0..LENGTH as u64 }),
        };
        let mut pair = Pair::new();
        let mut client = pair.client.try_clone().unwrap();
        let reader = thread::Builder::new().name("client".to_string()).spawn(move || {
            let mut received = Vec::new();
            client.read_to_end(&mut received).unwrap();
            received
        });
        let mut after = pair.step(&handler, &Instant::now);
        let end = Instant::now() + LONG;
        while waits_to_write(after) && Instant::now() < end {
            after = pair.step(&handler, &Instant::now);
            if after.as_ref().is_ok_and(|after| *after == AfterStep::End) {
                break;
            }
        }
        drop(pair);
        let received = reader.unwrap().join().unwrap();
        assert!(received.ends_with(&expected), "{} bytes", received.len());
    }
}

/// Its length has been announced, so only the end of the connection can report the error to the
/// client.
#[test]
fn a_file_that_has_become_shorter_is_an_error() {
    let file = file(b"short");
    let handler = move |_: &mut Request| {
        let body = ResponseBody::File { file: Arc::clone(&file), range: 0..6 };
        Response::new(Status::OK).with_body(body)
    };
    let error = Pair::new().step(&handler, &Instant::now).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnexpectedEof);
}

/// Otherwise the connection would wait for room in the send buffer that never becomes free.
#[test]
fn a_client_that_is_gone_is_an_error_and_not_waited_for() {
    let mut pair = Pair::new();
    let handler = |_: &mut Request| Response::text("x".repeat(32 << 20));
    assert!(waits_to_write(pair.step(&handler, &Instant::now)));
    let Pair { client, mut connection, mut exchange, mut scratch } = pair;
    drop(client); // with unread bytes, so it is a reset
    let mut step = |exchange: &mut Exchange| {
        let cx = Context {
            handler: &handler,
            limits: &Limits::default(),
            memory: &MemoryBudget::default(),
            uploads: &UploadSlots::new(1),
            sheds_load: false,
            always: &[],
            is_stopping: &AtomicBool::new(false),
            peer: connection.peer(),
            proxies: &TrustedProxies::default(),
            clock: &Instant::now,
        };
        exchange.step(&mut connection, &mut scratch, cx)
    };
    let end = Instant::now() + LONG;
    while step(&mut exchange).is_ok() {
        assert!(Instant::now() < end, "it waits for a client that is gone");
        thread::yield_now();
    }
}

/// Counts its reads and bytes. Each read fills the buffer, up to `most`.
struct Counting {
    reads: Arc<AtomicU32>,
    bytes: Arc<AtomicU64>,
    most: usize,
}

impl Read for Counting {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = buffer.len().min(self.most);
        self.reads.fetch_add(1, Ordering::SeqCst);
        self.bytes.fetch_add(count as u64, Ordering::SeqCst);
        Ok(count)
    }
}

/// Regression test: steps were bounded only in bytes, so forty gzip streams of a large log delayed all other
/// clients for seconds.
#[test]
fn a_stream_whose_parts_take_long_is_left_after_a_few_of_them() {
    let (reads, bytes) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicU64::new(0)));
    let (start, shown) = (Instant::now(), Arc::clone(&reads));
    let clock = || start + shown.load(Ordering::SeqCst) * Duration::from_millis(1);
    let counted = Arc::clone(&reads);
    let handler = move |_: &mut Request| {
        let (reads, bytes) = (Arc::clone(&counted), Arc::clone(&bytes));
        let stream = Counting { reads, bytes, most: 1000 };
        Response::stream(HeaderValue::from_static("text/plain"), stream)
    };
    assert!(waits_to_write(Pair::new().step(&handler, &clock)));
    assert!((1..=2).contains(&reads.load(Ordering::SeqCst)), "{reads:?}");
}

/// A client that reads as quickly as the server sends must not keep the thread from serving others.
#[test]
fn one_step_sends_only_a_part_of_a_large_response_also_to_a_client_that_reads_at_once() {
    const MOST: u64 = 1024 * 1024 + 64 * 1024;
    let bytes = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&bytes);
    let handler = move |_: &mut Request| {
        let (reads, bytes) = (Arc::default(), Arc::clone(&counted));
        let stream = Counting { reads, bytes, most: usize::MAX };
        Response::stream(HeaderValue::from_static("text/plain"), stream)
    };
    let mut pair = Pair::new();
    let mut client = pair.client.try_clone().unwrap();
    let reader = thread::Builder::new().name("client".to_string());
    let reader = reader.spawn(move || while client.read(&mut [0; 8192]).is_ok_and(|it| it > 0) {});
    let now = Instant::now();
    let mut before = 0;
    for _ in 0..200 {
        assert!(waits_to_write(pair.step(&handler, &|| now)));
        let read = bytes.load(Ordering::SeqCst);
        assert!(read - before <= MOST, "{} bytes in one step", read - before);
        before = read;
    }
    pair.client.shutdown(std::net::Shutdown::Both).unwrap();
    drop(pair);
    reader.unwrap().join().unwrap();
}
