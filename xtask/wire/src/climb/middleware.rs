//! Stages 19 to 23: layers around every handler.

use std::collections::HashSet;
use std::io::Read;
use std::thread;
use std::time::Duration;

use flate2::read::GzDecoder;

use super::stage::{Phase, Scheme, Stage};
use super::tools::{Checked, each_gets, require};
use crate::PATIENCE;
use crate::exercise::{Answer, Failure, Server, check};
use crate::output::Text;

const PHASE: Phase = Phase { name: "Middleware", scheme: Scheme::Http };

/// The allowed origin, whose pages may read responses.
const FRIEND: &str = "http://localhost:3000";

const PREFLIGHT: [(&str, &str); 2] =
    [("Access-Control-Request-Method", "PUT"), ("Access-Control-Request-Headers", "content-type")];

pub(super) const STAGES: &[Stage] = &[
    PHASE.stage(19, "request-id", "gives every request an ID and a log line", "part4/index.md")
        .contract("Every response has a field X-Request-ID with a different value for each request, including a 404 \
                   and a 405. For each request the server prints a line, on standard output or standard error, with \
                   the method, the path and the status. Bytes from a client cannot begin a new line there.")
        .hint("A layer is a function around the next one: the code before the call sees the request, the code after \
               it sees the response. Escape client data in the log.")
        .checks(&[
            check("every response has its own ID", ids),
            check("each request is logged: method, path, status", log_line),
            check("a client cannot forge a log line", log_injection)
                .rule("CWE-117 (Improper Output Neutralization for Logs)"),
        ]),
    PHASE.stage(20, "handler-panic", "turns a panic into a 500, and keeps running", "part4/index.md")
        .contract("`GET /panic` runs a handler that panics (in another language: raises an exception). The response \
                   is 500 without details, with an ID and a log line, and everything else keeps running.")
        .hint("The panic boundary is one more layer, inside the log and outside the handler, so that the 500 is \
               logged and has an ID. The panic message belongs in the log, not in the response.")
        .checks(&[
            check("the response is 500, and reveals nothing about the code", is_500)
                .rule("RFC 9110 section 15.6.1 (500 Internal Server Error)"),
            check("the 500 has an ID and a log line, like every response", is_seen_by_layers),
            check("after 100 panics everything is served as before", lives),
        ]),
    PHASE.stage(21, "cors", "handles a CORS preflight", "part4/index.md")
        .contract("Pages of `http://localhost:3000` may read responses and send PUT and DELETE with a Content-Type. A \
                   preflight from there gets 200 or 204 with Access-Control-Allow-Origin, -Methods and -Headers; an \
                   ordinary request gets Access-Control-Allow-Origin. Another origin gets none of these fields. Vary \
                   lists Origin.")
        .hint("A preflight is OPTIONS with Origin and Access-Control-Request-Method: respond to it before routing. \
               Compare the whole origin, with scheme and port, and never by prefix or suffix.")
        .checks(&[
            check("a preflight for PUT is allowed", preflight).rule("Fetch, section 3.2.2 (CORS-preflight request)"),
            check("a page of the allowed origin may read responses, and Vary lists Origin", readable)
                .rule("Fetch, section 3.2.3 (HTTP responses)"),
            check("an origin that resembles the allowed origin is rejected", strangers)
                .rule("RFC 6454 section 5 (Comparing Origins)"),
        ]),
    PHASE.stage(22, "gzip", "compresses by q-value", "part4/index.md")
        .contract("`GET /large` is a text of at least 10,000 bytes, always the same. A client whose Accept-Encoding \
                   prefers gzip gets it with `Content-Encoding: gzip`; `gzip;q=0` means never. Vary lists \
                   Accept-Encoding, whatever was chosen. HEAD gets the fields of GET.")
        .hint("Parse the list: a coding, optionally `;q=` and a number from 0 to 1, default 1. `*` matches every \
               coding that is not listed. The length changes: send chunks, or count the compressed bytes.")
        .checks(&[
            check("a client that prefers gzip gets the same text, compressed", compressed)
                .rule("RFC 9110 section 12.5.3 (Accept-Encoding)"),
            check("a client that does not prefer gzip gets the text uncompressed", identity)
                .rule("RFC 9110 section 12.4.2 (Quality Values)"),
            check("Vary lists Accept-Encoding in both cases", varies).rule("RFC 9110 section 12.5.5 (Vary)"),
        ]),
    PHASE.stage(23, "rate-limit", "limits the rate of a client with 429", "part4/index.md")
        .contract("`GET /limited` allows a client five requests at once and one per second after that (a token \
                   bucket). A request over the limit gets 429 with Retry-After in whole seconds; after that time a \
                   request is served again. Other routes are not limited.")
        .hint("Keep a number of tokens and the time of the last request for each client address. On each request add \
               the tokens for the time since then, up to five, and take one. Round Retry-After up.")
        .checks(&[
            check("a burst of five is served, the next request gets 429 with Retry-After", limited)
                .rule("RFC 6585 section 4 (429 Too Many Requests)"),
            check("after Retry-After a request is served again", served_again)
                .rule("RFC 9110 section 10.2.3 (Retry-After)"),
        ]),
];

