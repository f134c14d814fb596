//! Uses the labs' endpoint as a page does, and attacks it as another site's page would.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use wire::tables::{self, Test};
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

/// The statuses of all responses, 1xx too.
fn statuses(report: &Value) -> Vec<u64> {
    let messages = report["messages"].as_array().unwrap();
    let of = |message: &Value| {
        let interim = (message["interim"] == true).then_some(100);
        interim.into_iter().chain(message["status"].as_u64()).collect::<Vec<_>>()
    };
    messages.iter().flat_map(of).collect()
}

#[test]
fn a_page_finds_the_server_and_sees_what_it_does() {
    let program = start(&[]);
    let info = ask(&program, "GET", "/labs/info", &[], b"").json().unwrap();
    assert_eq!(info["labs"], 2);
    assert_eq!(info["addr"], program.addr().to_string());

    let input = b"GET /hello/you HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost : a\r\n\r\n";
    let report = run(&program, input);
    assert_eq!(statuses(&report), [200, 400]);
    let output = String::from_utf8(output(&report)).unwrap();
    assert!(output.starts_with("HTTP/1.1 200 OK\r\n") && output.contains("Hello, you!"));
    assert_eq!(report["messages"][0]["request"]["target"], "/hello/you");
    let rejection = &report["rejection"];
    assert_eq!((&rejection["at"], &rejection["status"]), (&json!(input.len() - 1), &json!(400)));
    assert_eq!(rejection["text"], "a field line must be `name: value`");
    assert_eq!(rejection["rule"], "RFC 9112 section 5");
    assert_eq!(report["next"]["state"], "close");
    let blamed: Vec<_> = report["spans"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|span| span["blame"] == true && span["part"] == "field-name")
        .map(|span| (span["from"].as_u64(), span["to"].as_u64(), span["message"].as_u64()))
        .collect();
    assert_eq!(blamed, [(Some(52), Some(57), Some(1))]);
}

#[test]
fn a_report_says_what_the_server_waits_for_and_what_it_sends_at_a_timeout() {
    let program = start(&[]);
    let post = "POST /echo HTTP/1.1\r\nHost: a\r\n";
    let table = [
        (String::new(), "idle", Some(75_000), None),
        ("GET / HTTP/1.1\r\nHost: a\r\n\r\n".to_string(), "idle", Some(75_000), None),
        ("GET / HT".to_string(), "header-section", Some(10_000), Some(408)),
        (format!("{post}Content-Length: 3\r\n\r\nab"), "body", Some(30_000), Some(408)),
        ("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".to_string(), "close", None, None),
        ("GET / HTTP/1.1\r\n\r\n".to_string(), "close", Some(2_000), None),
    ];
    for (input, state, after, then) in table {
        let next = &run(&program, input.as_bytes())["next"];
        let found =
            (next["state"].as_str(), next["after_ms"].as_u64(), next["then"]["status"].as_u64());
        assert_eq!(found, (Some(state), after, then), "{input:?}: {next}");
    }
    let asks = format!("{post}Expect: 100-continue\r\nContent-Length: 3\r\n\r\n");
    assert_eq!(statuses(&run(&program, asks.as_bytes())), [100]);
    let whole = format!("{asks}abc");
    assert_eq!(statuses(&run(&program, whole.as_bytes())), [200]);
    let other = format!("{post}Expect: tea\r\nContent-Length: 3\r\n\r\nabc");
    let report = run(&program, other.as_bytes());
    assert_eq!(statuses(&report), [417]);
    assert_eq!(report["rejection"]["rule"], "RFC 9110 section 10.1.1");
    assert_eq!(report["messages"][1]["outcome"], "unread");
}

/// The output without the dates and ids, which differ between any two responses.
fn without_dates_and_ids(output: &[u8]) -> String {
    let text = String::from_utf8_lossy(output);
    let differs = |line: &str| {
        ["Date:", "X-Request-ID:", "X-Run-Token:"].iter().any(|name| {
            line.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name))
        })
    };
    let lines: Vec<_> = text.split("\r\n").filter(|line| !differs(line)).collect();
    let mut text = lines.join("\r\n");
    while let Some(from) = text.find(r#""id":""#) {
        let length = text[from + 6..].find('"').unwrap();
        text.replace_range(from..from + 6 + length, "an id");
    }
    text
}

/// The same bytes go to a lab and to the server itself, and the same bytes come back.
#[test]
fn a_lab_agrees_with_the_server_on_every_row_of_the_tables() {
    let program = start(&[]);
    let mut count = 0;
    for row in tables::all() {
        let Test::Exchange { bytes, statuses: expected, closes, .. } = &row.test else { continue };
        if bytes.len() > 65_536 {
            continue; // those are about limits
        }
        let report = run(&program, bytes);
        let expected: Vec<_> = expected.iter().map(|status| u64::from(*status)).collect();
        assert_eq!(statuses(&report), expected, "{row}");
        assert_eq!(report["next"]["state"] == "close", *closes, "{row}\n{report}");
        let is_rejection = report["rejection"].is_object();
        let messages = report["messages"].as_array().unwrap();
        assert_eq!(
            is_rejection,
            messages.iter().any(|message| message["outcome"] == "rejected"),
            "{row}"
        );

        let mut client = Client::connect(program.addr()).unwrap();
        client.send(bytes).unwrap();
        client.half_close().unwrap();
        let real = client.read_to_end().unwrap();
        assert_eq!(without_dates_and_ids(&output(&report)), without_dates_and_ids(&real), "{row}");
        count += 1;
    }
    assert!(count > 300, "only {count} rows");
}

