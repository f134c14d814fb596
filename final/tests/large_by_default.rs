//! With the default settings, a body above 64 KiB is handed to its handler while it arrives.

mod support;

use std::io::Read;
use std::sync::mpsc::{Receiver, channel};
use std::time::Instant;

use httpserver::Limits;
#[cfg(target_os = "linux")]
use httpserver::core::UploadSlots;
use httpserver::core::worker_pool::PoolConfig;
use httpserver::http::{HttpError, Request, Response, Router, extract};
use serde_json::{Value, json};
use support::{LONG, Running};
use wire::Reply;

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;

/// The largest body that is collected before its handler is called, and the part of a larger body that is read before
/// that.
const WHOLE: usize = 64 * KIB;

/// Whether a body had arrived when its handler was called.
type Called = Receiver<bool>;

fn routes() -> (Router, Called) {
    let (sender, called) = channel();
    let mut router = Router::new();
    let also = sender.clone();
    router.post("/length", move |request: &mut Request| {
        let _ = sender.send(request.body().has_arrived()); // not every test looks
        let body = request.body_mut().read_all(8 * MIB)?;
        Ok::<_, HttpError>(body.len().to_string())
    });
    router.post("/json", |request: &mut Request| {
        let value = extract::json(request)?;
        // The collected bytes can be read again.
        let again = extract::json(request)?;
        let length = |value: &Value| value.as_array().map_or(0, Vec::len);
        Ok::<_, HttpError>(Response::json(&json!([length(&value), length(&again)])))
    });
    router.post("/form", |request: &mut Request| {
        let pairs = extract::form(request)?;
        Ok::<_, HttpError>(pairs.get("a").unwrap_or_default().len().to_string())
    });
    router.post("/parts", |request: &mut Request| {
        let mut first = [0; 3];
        request.body_mut().read_exact(&mut first).unwrap();
        let most = request.body_mut().collect(100 * KIB - 4).map(<[u8]>::len);
        let collected = request.body_mut().collect(100 * KIB - 3).map(<[u8]>::len);
        let mut second = [0; 3];
        request.body_mut().read_exact(&mut second).unwrap();
        let rest = request.body_mut().read_all(MIB).map(|rest| rest.len());
        format!(
            "{first:?} {most:?} {collected:?} {second:?} {rest:?} {}",
            request.body().is_empty()
        )
    });
    router.post("/trailers", move |request: &mut Request| {
        let before = request.trailers().len();
        let _ = also.send(request.body().has_arrived());
        let length = request.body_mut().read_all(MIB)?.len();
        Ok::<_, HttpError>(format!("{before} {length} {:?}", request.trailers().get("X-Sum")))
    });
    (router, called)
}

fn start() -> (Running, Called) {
    let (router, called) = routes();
    (Running::start(|server| server, router.build().unwrap()), called)
}

fn post(path: &str, fields: &str) -> Vec<u8> {
    format!("POST {path} HTTP/1.1\r\nHost: a\r\n{fields}\r\n").into_bytes()
}

fn text(reply: &Reply) -> String {
    String::from_utf8_lossy(&reply.body).into_owned()
}

#[test]
fn a_body_of_65_kib_reaches_its_handler_before_its_last_byte_was_sent_and_one_of_64_is_collected() {
    let (server, called) = start();
    for (length, has_arrived) in [(WHOLE, true), (WHOLE + 1, false), (65 * KIB, false)] {
        let mut client = server.connect();
        client.send(post("/length", &format!("Content-Length: {length}\r\n"))).unwrap();
        client.send(vec![b'x'; length - 1]).unwrap();
        if !has_arrived {
            assert!(!called.recv_timeout(LONG).unwrap(), "{length} bytes");
        }
        client.send(b"x").unwrap();
        assert_eq!(text(&client.read_reply().unwrap()), length.to_string());
        if has_arrived {
            assert!(called.recv_timeout(LONG).unwrap(), "{length} bytes");
        }
    }
    assert_eq!(server.stop(), 0);
}

