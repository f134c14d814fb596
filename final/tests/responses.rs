//! Rules that every response must follow. The rules are in `xtask/wire/src/tables/responses.rs`.

use wire::tables;
use wire::{Client, Program, request};

const PROGRAM: &str = env!("CARGO_BIN_EXE_httpserver");

#[test]
fn every_response_has_its_required_fields() {
    let program = Program::start(PROGRAM, &["--addr", "127.0.0.1:0"]).unwrap();
    tables::check(program.addr(), &tables::responses::rows()).unwrap();
}

/// Regression test: the page contains the method, and `HEAD` is a letter longer than `GET`, so the
/// length was one too many (RFC 9110 section 8.6).
#[test]
fn a_response_to_head_has_the_content_length_of_the_response_to_get() {
    let program = Program::start(PROGRAM, &["--addr", "127.0.0.1:0"]).unwrap();
    for target in ["/", "/inspect"] {
        let length = |method: &str| {
            let mut client = Client::connect(program.addr()).unwrap();
            let reply = client.ask(request(method, target, &[], b"")).unwrap();
            reply.field("Content-Length").map(str::to_string)
        };
        assert!(length("GET").is_some(), "{target}");
        assert_eq!(length("HEAD"), length("GET"), "{target}");
    }
}
