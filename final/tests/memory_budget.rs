//! All clients together hold no more bytes than the memory budget has, and small requests are served meanwhile.

mod support;

use std::time::Instant;

use httpserver::http::{HttpError, Request, Response, ResponseBody, Router, SharedBytes, Status};
use httpserver::{Limits, ServerHandle};
use support::{LONG, Running};
use wire::{Client, Reply};

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;

/// A response larger than the buffers of both sockets.
const LARGE: usize = 16 * MIB;

/// Starts a server with a memory budget of `limit` bytes. Returns it with a handle, whose counts the tests compare.
fn start(limit: usize) -> (Running, ServerHandle) {
    let shared = SharedBytes::from(vec![b's'; LARGE]);
    let mut router = Router::new();
    router.get("/", |_: &mut Request| "here");
    router.post("/echo", |request: &mut Request| {
        let body = request.body_mut().read_all(8 * MIB)?;
        Ok::<_, HttpError>(Response::new(Status::OK).with_body(ResponseBody::Bytes(body.into())))
    });
    router.get("/large", |_: &mut Request| Response::text("x".repeat(LARGE)));
    router.get("/16k", |_: &mut Request| Response::text("x".repeat(16_000)));
    router.get("/shared", move |_: &mut Request| {
        let body = ResponseBody::Shared { bytes: shared.clone(), range: 0..shared.len() };
        Response::new(Status::OK).with_body(body)
    });
    // The input of rejected clients is read for longer than the test takes, so that no reset destroys the response.
    // Bodies are collected before their handler is called, so each holds memory while it arrives.
    let limits = Limits { whole_body: 8 * MIB as u64, linger: LONG, ..Limits::default() };
    let mut handle = None;
    let set = |server: httpserver::Server| {
        handle = Some(server.handle());
        server.with_max_memory(limit).with_limits(limits)
    };
    let server = Running::start(set, router.build().unwrap());
    (server, handle.expect("the server was set up"))
}

/// Returns the number of bytes that are held for clients.
fn held(handle: &ServerHandle) -> usize {
    handle.memory().held()
}

/// Returns the number of rejections because of the budget. A rejection is counted after its response has been sent.
fn rejections(handle: &ServerHandle) -> u64 {
    let by_reason = handle.rejections();
    by_reason.iter().find(|(reason, _)| *reason == "no_memory").map_or(0, |(_, count)| *count)
}

/// Waits until `wanted` is true of the server, and checks that the limit is never exceeded meanwhile.
fn wait_until(handle: &ServerHandle, what: &str, wanted: impl Fn(&ServerHandle) -> bool) {
    let deadline = Instant::now() + LONG;
    let memory = handle.memory();
    while !wanted(handle) {
        assert!(memory.held() <= memory.limit(), "{memory:?}");
        assert!(Instant::now() < deadline, "waited for {what}: {memory:?}");
        std::thread::yield_now();
    }
    assert!(memory.held() <= memory.limit(), "{memory:?}");
}

fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n")
}

fn assert_rejected(reply: &Reply) {
    assert_eq!((reply.status, reply.field("Retry-After")), (503, Some("1")));
}

/// Checks that other clients with small requests and responses are served.
fn assert_others_are_served(server: &Running) {
    assert_eq!(server.connect().ask(get("/")).unwrap().body, b"here");
    let small = "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 2000\r\n\r\n";
    let mut client = server.connect();
    // In two parts, so that the body has to be collected.
    client.send([small.as_bytes(), &[b'y'; 1000]].concat()).unwrap();
    client.send([b'y'; 1000]).unwrap();
    assert_eq!(client.read_reply().unwrap().body, [b'y'; 2000]);
}