#[test]
fn a_chunked_body_is_streamed_once_it_is_larger_than_64_kib() {
    let (server, called) = start();
    let mut client = server.connect();
    let chunk = [&b"8000\r\n"[..], &vec![b'x'; 32 * KIB], b"\r\n"].concat();
    client.send(post("/length", "Transfer-Encoding: chunked\r\n")).unwrap();
    client.send([&chunk[..], &chunk, b"0\r\n\r\n"].concat()).unwrap();
    assert_eq!(text(&client.read_reply().unwrap()), WHOLE.to_string());
    assert!(called.recv_timeout(LONG).unwrap());
    client.send(post("/length", "Transfer-Encoding: chunked\r\n")).unwrap();
    client.send([&chunk[..], &chunk, b"1\r\nx\r\n"].concat()).unwrap();
    assert!(!called.recv_timeout(LONG).unwrap());
    client.send(b"0\r\n\r\n").unwrap();
    assert_eq!(text(&client.read_reply().unwrap()), (WHOLE + 1).to_string());
    assert_eq!(server.stop(), 0);
}

#[test]
fn json_and_forms_are_collected_by_their_handlers_and_the_connection_goes_on() {
    let (server, _) = start();
    let mut client = server.connect();
    let array = format!("[{}1]", "1,".repeat(100 * KIB));
    let form = format!("a={}", "x".repeat(100 * KIB));
    for (path, media_type, body, expected) in [
        ("/json", "application/json", &array, "[102401,102401]"),
        ("/form", "application/x-www-form-urlencoded", &form, "102400"),
        ("/json", "application/json", &form, "bad_json"),
        ("/parts", "text/plain", &"x".repeat(100 * KIB), PARTS),
    ] {
        let fixed = format!("Content-Type: {media_type}\r\nContent-Length: {}\r\n", body.len());
        client.send([&post(path, &fixed)[..], body.as_bytes()].concat()).unwrap();
        let reply = client.read_reply().unwrap();
        assert!(text(&reply).contains(expected), "{path}: {}", text(&reply));
        let chunked = format!("Content-Type: {media_type}\r\nTransfer-Encoding: chunked\r\n");
        client.send(post(path, &chunked)).unwrap();
        client.send(format!("{:x}\r\n{body}\r\n0\r\n\r\n", body.len())).unwrap();
        let reply = client.read_reply().unwrap();
        assert!(text(&reply).contains(expected), "{path} in chunks: {}", text(&reply));
    }
    assert_eq!(server.stop(), 0);
}

#[test]
fn the_trailers_of_a_large_body_are_there_when_it_has_been_read() {
    let (server, called) = start();
    let mut client = server.connect();
    client.send(post("/trailers", "Transfer-Encoding: chunked\r\n")).unwrap();
    client.send([&b"11170\r\n"[..], &vec![b'x'; 70_000], b"\r\n"].concat()).unwrap();
    assert!(!called.recv_timeout(LONG).unwrap());
    client.send("0\r\nX-Sum: 7\r\n\r\n").unwrap();
    let reply = client.read_reply().unwrap();
    assert!(text(&reply).starts_with("0 70000 Some(") && text(&reply).contains('7'), "{reply:?}");
    assert_eq!(server.stop(), 0);
}

/// 100 KiB, of which three bytes are read, and three more after the rest was collected.
const PARTS: &str = "[120, 120, 120] Err(TooLarge) Ok(102397) [120, 120, 120] Ok(102394) true";

#[test]
fn json_that_says_that_it_is_too_large_to_be_collected_is_rejected_before_it_is_sent() {
    let (router, _) = routes();
    let limits = Limits { body: 64 * MIB as u64, ..Limits::default() };
    let server = Running::start(|server| server.with_limits(limits), router.build().unwrap());
    let fields = "Content-Type: application/json\r\nExpect: 100-continue\r\n";
    let mut client = server.connect();
    let length = extract::MAX_COLLECTED + 1;
    client.send(post("/json", &format!("{fields}Content-Length: {length}\r\n"))).unwrap();
    let reply = client.read_reply().unwrap();
    assert_eq!((reply.status, reply.field("Connection")), (413, Some("close")), "{}", text(&reply));
    // Collect a body of the maximum size.
    let mut client = server.connect();
    let length = extract::MAX_COLLECTED;
    client.send(post("/json", &format!("{fields}Content-Length: {length}\r\n"))).unwrap();
    assert_eq!(client.read_exact(25).unwrap(), b"HTTP/1.1 100 Continue\r\n\r\n");
    let array = [&b"["[..], &vec![b' '; length - 2], b"]"].concat();
    client.send(array).unwrap();
    assert_eq!(text(&client.read_reply().unwrap()), "[0,0]");
    // The length of a chunked body is known only once it has arrived.
    let mut client = server.connect();
    let chunked = "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n";
    client.send(post("/json", chunked)).unwrap();
    let body = vec![b' '; extract::MAX_COLLECTED + 1];
    client.send([format!("{:x}\r\n", body.len()).as_bytes(), &body].concat()).unwrap();
    assert_eq!(client.read_reply().unwrap().status, 413);
    server.stop();
}

