//! Which handler gets a request, and the response if no handler matches.

use wire::{Client, Program, Reply, request};

const PROGRAM: &str = env!("CARGO_BIN_EXE_httpserver");

fn start() -> Program {
    Program::start(PROGRAM, &["--addr", "127.0.0.1:0"]).unwrap()
}

fn ask(client: &mut Client, method: &str, target: &str) -> Reply {
    client.ask(request(method, target, &[], b"")).unwrap()
}

/// The Allow field of `/inspect`, which takes any method, and of the server as a whole.
const ALL: &str = "DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT, TRACE";

#[test]
fn a_request_gets_its_handler_or_404_or_405() {
    let program = start();
    let table = [
        // A route matches the path and the method.
        ("GET", "/", 200, None),
        ("GET", "/?x=1", 200, None),
        ("GET", "http://elsewhere.example/hello/x", 200, None),
        ("GET", "/h%65llo/x", 200, None),
        ("GET", "/users/1", 404, None),
        ("POST", "/echo", 200, None),
        ("PUT", "/echo", 200, None),
        ("PATCH", "/inspect", 200, None),
        ("TRACE", "/inspect", 200, None),
        ("GET", "/empty", 204, None),
        // No route matches the path.
        ("GET", "/nothing", 404, None),
        ("DELETE", "/nothing", 404, None),
        ("OPTIONS", "/nothing", 404, None),
        ("GET", "/Hello/x", 404, None),
        ("GET", "/hello", 404, None),
        ("GET", "/hello/", 404, None),
        ("GET", "/hello/x/", 404, None),
        ("GET", "/hello/x/y", 404, None),
        ("GET", "//hello/x", 404, None),
        ("GET", "/hello%2Fx", 404, None),
        ("GET", "/files", 404, None),
        ("GET", "/files/", 404, None),
        ("GET", "/users/", 404, None),
        ("GET", "/users/ada", 404, None),
        ("DELETE", "/users/ada", 404, None),
        ("GET", "/users/-1", 404, None),
        ("GET", "/users/+1", 404, None),
        ("GET", "/users/4294967296", 404, None),
        // A route matches the path, but not the method.
        ("POST", "/", 405, Some("GET, HEAD, OPTIONS")),
        ("GET", "/echo", 405, Some("OPTIONS, POST, PUT")),
        ("HEAD", "/echo", 405, Some("OPTIONS, POST, PUT")),
        ("DELETE", "/users", 405, Some("GET, HEAD, OPTIONS, POST")),
        ("POST", "/users/1", 405, Some("DELETE, GET, HEAD, OPTIONS, PUT")),
        ("TRACE", "/hello/x", 405, Some("GET, HEAD, OPTIONS")),
        // OPTIONS lists the allowed methods.
        ("OPTIONS", "/", 204, Some("GET, HEAD, OPTIONS")),
        ("OPTIONS", "/echo", 204, Some("OPTIONS, POST, PUT")),
        ("OPTIONS", "/users/1", 204, Some("DELETE, GET, HEAD, OPTIONS, PUT")),
        ("OPTIONS", "/files/a/b", 204, Some("GET, HEAD, OPTIONS")),
        ("OPTIONS", "/inspect", 204, Some(ALL)),
        ("OPTIONS", "*", 204, Some(ALL)),
        ("OPTIONS", "http://elsewhere.example", 204, Some(ALL)),
    ];
    // One connection for all of them: no response may leave extra bytes that would be read as part of the next.
    let mut client = Client::connect(program.addr()).unwrap();
    for (method, target, status, allow) in table {
        let reply = ask(&mut client, method, target);
        assert_eq!(reply.status, status, "{method} {target}\n{reply:?}");
        assert_eq!(reply.field("Allow"), allow, "{method} {target}\n{reply:?}");
    }
}

#[test]
fn a_404_and_a_405_say_so_in_json() {
    let program = start();
    let mut client = Client::connect(program.addr()).unwrap();
    let absent = ask(&mut client, "GET", "/%3Cscript%3E").json().unwrap();
    assert_eq!(absent["error"], "not_found");
    assert_eq!(absent["message"], "there is nothing at /%3Cscript%3E");
    let refused = ask(&mut client, "DELETE", "/hello/x").json().unwrap();
    assert_eq!(refused["error"], "method_not_allowed");
}

