//! Exercise 3: does the log say where clients come from and what they are, one line each?

use std::collections::BTreeSet;
use std::process::ExitCode;
use std::sync::Barrier;

use regex::Regex;
use serde_json::Value;
use wire::exercise::{self, Answer, Failure, Server, check};
use wire::{Client, at_once, request};

const JSON: &[&str] = &["--log", "json"];

/// The members of the chapter's JSON, with a check of their values.
const OLD: [(&str, fn(&Value) -> bool); 10] = [
    ("time", Value::is_string),
    ("request_id", Value::is_string),
    ("client", Value::is_string),
    ("method", Value::is_string),
    ("target", Value::is_string),
    ("route", Value::is_string),
    ("version", Value::is_string),
    ("status", Value::is_u64),
    ("bytes", Value::is_u64),
    ("duration_ms", Value::is_number),
];

const NEW: [&str; 2] = ["referer", "user_agent"];

fn main() -> ExitCode {
    exercise::main(&[
        check("a line ends with the referer and the user agent, quoted", has_both),
        check("an absent field is a dash, and an empty field is empty", tells_absent_from_empty),
        check("quotes, backslashes and bytes that are not visible ASCII are escaped", escapes),
        check("one request is one line, whatever its fields contain", is_one_line),
        check("the beginning of a line is unchanged", keeps_the_common_format),
        check("in JSON the fields are referer and user_agent, as strings", json_has_both),
        check(
            "in JSON an absent field is null, and an empty field is a string",
            json_tells_absent_from_empty,
        ),
        check("in JSON the old members keep their name, order and type", json_keeps_its_members),
        check("404, 405 and a handler that panics are logged with both fields", errors_are_logged),
        check("fifty requests at the same time are fifty whole lines", lines_stay_whole),
    ])
}

