//! The address of a client behind a proxy: which reports count, and that no client can choose its address.

mod support;

use std::time::Duration;

use httpserver::http::{Request, TrustedProxies};
use httpserver::server::ConnectionLimits;
use serde_json::Value;
use support::Running;
use wire::{Client, Program, request};

const PROGRAM: &str = env!("CARGO_BIN_EXE_httpserver");

/// Far longer than anything here takes.
const LONG: Duration = Duration::from_secs(20);

/// A server whose handler responds with the client's address. Each test is a proxy or a client at 127.0.0.1.
fn start(trusted: &str) -> Running {
    let proxies: TrustedProxies = trusted.parse().unwrap();
    let handler = |request: &mut Request| {
        assert!(request.peer().ip().is_loopback(), "the peer is the other end of the connection");
        request.client().to_string()
    };
    Running::start(|server| server.with_trusted_proxies(proxies), handler)
}

fn ask(client: &mut Client, fields: &str) -> String {
    let reply = client.ask(format!("GET / HTTP/1.1\r\nHost: a\r\n{fields}\r\n")).unwrap();
    assert_eq!(reply.status, 200, "{fields:?}");
    reply.text()
}

#[test]
fn nothing_that_an_untrusted_peer_sends_counts() {
    let server = start("10.0.0.0/8, 127.0.0.2, fd00::/8");
    let mut client = server.connect();
    for fields in [
        "",
        "X-Forwarded-For: 203.0.113.9\r\n",
        "X-Forwarded-For: 10.0.0.1\r\nX-Forwarded-For: 203.0.113.9\r\n",
        "Forwarded: for=203.0.113.9\r\n",
        "Forwarded: for=\"[2001:db8::1]:80\"\r\nX-Forwarded-For: 2001:db8::1\r\n",
        "X-Real-IP: 203.0.113.9\r\n",
    ] {
        assert_eq!(ask(&mut client, fields), "127.0.0.1", "{fields:?}");
    }
    server.stop();
}

/// The real client is at 203.0.113.9. The other addresses belong to proxies, or are invented by the client.
#[test]
fn the_client_is_the_nearest_address_that_is_no_trusted_proxy() {
    let server = start("127.0.0.1, 10.0.0.0/8");
    let mut proxy = server.connect();
    let chain = format!("X-Forwarded-For: 192.0.2.1{}\r\n", ", 10.0.0.1".repeat(40));
    for (fields, expected) in [
        ("", "127.0.0.1"),
        ("X-Forwarded-For: 203.0.113.9\r\n", "203.0.113.9"),
        ("x-forwarded-FOR: 203.0.113.9\r\n", "203.0.113.9"),
        ("X-Forwarded-For: 192.0.2.1, 10.0.0.9, 203.0.113.9, 10.0.0.1\r\n", "203.0.113.9"),
        ("X-Forwarded-For: 192.0.2.1\r\nX-Forwarded-For: 203.0.113.9\r\n", "203.0.113.9"),
        (
            "X-Forwarded-For: 192.0.2.1, 203.0.113.9\r\nA: b\r\nX-Forwarded-For: 10.0.0.1\r\n",
            "203.0.113.9",
        ),
        ("X-Forwarded-For: 203.0.113.9:4711, 10.0.0.1:80\r\n", "203.0.113.9"),
        ("X-Forwarded-For: 192.0.2.1, [2001:db8::1]:80, 10.0.0.1\r\n", "2001:db8::1"),
        ("X-Forwarded-For: 2001:db8::1\r\n", "2001:db8::1"),
        ("X-Forwarded-For: 192.0.2.1, unknown\r\n", "127.0.0.1"),
        ("X-Forwarded-For: 192.0.2.1, unknown, 10.0.0.1\r\n", "10.0.0.1"),
        ("X-Forwarded-For: 192.0.2.1, _hidden, 10.0.0.1\r\n", "10.0.0.1"),
        ("X-Forwarded-For: 192.0.2.1, caf\u{e9} \"\r\n", "127.0.0.1"),
        ("X-Forwarded-For: , 203.0.113.9,, 10.0.0.1 ,\r\nX-Forwarded-For:\r\n", "203.0.113.9"),
        ("X-Forwarded-For: 10.0.0.2, 10.0.0.1\r\n", "10.0.0.2"),
        (&chain, "10.0.0.1"),
        ("Forwarded: for=203.0.113.9\r\n", "203.0.113.9"),
        ("forwarded: For=192.0.2.1, FOR=203.0.113.9;Proto=https\r\n", "203.0.113.9"),
        (
            "Forwarded: for=192.0.2.1\r\nForwarded: for=203.0.113.9, for=\"10.0.0.1:80\"\r\n",
            "203.0.113.9",
        ),
        ("Forwarded: by=10.0.0.1;for=\"[2001:db8::1]:80\"\r\n", "2001:db8::1"),
        ("Forwarded: for=\"192.0.2.1, for=203.0.113.9\r\n", "203.0.113.9"),
        ("Forwarded: for=192.0.2.1, for=_hidden, for=10.0.0.1\r\n", "10.0.0.1"),
        ("Forwarded: for=192.0.2.1, for=unknown\r\n", "127.0.0.1"),
        (
            "Forwarded: for=203.0.113.9\r\nX-Forwarded-For: 192.0.2.1, 203.0.113.9\r\n",
            "203.0.113.9",
        ),
        ("Forwarded: for=192.0.2.1\r\nX-Forwarded-For: 203.0.113.9\r\n", "127.0.0.1"),
        // Other fields that a proxy may write, and names that are only similar.
        ("X-Real-IP: 192.0.2.1\r\nX_Forwarded_For: 192.0.2.1\r\n", "127.0.0.1"),
    ] {
        assert_eq!(ask(&mut proxy, fields), expected, "{fields:?}");
    }
    // A line that is folded (obs-fold) is rejected, so two programs cannot read it in two ways.
    proxy
        .send("GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 192.0.2.1,\r\n 203.0.113.9\r\n\r\n")
        .unwrap();
    assert_eq!(proxy.read_reply().unwrap().status, 400);
    drop(proxy);
    server.stop();
}