#[test]
fn head_is_handled_like_get_without_the_body() {
    let program = start();
    let mut client = Client::connect(program.addr()).unwrap();
    for target in ["/", "/hello/x", "/files/a", "/users", "/users/1", "/empty", "/nothing"] {
        let get = ask(&mut client, "GET", target);
        let head = ask(&mut client, "HEAD", target);
        assert_eq!(head.status, get.status, "{target}");
        assert!(head.body.is_empty(), "{target}\n{head:?}");
        for field in ["Content-Length", "Content-Type"] {
            assert_eq!(head.field(field), get.field(field), "{target}: {field}");
        }
    }
}

#[test]
fn a_204_has_neither_a_body_nor_a_length() {
    let program = start();
    let mut client = Client::connect(program.addr()).unwrap();
    for (method, target) in [("GET", "/empty"), ("OPTIONS", "/empty"), ("OPTIONS", "*")] {
        let reply = ask(&mut client, method, target);
        assert_eq!(reply.status, 204);
        assert_eq!(reply.field("Content-Length"), None, "{method} {target}\n{reply:?}");
        assert_eq!(reply.field("Transfer-Encoding"), None, "{method} {target}\n{reply:?}");
    }
}

#[test]
fn a_parameter_is_decoded_once_after_the_path_was_split() {
    let program = start();
    let mut client = Client::connect(program.addr()).unwrap();
    let table = [
        ("/hello/Ada", "Hello, Ada!\n"),
        ("/hello/Ada%20L", "Hello, Ada L!\n"),
        ("/hello/a+b", "Hello, a+b!\n"),
        ("/hello/caf%C3%A9", "Hello, caf\u{e9}!\n"),
        ("/hello/a%2Fb", "Hello, a/b!\n"),
        ("/hello/%2561", "Hello, %61!\n"),
        ("/hello/%3Cb%3E", "Hello, <b>!\n"),
        ("/hello/..", "Hello, ..!\n"),
    ];
    for (target, text) in table {
        let reply = ask(&mut client, "GET", target);
        assert_eq!(reply.text(), text, "{target}");
        assert_eq!(reply.field("Content-Type"), Some("text/plain; charset=utf-8"), "{target}");
    }
}

#[test]
fn a_line_end_in_a_parameter_makes_no_field() {
    let program = start();
    let mut client = Client::connect(program.addr()).unwrap();
    let reply = ask(&mut client, "GET", "/hello/a%0D%0ASet-Cookie:%20b=c");
    assert_eq!(reply.status, 200);
    assert_eq!(reply.field("Set-Cookie"), None, "{reply:?}");
    assert_eq!(reply.text(), "Hello, a\r\nSet-Cookie: b=c!\n");
}

#[test]
fn a_wildcard_matches_the_remaining_path() {
    let program = start();
    let mut client = Client::connect(program.addr()).unwrap();
    let table = [
        ("/files/a", "a", "application/octet-stream"),
        ("/files/a/b.html", "a/b.html", "text/html; charset=utf-8"),
        ("/files/a/", "a/", "application/octet-stream"),
        ("/files//a.json", "/a.json", "application/json"),
        ("/files/a%20b/%2561.png", "a b/%61.png", "image/png"),
    ];
    for (target, path, content_type) in table {
        let reply = ask(&mut client, "GET", target).json().unwrap();
        assert_eq!((&reply["path"], &reply["content_type"]), (&path.into(), &content_type.into()));
    }
}

#[test]
fn the_welcome_page_lists_the_routes_as_text() {
    let program = start();
    let reply = wire::get(program.addr(), "/").unwrap();
    assert_eq!(reply.field("Content-Type"), Some("text/html; charset=utf-8"));
    let page = reply.text();
    for part in [env!("CARGO_PKG_NAME"), "ANY /inspect", "GET /users/:id&lt;u32&gt;"] {
        assert!(page.contains(part), "{part} is not in {page}");
    }
}

#[test]
fn the_token_of_a_run_is_the_same_until_the_next() {
    let token = |program: &Program| {
        wire::get(program.addr(), "/").unwrap().field("X-Run-Token").map(str::to_string).unwrap()
    };
    let (one, other) = (start(), start());
    assert_eq!(token(&one), token(&one));
    assert_ne!(token(&one), token(&other));
}