fn ids(server: &Server) -> Checked {
    let mut seen = HashSet::new();
    for _ in 0..3 {
        for (method, target) in [("GET", "/"), ("GET", "/nowhere"), ("DELETE", "/hello/Ada")] {
            let answer = server.ask(method, target, &[], b"")?;
            let id = answer.has("X-Request-ID")?;
            answer.require(seen.insert(id.to_string()), "another id for each request", id)?;
        }
    }
    Ok(())
}

/// Waits until standard output or standard error has a line that matches `wanted`.
fn logged(server: &Server, wanted: impl Fn(&str) -> bool) -> bool {
    let has_line =
        |text: &Text| text.stdout.text.lines().chain(text.stderr.text.lines()).any(&wanted);
    let output = server.program().output();
    let text = output.wait(PATIENCE, has_line);
    has_line(&text)
}

/// Requires a line in the log with all these words.
fn is_logged(server: &Server, answer: &Answer, words: [&str; 3]) -> Checked {
    let [method, target, status] = words;
    answer.require(
        logged(server, |line| words.iter().all(|word| line.contains(word))),
        format!("a line with {method}, {target} and {status}"),
        format!("none in {} s, on standard output and standard error", PATIENCE.as_secs()),
    )
}

fn log_line(server: &Server) -> Checked {
    for (target, status) in [("/hello/Ada", "200"), ("/nowhere-at-all", "404")] {
        is_logged(server, &server.get(target)?, ["GET", target, status])?;
    }
    Ok(())
}

fn log_injection(server: &Server) -> Checked {
    let agent = [("User-Agent", "a\u{1b}[31mb\" 200 forged")];
    // A server may reject the escape character in the field, and then it has no path to log. So the path is first sent
    // without the field.
    for fields in [&[][..], &agent] {
        let bytes = crate::request("GET", "/first%0AGET%20/forged%20200", fields, b"");
        server.send(&bytes)?;
    }
    server.get("/marker-of-the-end")?;
    let is_logged = logged(server, |line| line.contains("/marker-of-the-end"));
    require(is_logged, "a line for each request", "none for the last one")?;
    let program = server.program();
    let all = format!("{}{}", program.stdout_so_far(), program.stderr_so_far());
    let forged =
        all.lines().find(|line| line.starts_with("GET /forged") || line.contains('\u{1b}'));
    require(
        forged.is_none(),
        "client data is escaped in the log",
        format!("this line: {:?}", forged.unwrap_or_default()),
    )
}

fn is_500(server: &Server) -> Checked {
    let answer = server.get("/panic")?;
    let body = answer.status(500)?.reply.text();
    let details = ["panicked", "Traceback", ".rs:", ".py\"", "at Object.", "goroutine"];
    let reveals = details.iter().any(|word| body.contains(word));
    answer.require(!reveals, "no details about the code", body)
}

/// A panic that passes through the layers skips their code after the call.
fn is_seen_by_layers(server: &Server) -> Checked {
    let answer = server.get("/panic")?;
    answer.has("X-Request-ID")?;
    is_logged(server, &answer, ["GET", "/panic", "500"])
}

fn lives(server: &Server) -> Checked {
    let mut connection = server.connect()?;
    connection.ask("GET", "/", &[], b"")?.status(200)?;
    for _ in 0..100 {
        server.get("/panic")?.status(500)?;
    }
    each_gets(server, 200, &["/", "/hello/Ada"])
}