/// Parts and messages cover the input without a gap, and each rejection marks a part.
#[test]
fn every_byte_of_the_tables_has_a_part() {
    let program = start(&[]);
    for row in tables::all() {
        let Test::Exchange { bytes, .. } = &row.test else { continue };
        if bytes.len() > 20_000 {
            continue;
        }
        let report = run(&program, bytes);
        for list in ["spans", "messages"] {
            let mut at = 0;
            for part in report[list].as_array().unwrap() {
                assert_eq!(part["from"], at, "{row}");
                at = part["to"].as_u64().unwrap();
            }
            assert_eq!(at, bytes.len() as u64, "{row}");
        }
        let rejection = &report["rejection"];
        if rejection.is_object() {
            let is_blamed =
                |span: &Value| span["blame"] == true && span["message"] == rejection["message"];
            assert!(report["spans"].as_array().unwrap().iter().any(is_blamed), "{row}");
            let is_explained =
                ["code", "text", "rule"].iter().all(|key| rejection[*key].is_string());
            assert!(is_explained, "{row}\n{rejection}");
        }
    }
}

#[test]
fn a_sandbox_has_no_lab() {
    let inner = b"GET /labs/info HTTP/1.1\r\nHost: 127.0.0.1:1\r\n\r\n";
    assert_eq!(statuses(&run(&start(&[]), inner)), [404]);
}

/// A response to HEAD has no body, so the lab must produce the text.
#[test]
fn a_rejected_head_has_the_words_of_a_rejected_get() {
    let program = start(&[]);
    for rest in
        ["Host: a\r\nExpect: tea\r\n\r\n", "\r\n", "Host: a\r\nTransfer-Encoding: x\r\n\r\n"]
    {
        let words = |method: &str| {
            let report = run(&program, format!("{method} / HTTP/1.1\r\n{rest}").as_bytes());
            ["status", "code", "text"].map(|key| report["rejection"][key].clone())
        };
        assert!(words("GET")[2].is_string(), "{rest:?}");
        assert_eq!(words("HEAD"), words("GET"), "{rest:?}");
    }
}

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
        (&[("Origin", "http://127.0.0.1:3000")], 200),
        (&[("Origin", "http://evil.example")], 403),
        (&[("Origin", "http://localhost:3001")], 403),
        (&[("Origin", "null")], 403),
        (&[("Host", &rebound)], 403),
        (&[("Host", &rebound), ("Origin", "http://evil.example")], 403),
        (&[("Host", "127.0.0.1:1")], 403),
        (&[("Host", "")], 403),
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
    assert_eq!(run(&program, &vec![b'a'; 65_536])["input"], 65_536);
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

fn get_status(program: &Program, target: &str) -> u16 {
    Client::connect(program.addr()).unwrap().ask(get(target)).unwrap().status
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
    let messages = report["messages"].as_array().unwrap();
    assert_eq!(messages[64]["outcome"], "unread");
    assert_eq!(messages[64]["from"], 64 * request.len());
    assert!(messages.len() == 65 && messages[63]["keeps_alive"] == false);
}

#[test]
fn a_report_holds_a_mebibyte_of_output_and_8192_spans() {
    let program = start(&[]);
    let report = run(&program, &get("/large?kb=10240").repeat(20));
    assert_eq!(report["truncated"], true);
    assert_eq!(report["next"]["state"], "sending");
    assert_eq!(output(&report).len(), 1024 * 1024);
    let lines = [&b"GET / HTTP/1.1\r\nHost: a\r\n"[..], &b"a:\r\n".repeat(90), b"\r\n"].concat();
    let many = lines.repeat(60);
    let report = run(&program, &many);
    assert_eq!(report["spans_truncated"], true);
    assert_eq!(report["spans"].as_array().unwrap().len(), 8_192);
    assert_eq!(statuses(&report), [200; 60]);
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

#[test]
fn the_book_is_at_the_root_and_the_demonstration_keeps_its_paths() {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in
        [("index.html", "the book"), ("labs/lab.js", "a lab"), ("part1/page.html", "a page")]
    {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    let program = start(&["--book", folder.path().to_str().unwrap()]);
    let mut client =
        Client::connect(program.addr()).unwrap().with_patience(Duration::from_secs(10));
    for (method, target, status, text) in [
        ("GET", "/", 200, "the book"),
        ("GET", "/labs/lab.js", 200, "a lab"),
        ("GET", "/part1/page.html", 200, "a page"),
        ("GET", "/part1/none.html", 404, ""),
        ("GET", "/hello/you", 200, "Hello, you!\n"),
        ("GET", "/users/7", 404, "no_such_user"),
        ("OPTIONS", "/echo", 204, ""),
        ("DELETE", "/echo", 405, ""),
        ("POST", "/", 405, ""),
        ("GET", "/../Cargo.toml", 404, ""),
    ] {
        let reply = client.ask(request(method, target, &[], b"")).unwrap();
        assert_eq!(reply.status, status, "{method} {target}");
        assert!(reply.text().contains(text), "{method} {target}: {}", reply.text());
    }
    assert_eq!(ask(&program, "GET", "/labs/info", &[], b"").status, 200);
    assert_eq!(statuses(&run(&program, &get("/hello/you"))), [200]);
}
