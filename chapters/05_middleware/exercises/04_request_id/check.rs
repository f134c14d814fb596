//! Exercise 4: is the id of a request either good, or new, or refused?

use std::collections::HashSet;
use std::process::ExitCode;

use serde_json::Value;
use wire::at_once;
use wire::exercise::{self, Answer, Failure, Server, check};

/// Bytes of every kind that is allowed, 64 in all.
const LONGEST: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-";

fn main() -> ExitCode {
    exercise::main(&[
        check(
            "a request without an ID gets an ID of 32 lower-case hexadecimal digits",
            gives_an_id,
        ),
        check(
            "an ID of 8 to 64 good bytes is kept, shown to the handler and sent back",
            keeps_a_good_id,
        ),
        check("spaces and tabs around an ID do not belong to it", ignores_space_around_it)
            .rule("RFC 9110 section 5.5 (Field Values)"),
        check("an ID of fewer than 8 or more than 64 bytes is rejected", refuses_other_lengths),
        check("an ID with any other byte is rejected, wherever that byte is", refuses_other_bytes),
        check("an empty ID is rejected, and so are two lines", refuses_two_lines),
        check("the handler does not run for an ID that is rejected", does_not_run_the_handler),
        check(
            "the response to a bad ID has a new ID, and no part of the bad ID",
            does_not_repeat_a_bad_id,
        ),
        check(
            "a rejection has nosniff and the fields of CORS, like any response",
            has_the_fields_of_any_response,
        )
        .rule("WHATWG Fetch section 3.2 (CORS protocol)"),
        check("the log has the ID of the response, also if the request is rejected", logs_the_id),
        check("every response has exactly one ID, also 404, 405, 429 and 500", is_in_every_answer),
        check("the next request of a connection has a different ID", is_not_inherited),
        check(
            "IDs cannot be predicted, and two runs of the server have no ID in common",
            is_unpredictable,
        ),
        check("two thousand IDs over eight connections are all different", is_unique),
    ])
}

fn gives_an_id(server: &Server) -> Result<(), Failure> {
    let answer = server.get("/inspect")?;
    new_id(&answer)?;
    shown(&answer)
}

fn keeps_a_good_id(server: &Server) -> Result<(), Failure> {
    for id in
        ["12345678", "a.b_c-d.", "--------", "7F3c.9_B-2", &LONGEST.replace('A', "_"), LONGEST]
    {
        let answer = server.ask("GET", "/inspect", &[("X-Request-ID", id)], b"")?;
        answer.status(200)?.field("X-Request-ID", id)?;
        shown(&answer)?;
        // Field names are case-insensitive.
        server.ask("GET", "/empty", &[("x-request-id", id)], b"")?.field("X-Request-ID", id)?;
    }
    Ok(())
}

fn ignores_space_around_it(server: &Server) -> Result<(), Failure> {
    let start = "GET /inspect HTTP/1.1\r\nHost: test\r\n";
    for line in ["X-Request-ID:12345678", "X-Request-ID: \t 12345678 \t"] {
        let answer = server.send(format!("{start}{line}\r\n\r\n").as_bytes())?;
        answer.status(200)?.field("X-Request-ID", "12345678")?;
        shown(&answer)?;
    }
    // Whitespace around the value does not count, so these are still 64 bytes.
    let answer = server.send(format!("{start}X-Request-ID:  {LONGEST}  \r\n\r\n").as_bytes())?;
    answer.status(200)?.field("X-Request-ID", LONGEST)?;
    Ok(())
}

fn refuses_other_lengths(server: &Server) -> Result<(), Failure> {
    for length in [1, 7, 65, 66, 128, 4000] {
        refused(&with_ids(server, &[&"x".repeat(length)])?)?;
    }
    for length in [8, 64] {
        let id = "x".repeat(length);
        with_ids(server, &[&id])?.status(200)?.field("X-Request-ID", &id)?;
    }
    Ok(())
}

fn refuses_other_bytes(server: &Server) -> Result<(), Failure> {
    for id in [
        "1234,5678",
        "12345678,",
        ",12345678",
        "12345678, 12345678",
        "1234 5678",
        "1234\t5678",
        "12345678é",
        "é12345678",
        "１２３４５６７８",
        "<script>",
        "<script>12345678</script>",
        "12345678\"",
        "1234/5678",
        "1234:5678",
        "1234+5678",
        "1234@5678",
        "1234[5678",
        "1234`5678",
        "1234~5678",
        "%31%32%33%34%35%36%37%38",
    ] {
        refused(&with_ids(server, &[id])?)?;
    }
    let not_utf_8 = b"GET / HTTP/1.1\r\nHost: test\r\nX-Request-ID: 12345678\xff\r\n\r\n";
    refused(&server.send(not_utf_8)?)
}

