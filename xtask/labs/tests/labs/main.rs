//! Uses the labs' endpoint as a page does, and attacks it as another site's page would.

mod limits;
mod reports;
mod tables;

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use wire::{Client, Program, Reply, request};

const PROGRAM: &str = env!("CARGO_BIN_EXE_labs");

fn start(more: &[&str]) -> Program {
    Program::start(PROGRAM, &[&["--addr", "127.0.0.1:0"], more].concat()).unwrap()
}

/// Posts an input as a program does, with a Host and without an Origin.
fn post(program: &Program, body: &[u8]) -> Reply {
    ask(program, "POST", "/labs/wire", &[], body)
}

fn ask(
    program: &Program,
    method: &str,
    target: &str,
    fields: &[(&str, &str)],
    body: &[u8],
) -> Reply {
    let host = program.addr().to_string();
    let own = [("Host", host.as_str())];
    let fields = if fields.iter().any(|(name, _)| *name == "Host") {
        fields.to_vec()
    } else {
        [&own[..], fields].concat()
    };
    // On a busy machine a report of 800 KB may take more than the five seconds that a client usually waits.
    let mut client =
        Client::connect(program.addr()).unwrap().with_patience(Duration::from_secs(20));
    client.ask(raw(method, target, &fields, body)).unwrap()
}

/// A request with only these fields.
fn raw(method: &str, target: &str, fields: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let mut text = format!("{method} {target} HTTP/1.1\r\nContent-Length: {}\r\n", body.len());
    for (name, value) in fields {
        text.extend([name, ": ", value, "\r\n"]);
    }
    [text.as_bytes(), b"\r\n", body].concat()
}

fn get(target: &str) -> Vec<u8> {
    request("GET", target, &[], b"")
}

fn run(program: &Program, input: &[u8]) -> Value {
    let reply = post(program, input);
    assert_eq!(reply.status, 200, "{reply:?}");
    reply.json().unwrap()
}

fn output(report: &Value) -> Vec<u8> {
    STANDARD.decode(report["output"].as_str().unwrap()).unwrap()
}

/// The statuses of all responses, 1xx too. No body may contain a status line.
fn statuses(report: &Value) -> Vec<u16> {
    let output = String::from_utf8(output(report)).unwrap();
    output.split("HTTP/1.1 ").skip(1).map(|response| response[..3].parse().unwrap()).collect()
}

fn get_status(program: &Program, target: &str) -> u16 {
    Client::connect(program.addr()).unwrap().ask(get(target)).unwrap().status
}
