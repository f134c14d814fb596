//! Tests the checks against [`Script`](crate::Script), a server with scripted responses. A shell script with nc would
//! not run on every machine.

use std::sync::Arc;

use super::*;
use crate::Reply;

/// The arguments of a server that is this shell script.
#[cfg(unix)]
fn shell(script: &str) -> Vec<String> {
    ["sh", "-c", script, "server"].map(String::from).to_vec()
}

const PASSES: Check = Check { sentence: "one", rule: "", run: |_| Ok(()) };

/// The events of these checks.
#[cfg(unix)]
fn events(checks: &[Check], script: &str) -> Vec<Event> {
    let mut out = Vec::new();
    report(checks, &shell(script), &mut out).unwrap();
    String::from_utf8(out).unwrap().lines().filter_map(Event::from_line).collect()
}

fn answer(raw: &str) -> Answer {
    let (head, body) = raw.split_once("\r\n\r\n").unwrap();
    let mut reply = Reply::parse_head(format!("{head}\r\n\r\n").as_bytes()).unwrap();
    reply.body = body.as_bytes().to_vec();
    reply.raw = raw.as_bytes().to_vec();
    reply.framing = crate::Framing::Length;
    Answer {
        sent: b"GET / HTTP/1.1\r\n\r\n".to_vec(),
        reply,
        arguments: Box::default(),
        output: Arc::default(),
    }
}

/// The received bytes from the marked byte on.
fn marked(failure: &Failure) -> &str {
    std::str::from_utf8(&failure.received[failure.wrong_at.unwrap()..]).unwrap()
}

#[test]
fn the_first_wrong_byte_is_marked() {
    let answer = answer("HTTP/1.1 404 Not Found\r\nLong: no-cache\r\nB: x\r\nB: y\r\n\r\nhello");
    let right = answer.status(404).unwrap().field("long", "no-cache").unwrap();
    right.no_field("C").unwrap().body(b"hello").unwrap();
    let failure = answer.status(200).unwrap_err();
    assert_eq!((&*failure.expected, &*failure.got), ("status 200", "status 404"));
    assert!(marked(&failure).starts_with("404"));
    let failure = answer.field("long", "no-store").unwrap_err();
    assert!(marked(&failure).starts_with("cache"), "{failure:?}");
    let failure = answer.no_field("Long").unwrap_err();
    assert!(marked(&failure).starts_with("no-cache"), "{failure:?}");
    assert_eq!(marked(&answer.body(b"help").unwrap_err()), "lo");
    assert_eq!(marked(&answer.body(b"hello!").unwrap_err()), "");
    assert_eq!(answer.field("C", "d").unwrap_err().got.as_ref(), "no field C");
    assert_eq!(answer.field("B", "x").unwrap_err().got.as_ref(), "2 fields B: x | y");
}

#[test]
fn an_error_has_a_status_a_code_and_a_message() {
    let raw = "HTTP/1.1 400 Bad Request\r\nContent-Type: application/json\r\n\r\n";
    let right = answer(&format!("{raw}{{\"error\":\"bad_format\",\"message\":\"x\"}}"));
    right.error(400, "bad_format").unwrap();
    assert!(right.error(422, "bad_format").is_err());
    assert!(right.error(400, "other").is_err());
    assert!(
        answer(&format!("{raw}{{\"error\":\"bad_format\"}}")).error(400, "bad_format").is_err()
    );
}

#[cfg(unix)]
#[test]
fn a_server_that_does_not_start_fails_each_check_with_its_own_words() {
    let events = events(&[PASSES; 2], "echo no luck >&2; exit 3");
    assert_eq!(events.len(), 5);
    let Event::Fail(failure, _) = &events[1] else { panic!("{events:?}") };
    assert!(failure.got.contains("no luck"), "{failure:?}");
    assert_eq!(events[4], Event::Done);
}

/// Regression test: each check of a server that hangs waits until its deadline, so thirteen checks took a minute.
#[cfg(unix)]
#[test]
fn after_two_checks_that_time_out_the_others_are_not_made() {
    let slow = Check { run: |_| Err(Failure::new("a", "b").with_timeout()), ..PASSES };
    let wrong = Check { run: |_| Err(Failure::new("a", "b")), ..PASSES };
    for (checks, made, last) in [
        (&[slow, wrong, PASSES, slow, PASSES][..], 4, Event::GaveUp),
        (&[slow, wrong, wrong, PASSES], 4, Event::Done),
        (&[slow], 1, Event::Done),
    ] {
        let events = events(checks, "echo listening on http://127.0.0.1:1; exec sleep 60");
        assert_eq!((events.len(), events.last()), (2 * made + 1, Some(&last)));
    }
}

#[cfg(unix)]
#[test]
fn a_failure_of_a_server_that_hangs_says_that_it_timed_out() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let script = format!("echo listening on http://{address}; exec sleep 60");
    let server = Server::start(&shell(&script), &[]).unwrap();
    let mut connection = server.connect().unwrap();
    connection.client().set_patience(std::time::Duration::from_millis(20));
    assert!(connection.ask("GET", "/", &[], b"").unwrap_err().timed_out);
    drop(listener);
    assert!(!server.get("/").unwrap_err().timed_out);
}

#[cfg(unix)]
#[test]
fn a_server_that_closes_without_an_answer_is_quoted() {
    // The test itself listens, and starts a program that prints the test's address as its own.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let server = std::thread::Builder::new()
        .name("closes".to_string())
        .spawn(move || drop(listener.accept()));
    let script = format!("echo listening on http://{address}; echo it panicked >&2; exec sleep 60");
    let started = Server::start(&shell(&script), &[]).unwrap();
    let failure = started.get("/api/time").unwrap_err();
    server.unwrap().join().unwrap();
    assert!(failure.sent.starts_with(b"GET /api/time HTTP/1.1\r\n"));
    assert_eq!(&*failure.expected, "a complete response in time");
}

#[cfg(unix)]
#[test]
fn arguments_of_a_check_stand_behind_the_address_and_are_kept() {
    let script = "echo listening on http://127.0.0.1:1; echo \"$@\"; exec sleep 60";
    let plain = Server::start(&shell(script), &[]).unwrap();
    let with = plain.with_arguments(&["a folder", "--log"]).unwrap();
    for (server, expected) in [
        (&plain, "127.0.0.1:0\n"),
        (&with, "127.0.0.1:0 a folder --log\n"),
        (&with.another().unwrap(), "127.0.0.1:0 a folder --log\n"),
    ] {
        let said = |text: &str| text.ends_with(expected);
        server.program().wait_for_stdout("its arguments", crate::PATIENCE, said).unwrap();
    }
}

#[test]
fn one_check_can_be_made_alone_and_of_an_unknown_sentence_all_are() {
    let checks = ["one", "two", "three"].map(|sentence| Check { sentence, ..PASSES });
    let sentences = |only| chosen(&checks, only).iter().map(|it| it.sentence).collect::<Vec<_>>();
    assert_eq!(sentences(Some("two")), ["two"]);
    assert_eq!(sentences(Some("four")), ["one", "two", "three"]);
    assert_eq!(sentences(None), ["one", "two", "three"]);
}