/// A proxy sends the requests of many clients on one connection, and a body may arrive later than its header section.
#[test]
fn each_request_of_a_connection_has_its_own_client() {
    let server = start("127.0.0.1");
    let mut proxy = server.connect();
    let from =
        |last| format!("POST / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 203.0.113.{last}\r\n");
    let whole = format!("{}Content-Length: 2\r\n\r\nab", from(1));
    proxy.send([&whole, "GET / HTTP/1.1\r\nHost: a\r\n\r\n", &from(2)].concat()).unwrap();
    assert_eq!(proxy.read_reply().unwrap().text(), "203.0.113.1");
    assert_eq!(proxy.read_reply().unwrap().text(), "127.0.0.1");
    proxy.send("Content-Length: 70000\r\n\r\n").unwrap();
    proxy.send(vec![b'x'; 70_000]).unwrap();
    assert_eq!(proxy.read_reply().unwrap().text(), "203.0.113.2");
    drop(proxy);
    server.stop();
}

#[test]
fn connections_of_a_trusted_proxy_do_not_count_for_one_address() {
    let clients = ConnectionLimits { total: 4, by_address: Some(1) };
    for (trusted, status) in [("127.0.0.1", 200), ("10.0.0.1", 503)] {
        let proxies: TrustedProxies = trusted.parse().unwrap();
        let server = Running::start(
            |server| server.with_connection_limits(clients).with_trusted_proxies(proxies),
            |_: &mut Request| "done",
        );
        let mut first = server.connect();
        assert_eq!(first.ask(request("GET", "/", &[], b"")).unwrap().status, 200);
        let mut second = server.connect();
        second.send(request("GET", "/", &[], b"")).unwrap();
        assert_eq!(second.read_reply().unwrap().status, status, "{trusted}");
        let rejected = u64::from(status == 503);
        server.wait_until("the count", |statistics| statistics.rejected == rejected);
        server.stop();
    }
}