/// However many clients there are, each with a body that its handler collects, they hold no more than the
/// budget.
#[test]
fn bytes_that_a_handler_collects_are_counted_in_the_memory_budget() {
    let (router, _) = routes();
    let mut handle = None;
    let set = |server: httpserver::Server| {
        handle = Some(server.handle());
        server.with_max_memory(MIB)
    };
    let server = Running::start(set, router.build().unwrap());
    let handle = handle.expect("the server was set up");
    let memory = handle.memory();
    let length = 600 * KIB;
    let head = post("/length", &format!("Content-Length: {length}\r\n"));
    let mut clients = [server.connect(), server.connect()];
    clients[0].send([&head[..], &vec![b'x'; length - 1]].concat()).unwrap();
    wait_until("the first body", || memory.held() >= length);
    clients[1].send([&head[..], &vec![b'x'; length - 1]].concat()).unwrap();
    let reply = clients[1].read_reply().unwrap();
    assert_eq!((reply.status, reply.field("Retry-After")), (503, Some("1")), "{}", text(&reply));
    wait_until("the rejection to be counted", || handle.rejections() == [("no_memory", 1)]);
    clients[0].send(b"x").unwrap();
    assert_eq!(text(&clients[0].read_reply().unwrap()), length.to_string());
    // A body that the budget can never hold is rejected without waiting.
    let mut client = server.connect();
    client.send(post("/length", "Content-Length: 1000000\r\n")).unwrap();
    client.send(vec![b'x'; WHOLE]).unwrap();
    assert_eq!(client.read_reply().unwrap().status, 413);
    drop((clients, client));
    wait_until("all to be given back", || memory.held() == 0);
    server.wait_until("all to be gone", |statistics| statistics.open == 0);
    server.stop();
}

/// A server with two slots for large bodies.
#[cfg(target_os = "linux")]
fn start_with_two_slots() -> (Running, Called, UploadSlots) {
    let (router, called) = routes();
    let mut slots = UploadSlots::default();
    let size = PoolConfig { permits: 1, threads: 5, stall_timeout: LONG };
    let set = |server: httpserver::Server| {
        slots = server.handle().uploads().clone();
        server.with_workers(size)
    };
    (Running::start(set, router.build().unwrap()), called, slots)
}

