//! A request that is rejected for its id is treated like any other: a page can read the reason, and it is counted.

use wire::{Client, Program, Reply, request};

const PAGE: (&str, &str) = ("Origin", "http://localhost:3000");
const FILES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/public");
const BAD: (&str, &str) = ("X-Request-ID", "order 7");

fn start(more: &[&str]) -> (Program, Client) {
    let arguments = [&["--addr", "127.0.0.1:0"], more].concat();
    let program = Program::start(env!("CARGO_BIN_EXE_httpserver"), &arguments).unwrap();
    let client = Client::connect(program.addr()).unwrap();
    (program, client)
}

fn assert_has_a_new_id(reply: &Reply) {
    let ids: Vec<&str> = reply.fields("X-Request-ID").collect();
    assert!(matches!(ids[..], [id] if id.len() == 32), "{reply:?}");
}

#[test]
fn a_rejection_has_the_fields_of_cors_and_nosniff_and_is_counted() {
    let (_program, mut client) = start(&[]);
    let reply = client.ask(request("GET", "/empty", &[PAGE, BAD], b"")).unwrap();
    assert_eq!(
        (reply.status, reply.json().unwrap()["error"].as_str()),
        (400, Some("bad_request_id"))
    );
    assert_eq!(reply.field("Access-Control-Allow-Origin"), Some(PAGE.1), "{reply:?}");
    assert!(reply.lists("Access-Control-Expose-Headers", "X-Request-ID"), "{reply:?}");
    assert!(reply.lists("Vary", "Origin"), "{reply:?}");
    assert_eq!(reply.field("X-Content-Type-Options"), Some("nosniff"), "{reply:?}");
    assert_has_a_new_id(&reply);
    let metrics = client.ask(request("GET", "/metrics", &[], b"")).unwrap().text();
    let is_counted =
        |line: &str| line.starts_with("http_requests_total{") && line.contains("\"400\"");
    assert!(metrics.lines().any(is_counted), "{metrics}");
}

/// A browser sends no id in a preflight. To a program that does, CORS responds as to any preflight.
#[test]
fn cors_responds_to_a_preflight_whatever_its_id() {
    let (_program, mut client) = start(&[]);
    let fields = [PAGE, BAD, ("Access-Control-Request-Method", "PUT")];
    let reply = client.ask(request("OPTIONS", "/users/1", &fields, b"")).unwrap();
    assert_eq!(reply.status, 204, "{reply:?}");
    assert_eq!(reply.field("Access-Control-Allow-Origin"), Some(PAGE.1), "{reply:?}");
    assert_eq!(reply.field("X-Content-Type-Options"), Some("nosniff"), "{reply:?}");
    assert_has_a_new_id(&reply);
}

#[test]
fn a_files_only_server_rejects_it_too() {
    let (_program, mut client) = start(&["--files-only", "--root", FILES]);
    let reply = client.ask(request("GET", "/hello.txt", &[BAD], b"")).unwrap();
    assert_eq!(reply.status, 400, "{reply:?}");
    assert_eq!(reply.field("X-Content-Type-Options"), Some("nosniff"), "{reply:?}");
    assert_has_a_new_id(&reply);
    let page = client.ask(request("GET", "/metrics", &[], b"")).unwrap().text();
    let counted = r#"http_requests_total{method="GET",route="unmatched",status="400"} 1"#;
    assert!(page.lines().any(|line| line == counted), "{page}");
}