/// The bucket of `/limited` has five tokens, and gets one a second.
#[test]
fn a_client_uses_up_its_own_bucket_and_cannot_use_up_another() {
    let arguments = ["--addr", "127.0.0.1:0", "--trusted-proxies", "127.0.0.1", "--log", "off"];
    let program = Program::start(PROGRAM, &arguments).unwrap();
    let mut proxy = Client::connect(program.addr()).unwrap();
    let mut remaining = |chain: &str| -> (u16, u32) {
        let reply =
            proxy.ask(request("GET", "/limited", &[("X-Forwarded-For", chain)], b"")).unwrap();
        (reply.status, reply.field("RateLimit-Remaining").unwrap().parse().unwrap())
    };
    let mut refused = 0;
    for number in 0..20 {
        // Client A pretends to be client B, and each time another client.
        let chain = format!("198.51.100.{number}, 203.0.113.2, 203.0.113.1");
        refused += u32::from(remaining(&chain).0 == 429);
    }
    // The burst allows five at once, and one more is allowed for each second that these twenty take.
    assert!(refused >= 1, "the 20 requests were all within the limit");
    assert_eq!(remaining("203.0.113.2"), (200, 4), "client B has all of its tokens");
    assert_eq!(remaining("198.51.100.0"), (200, 4));
    // All addresses of an IPv6 network share a bucket.
    let network = (0..20).map(|number| remaining(&format!("2001:db8:0:1::{number}")).0);
    assert!(network.filter(|status| *status == 429).count() >= 1);
}

#[test]
fn both_logs_have_the_client_that_the_proxy_reports() {
    for (format, logged) in
        [("common", "203.0.113.9 - - ["), ("json", "\"client\":\"203.0.113.9\"")]
    {
        let arguments =
            ["--addr", "127.0.0.1:0", "--trusted-proxies", "127.0.0.0/8", "--log", format];
        let program = Program::start(PROGRAM, &arguments).unwrap();
        let fields = [("X-Forwarded-For", "192.0.2.1, 203.0.113.9")];
        let mut proxy = Client::connect(program.addr()).unwrap();
        assert_eq!(proxy.ask(request("GET", "/empty", &fields, b"")).unwrap().status, 204);
        let text = program.wait_for_stdout("a line", LONG, |text| text.contains("/empty")).unwrap();
        let line = text.lines().find(|line| line.contains("/empty")).unwrap();
        assert!(line.contains(logged), "{line}");
        if format == "json" {
            serde_json::from_str::<Value>(line).unwrap();
        }
    }
}

#[test]
fn a_rejection_names_the_client_once_its_header_section_is_complete() {
    let arguments = [
        ["--addr", "127.0.0.1:0"],
        ["--trusted-proxies", "127.0.0.1"],
        ["--body-timeout", "100ms"],
        ["--head-timeout", "100ms"],
        ["--log", "off"],
    ];
    let program = Program::start(PROGRAM, arguments.as_flattened()).unwrap();
    let field = "X-Forwarded-For: 192.0.2.1, 203.0.113.9\r\n";
    let post = format!("POST /echo HTTP/1.1\r\nHost: a\r\n{field}");
    let too_large = format!("{post}Content-Length: 9999999999\r\n\r\n");
    let late_body = format!("{post}Content-Length: 5\r\n\r\nhe");
    let late_head = post.clone();
    let no_head = format!("{post}Bad Field: 1\r\n\r\n");
    let served = format!("GET /empty HTTP/1.1\r\nHost: a\r\n{field}\r\n");
    for (bytes, client, rejected) in [
        (&too_large, "203.0.113.9 via ", "with 413 "),
        (&late_body, "203.0.113.9 via ", "with 408 "),
        (&late_head, "", "with 408 "),
        (&no_head, "", "with 400 "),
    ] {
        let mut proxy = Client::connect(program.addr()).unwrap();
        // The client of an earlier request on the connection is not reported for the rejected request.
        assert_eq!(proxy.ask(&served).unwrap().status, 204);
        proxy.send(bytes).unwrap();
        assert!(proxy.read_reply().unwrap().status >= 400);
        let port = proxy.local_addr().unwrap().port();
        let begin = format!("{client}127.0.0.1:{port}: rejected \"POST /echo");
        let is_logged = |text: &str| {
            text.lines().any(|line| line.starts_with(&begin) && line.contains(rejected))
        };
        program.wait_for_stderr(&begin, LONG, is_logged).unwrap();
    }
}
