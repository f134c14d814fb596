//! Exercise 1: compares the results in `answers.toml` with the server's real behaviour.

use std::collections::BTreeSet;
use std::fs;
use std::process::ExitCode;

use wire::Reply;
use wire::exercise::{self, Failure, Server, check};

/// A rule whose title would give the answer away has no title here.
fn main() -> ExitCode {
    exercise::main(&[
        check("the status of a missing path", unknown_path).rule("RFC 9110 section 15.5.5"),
        check("the methods that Allow lists", allow).rule("RFC 9110 section 10.2.1 (Allow)"),
        check("the length that HEAD announces", head_length).rule("RFC 9110 section 9.3.2 (HEAD)"),
        check("the number of connections for two URLs", connections)
            .rule("RFC 9112 section 9.3 (Persistence)"),
        check("the status of a method that does not exist", unknown_method)
            .rule("RFC 9110 section 15.6.2"),
        check("the field line that HTTP/1.0 adds", only_in_http_1_0)
            .rule("RFC 9112 section 9.3 (Persistence)"),
        check("the body that comes back after a chunked upload", chunked_echo)
            .rule("RFC 9112 section 7.1 (Chunked Transfer Coding)"),
        check("the token of the server that is running", run_token),
    ])
}

fn unknown_path(server: &Server) -> Result<(), Failure> {
    let seen = server.get("/nowhere")?;
    let place = "the three digits in the first line of the response";
    compare("unknown_path", place, &seen.status.to_string(), &seen.sent)
}

fn allow(server: &Server) -> Result<(), Failure> {
    let seen = server.ask("DELETE", "/users", &[], b"")?;
    compare(
        "allow",
        "the value of the Allow field in the response",
        field(&seen, "Allow"),
        &seen.sent,
    )
}

fn head_length(server: &Server) -> Result<(), Failure> {
    let seen = server.ask("HEAD", "/hello/Ada", &[], b"")?;
    let place = "the value of the Content-Length field in the response";
    compare("head_length", place, field(&seen, "Content-Length"), &seen.sent)
}

fn connections(server: &Server) -> Result<(), Failure> {
    let mut connection = server.connect()?;
    connection.ask("GET", "/hello/Ada", &[], b"")?;
    let needed = if connection.ask("GET", "/hello/Grace", &[], b"").is_ok() { "1" } else { "2" };
    let place = "the number of lines `* Connected to`, or `* Established connection to`, that `curl -v` \
        prints when it gets two URLs";
    compare("connections", place, needed, b"")
}

fn unknown_method(server: &Server) -> Result<(), Failure> {
    let seen = server.ask("BREW", "/hello/Ada", &[], b"")?;
    let place = "the three digits in the first line of the response";
    compare("unknown_method", place, &seen.status.to_string(), &seen.sent)
}

fn only_in_http_1_0(server: &Server) -> Result<(), Failure> {
    let usual = server.connect()?.ask("GET", "/hello/Ada", &[], b"")?;
    let old = server.send(b"GET /hello/Ada HTTP/1.0\r\nHost: test\r\n\r\n")?;
    let added = old.fields.iter().find(|(name, _)| usual.reply.field(name).is_none());
    let line = added.map_or(String::from("none"), |(name, value)| format!("{name}: {value}"));
    let place = "the line, `Name: value`, that is in this response but not in the response without --http1.0";
    compare("only_in_http_1_0", place, &line, &old.sent)
}

fn chunked_echo(server: &Server) -> Result<(), Failure> {
    let request = b"POST /echo HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n\
        11\r\nthree small words\r\n0\r\n\r\n";
    let seen = server.send(request)?;
    let place = "the body of the response, after the empty line";
    compare("chunked_echo", place, &seen.text(), &seen.sent)
}

/// The token differs in every run, so this sends a request to the server that the learner has used.
fn run_token(server: &Server) -> Result<(), Failure> {
    let place = "the value of the X-Run-Token field in the response of the server that runs now";
    if exercise::in_copy() {
        // No learner has observed this server, so the check itself reads the values.
        let token = field(&server.get("/")?.reply, "X-Run-Token").to_string();
        let seen = answer("run_token")?.replace("(what your server says)", &token);
        return compare_with("run_token", place, &token, &seen, b"");
    }
    let address = answer("server")?;
    let expected = format!("your own server, still running at {address}");
    let failed = |got: String| Failure::new(expected.clone(), got);
    let parsed = address.parse().map_err(|_| {
        failed(format!("`server = \"{address}\"` in {FILE} is no address such as 127.0.0.1:8080"))
    })?;
    let reply = wire::get(parsed, "/").map_err(|error| failed(error.message().to_string()))?;
    let sent = wire::request("GET", "/", &[("Connection", "close")], b"");
    compare("run_token", place, field(&reply, "X-Run-Token"), &sent)
}

fn field<'a>(reply: &'a Reply, name: &str) -> &'a str {
    reply.field(name).unwrap_or("(no such field)")
}

/// The file's path, as the learner sees it. The checks run in the chapter's directory.
const FILE: &str = "chapters/04_router/exercises/01_curl/answers.toml";

/// The learner's result, as text; empty if there is none yet.
fn answer(key: &str) -> Result<String, Failure> {
    let readable = format!("a file {FILE} with a line `{key} = \"…\"`");
    let failed = |got: String| Failure::new(readable.clone(), got);
    let text = fs::read_to_string("exercises/01_curl/answers.toml")
        .map_err(|error| failed(error.to_string()))?;
    let table: toml::Table = text.parse().map_err(|error: toml::de::Error| {
        failed(format!("it cannot be read as TOML\n{}", error.to_string().trim_end()))
    })?;
    match table.get(key) {
        Some(toml::Value::String(text)) => Ok(text.trim().to_string()),
        Some(other) => Ok(other.to_string()),
        None => Err(failed(format!("no line `{key} = \"…\"`"))),
    }
}

/// Compares the learner's result with the observed value. The failure names the place to look at, and
/// does not reveal the value.
fn compare(key: &str, place: &str, seen: &str, sent: &[u8]) -> Result<(), Failure> {
    compare_with(key, place, seen, &answer(key)?, sent)
}

fn compare_with(
    key: &str,
    place: &str,
    seen: &str,
    answer: &str,
    sent: &[u8],
) -> Result<(), Failure> {
    if in_words(answer) == in_words(seen) {
        return Ok(());
    }
    let got = match answer {
        "" => format!("still empty: `{key} = \"\"` in {FILE}"),
        _ => format!("`{key} = \"{answer}\"` in {FILE}, but the server's value differs"),
    };
    Err(Failure::new(place, got).with_bytes(sent, b""))
}

/// The words of a result. Neither case nor the order of a list matters.
fn in_words(text: &str) -> BTreeSet<String> {
    text.split(',').map(|word| word.trim().to_ascii_lowercase()).collect()
}
