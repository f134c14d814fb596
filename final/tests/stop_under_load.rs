//! SIGTERM under load: requests in progress get responses, clients that connect during the delay do too, and the next
//! server takes over the port.
#![cfg(unix)]

use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, RwLock};
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

use wire::{Client, Program, Reply, Signal, request};

const PROGRAM: &str = env!("CARGO_BIN_EXE_httpserver");

const CLIENTS: usize = 64;

/// Far longer than any step here takes, even on a busy machine.
const LONG: Duration = Duration::from_secs(20);

fn start(address: &str, more: &[&str]) -> Program {
    Program::start(PROGRAM, &[&["--addr", address, "--log", "off"], more].concat()).unwrap()
}

/// How long a request takes: a pseudo-random time from 0 to 500 ms, the same in every run.
fn milliseconds(client: usize, number: usize) -> usize {
    (client * 61 + number * 137) % 501
}

/// A client that sends requests until the server is about to be stopped, and checks the responses.
fn client(
    index: usize,
    program: &Program,
    is_stopping: &Arc<RwLock<bool>>,
    answered: Sender<()>,
) -> JoinHandle<Vec<String>> {
    let (address, is_stopping) = (program.addr(), Arc::clone(is_stopping));
    let ask = move || {
        let mut complaints = Vec::new();
        let mut kept: Option<Client> = None;
        for number in 0.. {
            let time = milliseconds(index, number);
            let asked = {
                // While this lock is held, the signal is not sent. So these requests are sent before it.
                let is_stopping = is_stopping.read().unwrap();
                if *is_stopping {
                    break;
                }
                let mut asked = kept
                    .take()
                    .unwrap_or_else(|| Client::connect(address).unwrap().with_patience(LONG));
                asked.send(request("GET", &format!("/slow?ms={time}"), &[], b"")).unwrap();
                asked
            };
            let mut asked = asked;
            match asked.read_reply() {
                Ok(reply) if is_answer(&reply, time) => {
                    // Every second client has a connection for each request.
                    kept = (index.is_multiple_of(2) && !reply.lists("Connection", "close"))
                        .then_some(asked);
                }
                other => complaints.push(format!("client {index}, request {number}: {other:?}")),
            }
            let _ = answered.send(());
        }
        complaints
    };
    Builder::new().name(format!("client {index}")).spawn(ask).unwrap()
}

/// With fewer threads than clients some get a 503, which is a response as well.
fn is_answer(reply: &Reply, time: usize) -> bool {
    match reply.status {
        200 => reply.text() == format!("{time} ms later\n"),
        503 => reply.field("Retry-After").is_some(),
        _ => false,
    }
}

#[test]
fn every_request_that_was_sent_before_sigterm_gets_a_response() {
    // With the default number of threads, with one thread for each client, and with few threads.
    for threads in ["", "96", "16"] {
        let threads: &[&str] = if threads.is_empty() { &[] } else { &["--threads", threads] };
        let drain = ["--drain-timeout", "10s"];
        let program = start("127.0.0.1:0", &[threads, &drain].concat());
        let mut idle = Client::connect(program.addr()).unwrap().with_patience(LONG);
        assert_eq!(idle.ask(request("GET", "/empty", &[], b"")).unwrap().status, 204);

        let is_stopping = Arc::new(RwLock::new(false));
        let (sender, answered) = mpsc::channel();
        let clients: Vec<_> = (0..CLIENTS)
            .map(|index| client(index, &program, &is_stopping, sender.clone()))
            .collect();
        // All clients have connected, and some have begun their second or third request.
        for _ in 0..2 * CLIENTS {
            answered.recv_timeout(LONG).unwrap();
        }
        {
            let mut is_stopping = is_stopping.write().unwrap();
            *is_stopping = true;
            program.signal(Signal::Terminate).unwrap();
        }
        let complaints: Vec<String> =
            clients.into_iter().flat_map(|client| client.join().unwrap()).collect();
        assert!(complaints.is_empty(), "{threads:?}: {complaints:#?}");
        idle.expect_closed().unwrap();

        // No request is left to wait for, so the program ends before its deadline.
        assert!(program.wait(Duration::from_secs(10)).unwrap().success(), "{threads:?}");
        let last_words = program.stderr_so_far();
        assert!(last_words.contains("stopped: 0 aborted"), "{threads:?}: {last_words}");
        // Its port has connections in TIME_WAIT now.
        let next = start(&program.addr().to_string(), &[]);
        assert_eq!(next.addr(), program.addr());
        assert_eq!(wire::get(next.addr(), "/empty").unwrap().status, 204);
    }
}

#[test]
fn a_request_that_does_not_end_is_not_waited_for_beyond_the_drain_time() {
    let program = start("127.0.0.1:0", &["--drain-timeout", "200ms"]);
    let mut client = Client::connect(program.addr()).unwrap().with_patience(LONG);
    let whole = request("GET", "/slow?ms=10000", &[("Expect", "100-continue")], b"?");
    client.send(&whole[..whole.len() - 1]).unwrap();
    // The server sends `100 Continue` once it has the header section.
    assert_eq!(client.read_reply().unwrap().status, 100);
    client.send(b"?").unwrap();

    program.signal(Signal::Terminate).unwrap();
    // The request alone would take longer.
    assert!(program.wait(Duration::from_secs(8)).unwrap().success());
    let last_words = program.stderr_so_far();
    assert!(last_words.contains("stopped: 1 aborted"), "{last_words}");
    client.expect_closed().unwrap();
    let next = start(&program.addr().to_string(), &[]);
    assert_eq!(wire::get(next.addr(), "/empty").unwrap().status, 204);
}

#[test]
fn a_stop_with_a_delay_is_not_ready_and_serves_each_client_once_more() {
    // The stop delay would last for an hour, but the second signal ends it.
    let program = start("127.0.0.1:0", &["--stop-delay", "1h"]);
    let mut before = Client::connect(program.addr()).unwrap().with_patience(LONG);
    assert_eq!(before.ask(request("GET", "/", &[], b"")).unwrap().status, 200);

    program.signal(Signal::Terminate).unwrap();
    // The server handles the signal at some later moment, so the test polls it, each time on a new
    // connection.
    let deadline = Instant::now() + LONG;
    let reply = loop {
        let reply = wire::get(program.addr(), "/health/ready").unwrap();
        if reply.status != 200 {
            break reply;
        }
        assert!(Instant::now() < deadline, "the server says that it is ready");
    };
    assert_eq!(reply.status, 503, "{reply:?}");
    assert_eq!(reply.json().unwrap()["checks"]["accepting"], "failed", "{reply:?}");
    assert_eq!(wire::get(program.addr(), "/health/live").unwrap().status, 200);

    let new = Client::connect(program.addr()).unwrap().with_patience(LONG);
    for mut client in [before, new] {
        let reply = client.ask(request("GET", "/", &[], b"")).unwrap();
        assert!(reply.status == 200 && reply.lists("Connection", "close"), "{reply:?}");
        client.expect_closed().unwrap();
    }

    program.signal(Signal::Terminate).unwrap();
    assert!(program.wait(LONG).unwrap().success());
    assert!(Client::connect(program.addr()).is_err());
}
