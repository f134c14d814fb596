//! 429 on the wire, and success after the time in Retry-After.

use std::thread;
use std::time::Duration;

use wire::{Client, Program, Reply, request};

const PROGRAM: &str = env!("CARGO_BIN_EXE_httpserver");

fn ask(client: &mut Client) -> Reply {
    client.ask(request("GET", "/limited", &[], b"")).unwrap()
}

fn number(reply: &Reply, field: &str) -> u64 {
    reply.field(field).unwrap_or_else(|| panic!("no {field}: {reply:?}")).parse().unwrap()
}

#[test]
fn a_rate_limited_client_gets_retry_after_and_is_served_after_it() {
    let program = Program::start(PROGRAM, &["--addr", "127.0.0.1:0"]).unwrap();
    let mut client = Client::connect(program.addr()).unwrap();
    let first = ask(&mut client);
    assert_eq!((first.status, number(&first, "RateLimit-Limit")), (200, 5));
    let mut refused = first;
    for _ in 0..20 {
        refused = ask(&mut client);
        if refused.status == 429 {
            break;
        }
    }
    assert_eq!(refused.status, 429, "{refused:?}");
    assert_eq!(refused.json().unwrap()["error"], "rate_limited");
    assert_eq!(number(&refused, "RateLimit-Remaining"), 0);
    let seconds = number(&refused, "Retry-After");
    assert_eq!(seconds, 1, "{refused:?}");
    // The test is about the server's own clock, so it has to wait in real time.
    thread::sleep(Duration::from_secs(seconds));
    assert_eq!(ask(&mut client).status, 200);
}

#[test]
fn all_connections_of_a_client_share_its_limit_and_other_routes_have_none() {
    let program = Program::start(PROGRAM, &["--addr", "127.0.0.1:0"]).unwrap();
    let mut refused = 0;
    for _ in 0..12 {
        let mut client = Client::connect(program.addr()).unwrap();
        refused += u32::from(ask(&mut client).status == 429);
        assert_eq!(client.ask(request("GET", "/empty", &[], b"")).unwrap().status, 204);
    }
    // The burst allows five at once, and one more is allowed for each second that these twelve take.
    assert!(refused >= 1, "twelve requests in a row were all within the limit");
}