fn refuses_two_lines(server: &Server) -> Result<(), Failure> {
    for ids in [
        &[""][..],
        &["12345678", "abcdefgh"],
        &["12345678", "12345678"],
        &["12345678", "<script>"],
        &["<script>", "12345678"],
        &["12345678", ""],
        &["", "12345678"],
        &["12345678", "abcdefgh", "ABCDEFGH"],
    ] {
        refused(&with_ids(server, ids)?)?;
    }
    Ok(())
}

fn does_not_run_the_handler(server: &Server) -> Result<(), Failure> {
    let mut connection = server.connect()?;
    let user = br#"{"name":"Eve"}"#;
    let fields = [("Content-Type", "application/json"), ("X-Request-ID", "<script>")];
    refused(&connection.ask("POST", "/users", &fields, user)?)?;
    // The connection stays open, and the body of the rejected request is not parsed as the next
    // request.
    let answer = connection.ask("GET", "/users", &[], b"")?;
    answer.status(200)?;
    let users = answer.json()?;
    let is_empty = users.as_array().is_some_and(Vec::is_empty);
    answer.require(is_empty, "[]: the request to create one was refused", users)
}

fn does_not_repeat_a_bad_id(server: &Server) -> Result<(), Failure> {
    for (ids, marks) in [
        (&["<script>alert(1)</script>"][..], &["script", "alert"][..]),
        (&["mark-mark mark"], &["mark-mark"]),
        (&["mark-one-1", "mark-two-2"], &["mark-one", "mark-two"]),
        (&["marked"], &["marked"]),
    ] {
        let answer = with_ids(server, ids)?;
        refused(&answer)?;
        let text = String::from_utf8_lossy(&answer.reply.raw);
        let repeated = marks.iter().find(|mark| text.contains(*mark));
        let got = format!("`{}` is in the response", repeated.unwrap_or(&""));
        answer.require(repeated.is_none(), "no part of the bad ID in the response", got)?;
    }
    let answer = server.ask("HEAD", "/hello/Ada", &[("X-Request-ID", "marked")], b"")?;
    new_id(answer.status(400)?.body(b"")?)?;
    Ok(())
}

fn has_the_fields_of_any_response(server: &Server) -> Result<(), Failure> {
    const PAGE: (&str, &str) = ("Origin", "http://localhost:3000");
    const BAD: (&str, &str) = ("X-Request-ID", "bad id");
    let answer = server.ask("GET", "/hello/Ada", &[PAGE, BAD], b"")?;
    refused(&answer)?;
    answer
        .field("Access-Control-Allow-Origin", PAGE.1)?
        .field("X-Content-Type-Options", "nosniff")?;
    let foreign = [("Origin", "http://evil.example"), BAD];
    let answer = server.ask("GET", "/hello/Ada", &foreign, b"")?;
    refused(&answer)?;
    answer.no_field("Access-Control-Allow-Origin")?;
    let preflight = [PAGE, BAD, ("Access-Control-Request-Method", "PUT")];
    let answer = server.ask("OPTIONS", "/users/1", &preflight, b"")?;
    new_id(answer.status(204)?)?;
    answer
        .field("Access-Control-Allow-Origin", PAGE.1)?
        .field("X-Content-Type-Options", "nosniff")?;
    Ok(())
}

fn logs_the_id(server: &Server) -> Result<(), Failure> {
    let server = server.with_arguments(&["--log", "json"])?;
    let table: [(&[&str], u16); 4] =
        [(&["good.id-1"], 200), (&[], 200), (&["bad id"], 400), (&["good.id-2", "good.id-3"], 400)];
    for (number, (ids, status)) in table.into_iter().enumerate() {
        let answer = with_ids(&server, ids)?;
        let id = answer.status(status)?.one("X-Request-ID")?;
        // The first line has the server's address.
        let has_it = |text: &str| text.lines().count() > number + 1;
        let text = server.wait_for_stdout("a line in the log for this request", has_it)?;
        let line = text.lines().last().unwrap_or_default();
        let entry: Value = serde_json::from_str(line).unwrap_or_default();
        let right = entry["request_id"] == id && entry["status"] == status;
        let expected =
            format!("a line in the log with \"request_id\":\"{id}\" and \"status\":{status}");
        answer.require(right, expected, line)?;
    }
    Ok(())
}

