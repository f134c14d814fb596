//! The labs reject some requests, and limit how much of the server an input can take.

use wire::{Client, Program, request};

use super::{PROGRAM, ask, get, get_status, output, post, run, start, statuses};

#[test]
fn an_address_that_others_can_reach_is_rejected_at_the_start() {
    for addr in ["0.0.0.0:0", "[::]:0"] {
        let error = Program::start(PROGRAM, &["--addr", addr]).unwrap_err().to_string();
        assert!(error.contains("--addr") && error.contains("try 127.0.0.1:0"), "{error}");
    }
}

#[test]
fn other_origins_other_hosts_and_other_methods_are_rejected() {
    let program = start(&[]);
    let own = format!("http://{}", program.addr());
    let port = program.addr().port();
    let rebound = format!("evil.example:{port}");
    let table: &[(&[(&str, &str)], u16)] = &[
        (&[], 200),
        (&[("Origin", &own)], 200),
        (&[("Origin", "http://localhost:3000")], 200),
        (&[("Origin", "http://evil.example")], 403),
        (&[("Host", &rebound)], 403),
    ];
    for (fields, status) in table {
        for (method, target) in [("POST", "/labs/wire"), ("GET", "/labs/info")] {
            let reply = ask(&program, method, target, fields, b"");
            assert_eq!(reply.status, *status, "{target} {fields:?}");
            let origin = fields.iter().find(|(name, _)| *name == "Origin").map(|(_, it)| *it);
            let expected = origin.filter(|origin| origin.ends_with(":3000"));
            assert_eq!(reply.field("Access-Control-Allow-Origin"), expected, "{fields:?}");
        }
    }
    let preflight = [
        ("Access-Control-Request-Method", "POST"),
        ("Access-Control-Request-Headers", "content-type"),
    ];
    for (origin, status) in [("http://localhost:3000", 204), ("http://evil.example", 403)] {
        let fields = [&[("Origin", origin)], &preflight[..]].concat();
        assert_eq!(ask(&program, "OPTIONS", "/labs/wire", &fields, b"").status, status);
    }
    assert_eq!(ask(&program, "GET", "/labs/wire", &[], b"").status, 405);
}

#[test]
fn a_huge_body_is_413_and_so_is_one_without_an_end() {
    let program = start(&[]);
    assert_eq!(post(&program, &vec![b'a'; 65_536]).status, 200);
    assert_eq!(post(&program, &vec![b'a'; 65_537]).status, 413);
    let mut client = Client::connect(program.addr()).unwrap();
    let head = |field: &str| {
        format!("POST /labs/wire HTTP/1.1\r\nHost: {}\r\n{field}\r\n\r\n", program.addr())
    };
    assert_eq!(client.ask(head("Content-Length: 999999999999")).unwrap().status, 413);
    let mut client = Client::connect(program.addr()).unwrap();
    client.send(head("Transfer-Encoding: chunked")).unwrap();
    let chunk = [b"10000\r\n".to_vec(), vec![b'a'; 65_536], b"\r\n".to_vec()].concat();
    // The client would continue forever; at some point the server closes the connection.
    let sent = (0..1_000).take_while(|_| client.send(&chunk).is_ok()).count();
    assert!(sent < 1_000, "65 MB were taken");
    assert_eq!(get_status(&program, "/empty"), 204);
}

#[test]
fn slow_and_panicking_handlers_delay_nothing_and_leave_no_trace() {
    let program = start(&[]);
    let slow = get("/slow?ms=10000").repeat(60);
    let report = run(&program, &slow);
    assert_eq!(statuses(&report), [200; 60]);
    assert_eq!(report["clock_ms"], 600_000);
    let panics = get("/panic").repeat(10);
    let report = run(&program, &panics);
    assert_eq!(statuses(&report), [500; 10]);
    assert_eq!(report["next"]["state"], "idle", "the connection stays open");
    assert_eq!(program.stderr_so_far(), "", "nothing is printed");
    let json = [("Content-Type", "application/json")];
    let create = request("POST", "/users", &json, br#"{"name":"Ada"}"#);
    assert_eq!(statuses(&run(&program, &[create, get("/users/1")].concat())), [201, 200]);
    assert_eq!(get_status(&program, "/users/1"), 404, "the users of the lab are its own");
    let metrics = Client::connect(program.addr()).unwrap().ask(get("/metrics")).unwrap().text();
    assert!(!metrics.contains("/panic"), "{metrics}");
}

#[test]
fn only_64_of_1000_requests_get_a_response() {
    let program = start(&[]);
    let request = b"GET /empty HTTP/1.1\r\nHost: a\r\n\r\n";
    let report = run(&program, &request.repeat(1_000));
    assert_eq!(statuses(&report), [204; 64]);
    assert_eq!(report["next"]["state"], "close");
}

#[test]
fn a_report_holds_a_mebibyte_of_output() {
    let program = start(&[]);
    let report = run(&program, &get("/large?kb=10240").repeat(20));
    assert_eq!(report["truncated"], true);
    assert_eq!(report["next"]["state"], "sending");
    assert_eq!(output(&report).len(), 1024 * 1024);
}

#[test]
fn many_trials_at_once_get_200_or_503_and_the_slots_are_freed() {
    let program = start(&[]);
    let input = get("/large?kb=1000").repeat(2);
    let statuses = std::thread::scope(|scope| {
        let ask = || scope.spawn(|| post(&program, &input).status);
        let threads: Vec<_> = (0..20).map(|_| ask()).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect::<Vec<_>>()
    });
    assert!(statuses.iter().all(|status| matches!(status, 200 | 503)), "{statuses:?}");
    assert!(statuses.contains(&200), "{statuses:?}");
    assert_eq!(post(&program, b"").status, 200, "the slots are free again");
}