fn has_both(server: &Server) -> Result<(), Failure> {
    let (referer, agent) = ("http://a.example/page?x=1#y", "curl/8.5.0 (a test; not curl)");
    let (answer, line) = said(server, &[("Referer", referer), ("User-Agent", agent)])?;
    ends(&answer, &line, &format!(r#" "{referer}" "{agent}""#))?;
    // Field names are case-insensitive.
    let (answer, line) = said(server, &[("uSER-aGENT", agent), ("referer", referer)])?;
    ends(&answer, &line, &format!(r#" "{referer}" "{agent}""#))
}

fn tells_absent_from_empty(server: &Server) -> Result<(), Failure> {
    let table: [(&[(&str, &str)], &str); 6] = [
        (&[], r#" "-" "-""#),
        (&[("User-Agent", "x")], r#" "-" "x""#),
        (&[("Referer", "/x")], r#" "/x" "-""#),
        (&[("Referer", ""), ("User-Agent", "x")], r#" "" "x""#),
        (&[("Referer", "/x"), ("User-Agent", "")], r#" "/x" """#),
        (&[("Referer", ""), ("User-Agent", " \t ")], r#" "" """#),
    ];
    for (fields, end) in table {
        let (answer, line) = said(server, fields)?;
        ends(&answer, &line, end)?;
    }
    Ok(())
}

fn escapes(server: &Server) -> Result<(), Failure> {
    let table = [
        (r#"say "hi""#, r#"say \"hi\""#),
        (r"C:\temp\", r"C:\\temp\\"),
        (r#"\""#, r#"\\\""#),
        ("a\tb", r"a\x09b"),
        ("é", r"\xc3\xa9"),
        ("~ -/+", "~ -/+"),
    ];
    for (sent, logged) in table {
        for (fields, end) in [
            ([("Referer", sent), ("User-Agent", "x")], format!(r#" "{logged}" "x""#)),
            ([("Referer", "/x"), ("User-Agent", sent)], format!(r#" "/x" "{logged}""#)),
        ] {
            let (answer, line) = said(server, &fields)?;
            ends(&answer, &line, &end)?;
        }
    }
    // A value need not be valid UTF-8: this is an é in Latin-1.
    let (answer, line) = said_in_bytes(server, b"caf\xe9 \xff")?;
    ends(&answer, &line, r#" "caf\xe9 \xff" "caf\xe9 \xff""#)
}

/// Client input must not look like a line of the log, nor like the rest of one.
fn is_one_line(server: &Server) -> Result<(), Failure> {
    let long = "x".repeat(4000);
    let forged: [&[u8]; 6] = [
        b"x\" \"y",
        b"-\" 200 0 \"-\" \"-",
        b"x\"\t127.0.0.1 - - [01/Jan/2026:00:00:00 +0000] \"GET /admin HTTP/1.1\" 200 0 \"-\" \"-",
        b"\\",
        b"caf\xe9 \xc2\x85 \xe2\x80\xa8 \x9b2J",
        long.as_bytes(),
    ];
    for value in forged {
        for name in ["Referer", "User-Agent"] {
            let seen = all(server).len();
            let answer = server.send(&with_value(&[name], value))?;
            answer.status(200)?;
            // All log output of this request precedes the line of the next request.
            server.get("/hello/next")?;
            server.wait_for_stdout("a line in the log for the next request", |text| {
                text.lines().skip(seen + 1).any(|line| line.contains("/hello/next"))
            })?;
            let lines = &all(server)[seen..];
            let expected = "one line for this request, and one for the next";
            answer.require(lines.len() == 2, expected, lines.join("\n"))?;
            whole(&answer, &lines[0])?;
        }
    }
    Ok(())
}

fn keeps_the_common_format(server: &Server) -> Result<(), Failure> {
    for (method, target, status) in [
        ("GET", "/hello/Ada?x=%22", "200 12"),
        ("HEAD", "/hello/Ada", "200 -"),
        ("GET", "/empty", "204 -"),
        ("POST", "/echo", "200 0"),
    ] {
        let (answer, line) = asked(server, method, target, &[("User-Agent", "x")])?;
        whole(&answer, &line)?;
        let right = line.starts_with("127.0.0.1 - - [")
            && line.contains(&format!(r#"] "{method} {target} HTTP/1.1" {status} "-" "x""#));
        let expected = format!(
            r#"127.0.0.1 - - [(time)] "{method} {target} HTTP/1.1" {status} "-" "x" in the log"#
        );
        answer.require(right, expected, &line)?;
    }
    Ok(())
}

fn json_has_both(server: &Server) -> Result<(), Failure> {
    let server = server.with_arguments(JSON)?;
    for (referer, agent) in [
        ("http://a.example/page", "curl/8.5.0"),
        (r#"say "hi""#, r"C:\temp\"),
        ("a\tb", "é"),
        ("-", "null"),
    ] {
        let said = said(&server, &[("Referer", referer), ("User-Agent", agent)])?;
        is_entry(&said, &referer.into(), &agent.into())?;
    }
    let replaced = Value::from("caf\u{fffd}");
    is_entry(&said_in_bytes(&server, b"caf\xe9")?, &replaced, &replaced)
}

fn json_tells_absent_from_empty(server: &Server) -> Result<(), Failure> {
    let server = server.with_arguments(JSON)?;
    let table: [(&[(&str, &str)], Value, Value); 3] = [
        (&[], Value::Null, Value::Null),
        (&[("Referer", "")], "".into(), Value::Null),
        (&[("User-Agent", "")], Value::Null, "".into()),
    ];
    for (fields, referer, agent) in table {
        is_entry(&said(&server, fields)?, &referer, &agent)?;
    }
    Ok(())
}

fn json_keeps_its_members(server: &Server) -> Result<(), Failure> {
    let server = server.with_arguments(JSON)?;
    let (answer, line) = said(&server, &[])?;
    let entry = object(&answer, &line)?;
    let names: Vec<&str> =
        entry.as_object().map(|it| it.keys().map(String::as_str).collect()).unwrap_or_default();
    let wanted: Vec<&str> = OLD.iter().map(|(name, _)| *name).chain(NEW).collect();
    let expected = format!("an object with these members in this order: {}", wanted.join(", "));
    answer.require(names == wanted, expected, &line)?;
    for (name, is_right) in OLD {
        let expected = format!("`{name}` of the same type as before");
        answer.require(is_right(&entry[name]), expected, &line)?;
    }
    let right = entry["status"] == 200 && entry["bytes"] == 12 && entry["target"] == "/hello/Ada";
    answer.require(right, "status 200, 12 bytes, target /hello/Ada", &line)
}

fn errors_are_logged(server: &Server) -> Result<(), Failure> {
    let json = server.with_arguments(JSON)?;
    let fields = [("Referer", "/from"), ("User-Agent", "agent")];
    for (method, target, status) in
        [("GET", "/nowhere", 404), ("DELETE", "/hello/Ada", 405), ("GET", "/panic", 500)]
    {
        let (answer, line) = asked(server, method, target, &fields)?;
        answer.status(status)?;
        whole(&answer, &line)?;
        let right = line.contains(&format!(r#" "{method} {target} HTTP/1.1" {status} "#))
            && line.ends_with(r#" "/from" "agent""#);
        let expected = format!("a line with {status} that ends with \"/from\" \"agent\"");
        answer.require(right, expected, &line)?;

        let said = asked(&json, method, target, &fields)?;
        is_entry(&said, &"/from".into(), &"agent".into())?;
        member(&said.0, &object(&said.0, &said.1)?, "status", &status.into())?;
    }
    Ok(())
}

/// Many clients send requests at the same moment, several times, because lines are mixed only by
/// chance.
fn lines_stay_whole(server: &Server) -> Result<(), Failure> {
    const CLIENTS: usize = 50;
    // In a single round of fifty requests, it may happen that no two threads interleave between two writes of a line.
    // In this many rounds they do.
    const ROUNDS: usize = 24;
    let barrier = Barrier::new(CLIENTS);
    let padding = "x".repeat(2000);
    let agent = |client: usize, round: usize| format!("agent-{client}-{round}-{padding}");
    let address = server.address();
    let ask_often = |client: usize| {
        let mut failed = None;
        for round in 0..ROUNDS {
            barrier.wait();
            let fields = [("User-Agent", &*agent(client, round)), ("Connection", "close")];
            let bytes = request("GET", "/hello/Ada", &fields, b"");
            let reply = Client::connect(address).and_then(|mut client| client.ask(&bytes));
            if let Err(error) = reply {
                failed = Some(Failure::new("a response for each", error.message()));
            }
        }
        failed.map_or(Ok(()), Err)
    };
    at_once(CLIENTS, ask_often).into_iter().collect::<Result<(), Failure>>()?;
    let last = server.get("/hello/Ada")?;
    let lines = wait(server, CLIENTS * ROUNDS + 1)?;
    let expected = format!("{} lines", CLIENTS * ROUNDS + 1);
    last.require(lines.len() == CLIENTS * ROUNDS + 1, expected, format!("{} lines", lines.len()))?;
    for line in &lines {
        whole(&last, line)?;
    }
    let logged: BTreeSet<&str> = lines.iter().filter_map(|line| line.split('"').nth(5)).collect();
    for client in 0..CLIENTS {
        for round in 0..ROUNDS {
            let expected = format!("a line that has the user agent of client {client}");
            last.require(logged.contains(&*agent(client, round)), expected, "no such line")?;
        }
    }
    Ok(())
}

/// A good request with these fields, and the line that it leaves in the log.
fn said(server: &Server, fields: &[(&str, &str)]) -> Result<(Answer, String), Failure> {
    let (answer, line) = asked(server, "GET", "/hello/Ada", fields)?;
    answer.status(200)?;
    Ok((answer, line))
}

fn asked(
    server: &Server,
    method: &str,
    target: &str,
    fields: &[(&str, &str)],
) -> Result<(Answer, String), Failure> {
    logged(server, || server.ask(method, target, fields, b""))
}

/// A good request with this value in both fields, and the line that it leaves in the log.
fn said_in_bytes(server: &Server, value: &[u8]) -> Result<(Answer, String), Failure> {
    let (answer, line) =
        logged(server, || server.send(&with_value(&["Referer", "User-Agent"], value)))?;
    answer.status(200)?;
    Ok((answer, line))
}

/// A request with this value in each of these fields. The value need not be text.
fn with_value(names: &[&str], value: &[u8]) -> Vec<u8> {
    let mut bytes = b"GET /hello/Ada HTTP/1.1\r\nHost: test\r\nConnection: close\r\n".to_vec();
    for name in names {
        bytes.extend([name.as_bytes(), b": ", value, b"\r\n"].concat());
    }
    bytes.extend(b"\r\n");
    bytes
}

/// The response to a request, and the line that the request adds to the log.
fn logged(
    server: &Server,
    ask: impl FnOnce() -> Result<Answer, Failure>,
) -> Result<(Answer, String), Failure> {
    let seen = all(server).len();
    let answer = ask()?;
    let lines = wait(server, seen + 1).map_err(|failure| {
        answer.failure("a line in the log for this request", failure.got).with_timeout()
    })?;
    Ok((answer, lines.last().cloned().unwrap_or_default()))
}

/// The lines of the log, once there are `lines` of them.
fn wait(server: &Server, lines: usize) -> Result<Vec<String>, Failure> {
    let what = format!("{lines} lines in the log");
    server.wait_for_stdout(&what, |text| text.lines().count() > lines)?;
    Ok(all(server))
}

/// All lines of the log so far, without the line with the server's address.
fn all(server: &Server) -> Vec<String> {
    server.program().stdout_so_far().lines().skip(1).map(String::from).collect()
}

fn ends(answer: &Answer, line: &str, end: &str) -> Result<(), Failure> {
    answer.require(
        line.ends_with(end),
        format!("a line in the log that ends with {}", end.trim_start()),
        line,
    )?;
    whole(answer, line)
}

/// The combined format, read strictly: nothing but visible ASCII, and quotes where they belong.
fn whole(answer: &Answer, line: &str) -> Result<(), Failure> {
    let quoted = r#""(?:[ !#-\[\]-~]|\\["\\]|\\x[0-9a-f]{2})*""#;
    let time = r"\[\d{2}/[A-Z][a-z]{2}/\d{4}:\d{2}:\d{2}:\d{2} \+0000\]";
    let pattern =
        format!(r"^127\.0\.0\.1 - - {time} {quoted} \d{{3}} (?:\d+|-) {quoted} {quoted}$");
    let pattern = Regex::new(&pattern).expect("the pattern of a check is right");
    let expected = r#"a line such as 127.0.0.1 - - [time] "GET / HTTP/1.1" 200 0 "-" "-""#;
    answer.require(pattern.is_match(line), expected, line)
}

fn object(answer: &Answer, line: &str) -> Result<Value, Failure> {
    let parsed = serde_json::from_str(line);
    parsed.map_err(|error| answer.failure("a line of JSON in the log", format!("{line}\n{error}")))
}

/// The line must be JSON with these two members.
fn is_entry(
    (answer, line): &(Answer, String),
    referer: &Value,
    agent: &Value,
) -> Result<(), Failure> {
    let entry = object(answer, line)?;
    member(answer, &entry, "referer", referer)?;
    member(answer, &entry, "user_agent", agent)
}

fn member(answer: &Answer, entry: &Value, name: &str, value: &Value) -> Result<(), Failure> {
    let expected = format!("\"{name}\":{value} in the log");
    let got = entry.get(name).map_or(format!("no member {name}"), ToString::to_string);
    answer.require(entry.get(name) == Some(value), expected, got)
}