/// Regression test: 600 clients with 8 MiB each used 4.8 GB.
#[test]
fn bodies_that_do_not_fit_into_the_budget_are_rejected_and_the_others_arrive() {
    let (server, handle) = start(13 * MIB / 10);
    let body = vec![b'x'; 400_000];
    let mut clients: Vec<Client> = (0..16).map(|_| server.connect()).collect();
    for client in &mut clients {
        let head =
            format!("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n", body.len());
        client.send([head.as_bytes(), &body[1..]].concat()).unwrap();
    }
    // Seven eighths of 1.3 MiB have room for two bodies, with bytes that are received and not
    // decoded, and not for three. So a body is only rejected while at least two others hold memory.
    wait_until(&handle, "all but two to be rejected", |handle| rejections(handle) == 14);
    assert_others_are_served(&server);
    let mut echoed = 0;
    for client in &mut clients {
        client.send(b"x").unwrap();
        let reply = client.read_reply().unwrap();
        if reply.status == 200 {
            assert!(reply.body == body, "{} bytes", reply.body.len());
            echoed += 1;
        } else {
            assert_rejected(&reply);
        }
    }
    assert_eq!((echoed, rejections(&handle)), (2, 14));
    drop(clients);
    wait_until(&handle, "all to be given back", |handle| held(handle) == 0);
    server.stop();
}

/// Regression test: the first bytes of a chunked body reserved 256 KiB, so a few bodies exhausted the budget.
#[test]
fn bodies_of_which_a_few_bytes_have_arrived_leave_room_for_others() {
    let (server, handle) = start(4 * MIB);
    let head = "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    let mut clients: Vec<Client> = (0..30).map(|_| server.connect()).collect();
    for client in &mut clients {
        client.send(format!("{head}5\r\nhello\r\n")).unwrap();
    }
    wait_until(&handle, "all of them", |handle| held(handle) >= 30 * 5);
    for client in &mut clients {
        client.send("1\r\n!\r\n").unwrap();
    }
    assert_others_are_served(&server);
    for client in &mut clients {
        client.send("0\r\n\r\n").unwrap();
        assert_eq!(client.read_reply().unwrap().body, b"hello!");
    }
    assert_eq!(rejections(&handle), 0);
    server.stop();
}

#[test]
fn a_response_that_does_not_fit_is_replaced_by_503_and_the_connection_goes_on() {
    let (server, handle) = start(MIB);
    let mut client = server.connect();
    for _ in 0..2 {
        assert_rejected(&client.ask(get("/large")).unwrap());
        assert_eq!(client.ask(get("/")).unwrap().body, b"here");
    }
    wait_until(&handle, "both to be counted", |handle| rejections(handle) == 2);
    assert_eq!(held(&handle), 0);
    server.stop();
}

#[test]
fn unread_responses_are_counted_until_their_clients_disconnect() {
    let (server, handle) = start(64 * MIB);
    let mut clients = Vec::new();
    for count in 1..=3 {
        let mut client = server.connect();
        client.send(get("/large")).unwrap();
        clients.push(client);
        wait_until(&handle, "the response", |handle| held(handle) >= count * LARGE);
    }
    assert_rejected(&server.connect().ask(get("/large")).unwrap());
    assert_others_are_served(&server);
    clients.pop();
    wait_until(&handle, "one to be gone", |handle| held(handle) < 3 * LARGE);
    assert_eq!(server.connect().ask(get("/large")).unwrap().body.len(), LARGE);
    drop(clients);
    wait_until(&handle, "all to be gone", |handle| held(handle) == 0);
    server.stop();
}

#[test]
fn bytes_that_are_shared_are_counted_once_however_many_read_them() {
    let (server, handle) = start(32 * MIB);
    let mut clients: Vec<Client> = (0..8).map(|_| server.connect()).collect();
    for client in &mut clients {
        client.send(get("/shared")).unwrap();
    }
    wait_until(&handle, "the response", |handle| held(handle) >= LARGE);
    for mut client in clients {
        assert_eq!(client.read_reply().unwrap().body.len(), LARGE);
        assert!(held(&handle) < LARGE + MIB, "{:?}", handle.memory());
    }
    assert_eq!(rejections(&handle), 0);
    server.stop();
}

/// Regression test: a client that reads nothing can only send a little, but it was counted nowhere, and nothing bounded
/// the sum.
#[test]
fn input_that_cannot_be_read_yet_and_output_that_is_not_taken_are_counted() {
    let (server, handle) = start(MIB);
    let padding = "p".repeat(1000);
    let pipelined = format!("GET /16k HTTP/1.1\r\nHost: a\r\nX: {padding}\r\n\r\n").repeat(900);
    // For each client, up to 32 KiB of unhandled input are held, and up to 80 KiB of output that it has not
    // read.
    let mut clients: Vec<Client> = (0..120).map(|_| server.connect()).collect();
    for client in &mut clients {
        let _ = client.send(&pipelined); // it may have ended already
    }
    wait_until(&handle, "one to be given up", |handle| rejections(handle) > 0);
    assert_eq!(server.connect().ask(get("/")).unwrap().body, b"here");
    drop(clients);
    wait_until(&handle, "all to be gone", |handle| held(handle) == 0);
    server.stop();
}