fn wait_until(what: &str, is_so: impl Fn() -> bool) {
    let deadline = Instant::now() + LONG;
    while !is_so() {
        assert!(Instant::now() < deadline, "waited for {what}");
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
}

/// Regression test: with 64 KiB every half minute on each of sixteen connections, one client prevented all others from
/// uploading.
#[test]
#[cfg(target_os = "linux")]
fn a_client_that_stops_in_its_uploads_leaves_slots_to_other_addresses() {
    use std::io::Write;
    use std::net::SocketAddr;

    use socket2::{Domain, Socket, Type};

    let (server, _called, slots) = start_with_two_slots();
    let head = post("/length", "Content-Length: 70000\r\n");
    let mut stopped: Vec<_> = (0..4).map(|_| server.connect()).collect();
    for client in &mut stopped {
        client.send([&head[..], &vec![b'x'; WHOLE]].concat()).unwrap();
    }
    wait_until("one to have a slot and the others to wait", || slots.queued() == 3);
    assert_eq!(slots.free(), 1);
    let mut other = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    other.bind(&SocketAddr::from(([127, 0, 0, 2], 0)).into()).unwrap();
    other.set_read_timeout(Some(LONG)).unwrap();
    other.connect(&server.addr().into()).unwrap();
    for _ in 0..3 {
        other.write_all(&[&head[..], &vec![b'x'; 70_000]].concat()).unwrap();
        let mut reply = vec![0; 12];
        other.read_exact(&mut reply).unwrap();
        assert_eq!(String::from_utf8_lossy(&reply), "HTTP/1.1 200");
        while !reply.ends_with(b"\r\n\r\n70000") {
            let mut byte = [0];
            other.read_exact(&mut byte).unwrap();
            reply.push(byte[0]);
        }
    }
    // The waiting clients get the slot one after the other.
    for client in &mut stopped {
        client.send(vec![b'x'; 70_000 - WHOLE]).unwrap();
    }
    for client in &mut stopped {
        assert_eq!(text(&client.read_reply().unwrap()), "70000");
    }
    wait_until("all to be free", || (slots.free(), slots.queued()) == (2, 0));
    drop((stopped, other));
    server.wait_until("all to be gone", |statistics| statistics.open == 0);
    assert_eq!(server.stop(), 0);
}

#[test]
fn a_handler_that_has_read_its_body_holds_no_slot() {
    let (ended, may_end) = channel::<()>();
    let may_end = std::sync::Mutex::new(may_end);
    let (mut router, _called) = routes();
    router.post("/slow", move |request: &mut Request| {
        request.body_mut().collect(MIB)?;
        may_end.lock().unwrap().recv_timeout(LONG).unwrap();
        Ok::<_, HttpError>("done")
    });
    let size = PoolConfig { permits: 1, threads: 3, stall_timeout: LONG };
    let routes = router.build().unwrap();
    let server = Running::start(|server| server.with_workers(size), routes);
    let upload =
        |path| [&post(path, "Content-Length: 70000\r\n")[..], &vec![b'x'; 70_000]].concat();
    let mut slow = server.connect();
    slow.send(upload("/slow")).unwrap();
    // There is one slot, and the handler above does not end before this handler has.
    assert_eq!(text(&server.connect().ask(upload("/length")).unwrap()), "70000");
    ended.send(()).unwrap();
    assert_eq!(text(&slow.read_reply().unwrap()), "done");
    assert_eq!(server.stop(), 0);
}

#[test]
fn the_program_shows_the_slots_in_its_metrics_and_reads_large_bodies_on_every_route() {
    let settings = ["--addr", "127.0.0.1:0", "--log", "off", "--permits", "1", "--threads", "5"];
    let program = wire::Program::start(env!("CARGO_BIN_EXE_httpserver"), &settings).unwrap();
    let connect = || wire::Client::connect(program.addr()).unwrap().with_patience(LONG);
    let shows = |lines: [&str; 3]| {
        let page = wire::get(program.addr(), "/metrics").unwrap().text();
        lines.iter().all(|line| page.lines().any(|it| it == *line))
    };
    assert!(shows(["http_upload_slots 2", "http_upload_slots_free 2", "http_uploads_queued 0"]));
    let head = post("/upload", "Content-Length: 70000\r\n");
    let mut clients = [connect(), connect()];
    for client in &mut clients {
        client.send([&head[..], &vec![0; WHOLE]].concat()).unwrap();
    }
    let taken = ["http_upload_slots 2", "http_upload_slots_free 1", "http_uploads_queued 1"];
    wait_until("one upload to wait for the other", || shows(taken));
    // Either client may have the slot, and the other waits until it is free.
    for client in &mut clients {
        client.send([0; 70_000 - WHOLE]).unwrap();
    }
    for client in &mut clients {
        assert_eq!(client.read_reply().unwrap().json().unwrap()["bytes"], 70_000);
    }
    let body = vec![b'x'; 100_000];
    let length = format!("Content-Length: {}\r\n", body.len());
    let mut client = connect();
    let echoed = client.ask([&post("/echo", &length)[..], &body].concat()).unwrap();
    assert!(echoed.body == body, "{} bytes", echoed.body.len());
    let inspected = client.ask([&post("/inspect", &length)[..], &body].concat()).unwrap();
    assert_eq!(inspected.json().unwrap()["body_length"], body.len());
    let user = format!("{{\"name\": \"Ada\"{}}}", " ".repeat(100_000));
    let fields = format!("Content-Type: application/json\r\nContent-Length: {}\r\n", user.len());
    let created = client.ask([&post("/users", &fields)[..], user.as_bytes()].concat()).unwrap();
    assert_eq!(created.status, 201);
    // No handler reads this body. So the response has `Connection: close`, and the next request needs
    // another connection.
    let first = [&post("/nowhere", "Content-Length: 1000000\r\n")[..], &vec![b'x'; WHOLE]].concat();
    let reply = client.ask(first).unwrap();
    assert_eq!((reply.status, reply.field("Connection")), (404, Some("close")));
}
