//! Requests beyond a limit are rejected, with a status that names the limit. The rules are in
//! `xtask/wire/src/tables/limits.rs`.

use std::io::Read;
use std::time::Duration;

use httpserver::http::Request;
use httpserver::{Limits, Server};
use support::Running;
use wire::Program;
use wire::tables;

mod support;

const PROGRAM: &str = env!("CARGO_BIN_EXE_httpserver");

#[test]
fn exceeding_a_limit_is_rejected_with_its_status() {
    let program = Program::start(PROGRAM, &["--addr", "127.0.0.1:0"]).unwrap();
    tables::check(program.addr(), &tables::limits::rows()).unwrap();
}

#[test]
fn times_that_the_clock_cannot_represent_count_as_a_year() {
    let time = Duration::MAX;
    let limits = Limits {
        whole_body: 1,
        idle_time: time,
        head_time: time,
        body_time: time,
        write_time: time,
        linger: time,
        ..Limits::default()
    };
    let set = |server: Server| server.with_limits(limits).with_drain(time);
    let server = Running::start(set, |request: &mut Request| {
        let mut body = Vec::new();
        match request.body_mut().read_to_end(&mut body) {
            Ok(count) => count.to_string(),
            Err(error) => error.to_string(),
        }
    });
    let mut client = server.connect();
    // A header section in parts, a body in parts, a body that its handler reads, and the lingering close: each has a
    // deadline.
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-").unwrap();
    server.wait_until("the client", |now| now.open == 1);
    client.send("Length: 1\r\n\r\n").unwrap();
    client.send("x").unwrap();
    assert_eq!(client.read_reply().unwrap().text(), "1");
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nx").unwrap();
    client.send("yz").unwrap();
    assert_eq!(client.read_reply().unwrap().text(), "3");
    client.send("wrong\r\n\r\n").unwrap();
    assert_eq!(client.read_reply().unwrap().status, 400);
    client.half_close().unwrap();
    client.expect_closed().unwrap();
    assert_eq!(server.stop(), 0);
}