fn is_in_every_answer(server: &Server) -> Result<(), Failure> {
    let table = [
        ("GET", "/", 200),
        ("HEAD", "/", 200),
        ("GET", "/empty", 204),
        ("GET", "/slow?ms=soon", 400),
        ("GET", "/nowhere", 404),
        ("DELETE", "/hello/Ada", 405),
        ("GET", "/panic", 500),
    ];
    let given = [("X-Request-ID", "from.the-client")];
    for (method, target, status) in table {
        let answer = server.ask(method, target, &given, b"")?;
        answer.status(status)?.field("X-Request-ID", "from.the-client")?;
        new_id(server.ask(method, target, &[], b"")?.status(status)?)?;
    }
    // The sixth is over the limit, unless this takes longer than a second.
    for number in 0.. {
        let answer = server.ask("GET", "/limited", &given, b"")?;
        answer.field("X-Request-ID", "from.the-client")?;
        if answer.reply.status == 429 {
            break;
        }
        let expected = "status 429 after many requests for /limited";
        answer.require(number < 100, expected, format!("status {}", answer.reply.status))?;
    }
    let asks = [("Origin", "http://localhost:3000"), ("Access-Control-Request-Method", "GET")];
    new_id(server.ask("OPTIONS", "/hello/Ada", &asks, b"")?.status(204)?)?;
    Ok(())
}

fn is_not_inherited(server: &Server) -> Result<(), Failure> {
    let mut connection = server.connect()?;
    let (first, second) = ([("X-Request-ID", "first.id")], [("X-Request-ID", "second.id")]);
    let mut seen = HashSet::new();
    for fields in [&first[..], &[], &[("X-Request-ID", "bad")], &second, &[], &first] {
        let answer = connection.ask("GET", "/inspect", fields, b"")?;
        match fields {
            [(_, "bad")] => refused(&answer)?,
            [(_, id)] => _ = answer.status(200)?.field("X-Request-ID", id)?,
            _ => {
                let id = new_id(answer.status(200)?)?;
                let expected = "another id than any request before";
                answer.require(seen.insert(id.clone()), expected, id)?;
            }
        }
        if answer.reply.status == 200 {
            shown(&answer)?;
        }
    }
    Ok(())
}

fn is_unpredictable(server: &Server) -> Result<(), Failure> {
    let (one, other) = (new_ids(&server.another()?, 20)?, new_ids(&server.another()?, 20)?);
    for pair in one.windows(2) {
        // About 30 digits of two random ids differ. Two successive numbers of a counter differ in
        // one or two.
        let differing = pair[0].bytes().zip(pair[1].bytes()).filter(|(a, b)| a != b).count();
        if differing < 8 {
            let got = format!("{}, and then {}", pair[0], pair[1]);
            return Err(Failure::new("ids in a row that differ in most of their digits", got));
        }
    }
    match one.iter().find(|id| other.contains(id)) {
        None => Ok(()),
        Some(id) => Err(Failure::new("other ids after a restart", format!("{id} in both runs"))),
    }
}

fn is_unique(server: &Server) -> Result<(), Failure> {
    let ids = at_once(8, |_| new_ids(server, 250)).into_iter().collect::<Result<Vec<_>, _>>()?;
    let ids = ids.concat();
    let different = ids.iter().collect::<HashSet<_>>().len();
    if different == ids.len() {
        return Ok(());
    }
    let got = format!("{different} different IDs in {} responses", ids.len());
    Err(Failure::new("no id twice", got))
}

/// Requests a page with these IDs, one a line.
fn with_ids(server: &Server, ids: &[&str]) -> Result<Answer, Failure> {
    let fields: Vec<_> = ids.iter().map(|id| ("X-Request-ID", *id)).collect();
    server.ask("GET", "/hello/Ada", &fields, b"")
}

/// The IDs of so many requests on one connection.
fn new_ids(server: &Server, count: usize) -> Result<Vec<String>, Failure> {
    let mut connection = server.connect()?;
    (0..count).map(|_| new_id(&connection.ask("GET", "/empty", &[], b"")?)).collect()
}

/// The one ID that a response has, which the server must have generated.
fn new_id(answer: &Answer) -> Result<String, Failure> {
    let id = answer.one("X-Request-ID")?;
    let is_new = id.len() == 32 && id.bytes().all(|byte| b"0123456789abcdef".contains(&byte));
    let expected = "X-Request-ID: 32 lower-case hexadecimal digits";
    answer.require(is_new, expected, format!("X-Request-ID: {id}"))?;
    Ok(id.to_string())
}

fn refused(answer: &Answer) -> Result<(), Failure> {
    new_id(answer.error(400, "bad_request_id")?)?;
    Ok(())
}

/// `/inspect` returns the id that the handler has seen.
fn shown(answer: &Answer) -> Result<(), Failure> {
    let (id, seen) = (answer.one("X-Request-ID")?, answer.json()?["id"].clone());
    answer.require(seen == id, format!("the handler sees \"id\":\"{id}\""), seen)
}