fn preflight(server: &Server) -> Checked {
    let fields = [&[("Origin", FRIEND)][..], &PREFLIGHT].concat();
    let answer = server.ask("OPTIONS", "/users/1", &fields, b"")?;
    answer.status_in(&[200, 204])?.field("Access-Control-Allow-Origin", FRIEND)?;
    answer.lists("Access-Control-Allow-Methods", "PUT")?;
    answer.lists("Access-Control-Allow-Headers", "content-type").map(drop)
}

fn readable(server: &Server) -> Checked {
    for target in ["/", "/nowhere"] {
        let answer = server.ask("GET", target, &[("Origin", FRIEND)], b"")?;
        answer.field("Access-Control-Allow-Origin", FRIEND)?.lists("Vary", "Origin")?;
    }
    Ok(())
}

fn strangers(server: &Server) -> Checked {
    for origin in [
        "http://evil.example",
        "http://localhost:3000.evil.example",
        "http://evil-localhost:3000",
        "https://localhost:3000",
        "http://localhost:30001",
        "null",
    ] {
        let fields = [&[("Origin", origin)][..], &PREFLIGHT].concat();
        for (method, target, fields) in
            [("GET", "/", &fields[..1]), ("OPTIONS", "/users/1", &fields)]
        {
            server.ask(method, target, fields, b"")?.no_field("Access-Control-Allow-Origin")?;
        }
    }
    Ok(())
}

fn large(server: &Server, accept: Option<&str>) -> Result<Answer, Failure> {
    let field = accept.map(|value| ("Accept-Encoding", value));
    server.ask("GET", "/large", field.as_slice(), b"")
}

fn compressed(server: &Server) -> Checked {
    let plain = large(server, None)?;
    plain.status(200)?.no_field("Content-Encoding")?;
    let length = plain.reply.body.len();
    plain.require(length >= 10_000, "at least 10,000 bytes", length)?;
    for accept in ["gzip", "gzip, deflate, br, zstd", "br;q=1.0, gzip;q=0.8, *;q=0.1", "*"] {
        let answer = large(server, Some(accept))?;
        answer.status(200)?.field("Content-Encoding", "gzip")?;
        let mut text = Vec::new();
        let unpacked = GzDecoder::new(&answer.reply.body[..]).read_to_end(&mut text);
        answer.require(
            unpacked.is_ok() && text == plain.reply.body,
            "gzip of the same text",
            unpacked.map_or_else(|error| error.to_string(), |count| format!("{count} other bytes")),
        )?;
    }
    Ok(())
}

fn identity(server: &Server) -> Checked {
    for accept in ["gzip;q=0", "gzip;q=0, *", "identity;q=1, gzip;q=0.5", "deflate", "identity", ""]
    {
        large(server, Some(accept))?.status(200)?.no_field("Content-Encoding")?;
    }
    Ok(())
}

fn varies(server: &Server) -> Checked {
    for accept in [None, Some("gzip"), Some("gzip;q=0")] {
        large(server, accept)?.lists("Vary", "Accept-Encoding")?;
    }
    Ok(())
}

/// Uses up the burst, and returns the seconds in `Retry-After` of the 429 after it.
fn retry_after(server: &Server) -> Result<u64, Failure> {
    let mut connection = server.connect()?;
    // On a slow machine the bucket gains a token or two in the meantime.
    for served in 0..20 {
        let answer = connection.ask("GET", "/limited", &[], b"")?;
        if answer.reply.status != 200 {
            let got = format!("status {} for request {}", answer.reply.status, served + 1);
            answer.require(served >= 5, "five requests are served at once", got)?;
            let value = answer.status(429)?.reply.field("Retry-After");
            let seconds = value.and_then(|value| value.parse().ok());
            let is_right = |seconds: &u64| (1..=60).contains(seconds);
            return seconds.filter(is_right).ok_or_else(|| {
                let got = value.unwrap_or("no field Retry-After");
                answer.failure("Retry-After: a whole number of seconds", got)
            });
        }
    }
    Err(Failure::new("a limit", "20 requests in a row are served"))
}

fn limited(server: &Server) -> Checked {
    retry_after(server)?;
    server.get("/")?.status(200).map(drop)
}

fn served_again(server: &Server) -> Checked {
    // This is not a guess: the server itself specifies this time.
    thread::sleep(Duration::from_secs(retry_after(server)?));
    server.get("/limited")?.status(200).map(drop)
}