#[test]
fn header_sections_that_are_incomplete_are_counted_and_rejected_at_the_bound() {
    let (server, handle) = start(MIB);
    let start = format!("GET / HTTP/1.1\r\nHost: a\r\nX: {}", "x".repeat(15_000));
    let mut clients = Vec::new();
    while rejections(&handle) == 0 {
        assert!(clients.len() < 100, "{:?}", handle.memory());
        let before = held(&handle);
        let mut client = server.connect();
        client.send(&start).unwrap();
        clients.push(client);
        let is_kept = |handle: &ServerHandle| held(handle) > before || rejections(handle) > 0;
        wait_until(&handle, "the client to be kept or not", is_kept);
    }
    let mut last = clients.pop().expect("one was rejected");
    assert_rejected(&last.read_reply().unwrap());
    assert_eq!(server.connect().ask(get("/")).unwrap().body, b"here");
    let mut first = clients.swap_remove(0);
    first.send("\r\n\r\n").unwrap();
    assert_eq!(first.read_reply().unwrap().body, b"here");
    drop((first, last, clients));
    server.wait_until("all to be gone", |statistics| statistics.open == 0);
    assert_eq!(held(&handle), 0);
    server.stop();
}

#[test]
fn the_metrics_show_the_memory_held_its_limit_and_rejections() {
    let settings =
        ["--addr", "127.0.0.1:0", "--log", "off", "--max-memory", "2MiB", "--max-body", "1MiB"];
    let program = wire::Program::start(env!("CARGO_BIN_EXE_httpserver"), &settings).unwrap();
    let connect = || Client::connect(program.addr()).unwrap().with_patience(LONG);
    assert_rejected(&connect().ask(get("/counter?kb=4096")).unwrap());
    let is_counted = |stderr: &str| stderr.contains(": no_memory");
    program.wait_for_stderr("the rejection", LONG, is_counted).unwrap();
    let page = connect().ask(get("/metrics")).unwrap();
    let page = String::from_utf8_lossy(&page.body).into_owned();
    for line in [
        "http_memory_held_bytes 0",
        "http_memory_limit_bytes 2097152",
        "http_rejections_total{reason=\"no_memory\"} 1",
    ] {
        assert!(page.lines().any(|it| it == line), "{line} is not in {page}");
    }
}

/// Memory that the allocator keeps is resident although it is not in use, and it counts towards a container's
/// limit.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[test]
fn memory_goes_back_to_the_os_when_the_clients_have_gone() {
    let settings = ["--addr", "127.0.0.1:0", "--log", "off", "--max-memory", "128MiB"];
    let program = wire::Program::start(env!("CARGO_BIN_EXE_httpserver"), &settings).unwrap();
    let connect = || Client::connect(program.addr()).unwrap().with_patience(LONG);
    // Responses of 10 MiB, generated by many threads. Eleven of them are kept until their clients
    // disconnect. With 40 clients or fewer, memory goes back also without our settings of the allocator.
    let mut clients: Vec<Client> = (0..100).map(|_| connect()).collect();
    for client in &mut clients {
        client.send(get("/counter?kb=10240")).unwrap();
    }
    for client in &mut clients {
        client.read_exact(15).unwrap();
    }
    drop(clients);
    let deadline = Instant::now() + LONG;
    let nothing = "http_memory_held_bytes 0\n";
    while !String::from_utf8_lossy(&connect().ask(get("/metrics")).unwrap().body).contains(nothing)
    {
        assert!(Instant::now() < deadline, "waited for all to be given back");
    }
    let status = std::fs::read_to_string(format!("/proc/{}/status", program.pid())).unwrap();
    let resident = |name: &str| -> u64 {
        let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        line.split_whitespace().next().unwrap().parse().unwrap()
    };
    let (now, most) = (resident("VmRSS:"), resident("VmHWM:"));
    println!("{now} KiB are left of {most} KiB");
    assert!(now < 64 * 1024, "{now} KiB are left of {most} KiB");
}
