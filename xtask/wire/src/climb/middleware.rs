//! Stages 19 to 23: layers around every handler.

use std::io::Read;
use std::thread;
use std::time::Duration;

use flate2::read::GzDecoder;

mod cors;
mod request_ids;

use self::cors::{preflight, readable, strangers};
use self::request_ids::{id_of, ids, log_injection, log_line, logged};
use super::stage::{Scheme, Stage};
use super::tools::Checked;
use crate::PATIENCE;
use crate::exercise::{Answer, Check, Server};

const PHASE: &str = "Middleware";

pub(super) const STAGES: &[Stage] = &[
    Stage {
        number: 19,
        name: "request-id",
        title: "gives every request an ID and a log line",
        phase: PHASE,
        scheme: Scheme::Http,
        contract: "Every response has a field X-Request-ID with a different value for each request, including a 404 \
                   and a 405. For each request the server prints a line, on standard output or standard error, with \
                   the method, the path and the status. Bytes from a client cannot begin a new line there.",
        hint: "A layer is a function around the next one: the code before the call sees the request, the code after \
               it sees the response. Escape client data in the log.",
        page: "part4/index.md",
        checks: &[
            Check { sentence: "every response has its own ID", rule: "", run: ids },
            Check {
                sentence: "each request is logged: method, path, status",
                rule: "",
                run: log_line,
            },
            Check {
                sentence: "a client cannot forge a log line",
                rule: "CWE-117 (Improper Output Neutralization for Logs)",
                run: log_injection,
            },
        ],
    },
    Stage {
        number: 20,
        name: "handler-panic",
        title: "turns a panic into a 500, and keeps running",
        phase: PHASE,
        scheme: Scheme::Http,
        contract: "`GET /panic` runs a handler that panics (in another language: raises an exception). The response \
                   is 500 without details, with an ID and a log line, and everything else keeps running.",
        hint: "The panic boundary is one more layer, inside the log and outside the handler, so that the 500 is \
               logged and has an ID. The panic message belongs in the log, not in the response.",
        page: "part4/index.md",
        checks: &[
            Check {
                sentence: "the response is 500, and reveals nothing about the code",
                rule: "RFC 9110 section 15.6.1 (500 Internal Server Error)",
                run: is_500,
            },
            Check {
                sentence: "the 500 has an ID and a log line, like every response",
                rule: "",
                run: is_seen_by_layers,
            },
            Check {
                sentence: "after 100 panics everything is served as before",
                rule: "",
                run: lives,
            },
        ],
    },
    Stage {
        number: 21,
        name: "cors",
        title: "handles a CORS preflight",
        phase: PHASE,
        scheme: Scheme::Http,
        contract: "Pages of `http://localhost:3000` may read responses and send PUT and DELETE with a Content-Type. A \
                   preflight from there gets 200 or 204 with Access-Control-Allow-Origin, -Methods and -Headers; an \
                   ordinary request gets Access-Control-Allow-Origin. Another origin gets none of these fields. Vary \
                   lists Origin.",
        hint: "A preflight is OPTIONS with Origin and Access-Control-Request-Method: respond to it before routing. \
               Compare the whole origin, with scheme and port, and never by prefix or suffix.",
        page: "part4/index.md",
        checks: &[
            Check {
                sentence: "a preflight for PUT is allowed",
                rule: "Fetch, section 3.2.2 (CORS-preflight request)",
                run: preflight,
            },
            Check {
                sentence: "a page of the allowed origin may read responses, and Vary lists Origin",
                rule: "Fetch, section 3.2.3 (HTTP responses)",
                run: readable,
            },
            Check {
                sentence: "an origin that resembles the allowed origin is rejected",
                rule: "RFC 6454 section 5 (Comparing Origins)",
                run: strangers,
            },
        ],
    },
    Stage {
        number: 22,
        name: "gzip",
        title: "compresses by q-value",
        phase: PHASE,
        scheme: Scheme::Http,
        contract: "`GET /large` is a text of at least 10,000 bytes, always the same. A client whose Accept-Encoding \
                   prefers gzip gets it with `Content-Encoding: gzip`; `gzip;q=0` means never. Vary lists \
                   Accept-Encoding, whatever was chosen. HEAD gets the fields of GET.",
        hint: "Parse the list: a coding, optionally `;q=` and a number from 0 to 1, default 1. `*` matches every \
               coding that is not listed. The length changes: send chunks, or count the compressed bytes.",
        page: "part4/index.md",
        checks: &[
            Check {
                sentence: "a client that prefers gzip gets the same text, compressed",
                rule: "RFC 9110 section 12.5.3 (Accept-Encoding)",
                run: compressed,
            },
            Check {
                sentence: "a client that does not prefer gzip gets the text uncompressed",
                rule: "RFC 9110 section 12.4.2 (Quality Values)",
                run: identity,
            },
            Check {
                sentence: "Vary lists Accept-Encoding in both cases",
                rule: "RFC 9110 section 12.5.5 (Vary)",
                run: varies,
            },
        ],
    },
    Stage {
        number: 23,
        name: "rate-limit",
        title: "limits the rate of a client with 429",
        phase: PHASE,
        scheme: Scheme::Http,
        contract: "`GET /limited` allows a client five requests at once and one per second after that (a token \
                   bucket). A request over the limit gets 429 with Retry-After in whole seconds; after that time a \
                   request is served again. Other routes are not limited.",
        hint: "Keep a number of tokens and the time of the last request for each client address. On each request add \
               the tokens for the time since then, up to five, and take one. Round Retry-After up.",
        page: "part4/index.md",
        checks: &[
            Check {
                sentence: "a burst of five is served, the next request gets 429 with Retry-After",
                rule: "RFC 6585 section 4 (429 Too Many Requests)",
                run: limited,
            },
            Check {
                sentence: "after Retry-After a request is served again",
                rule: "RFC 9110 section 10.2.3 (Retry-After)",
                run: served_again,
            },
        ],
    },
];

fn is_500(server: &Server) -> Checked {
    let answer = server.get("/panic")?;
    answer.status(500)?;
    let body = answer.reply.text();
    let tells = ["panicked", "Traceback", ".rs:", ".py\"", "at Object.", "goroutine"]
        .iter()
        .find(|word| body.contains(**word));
    answer.require(tells.is_none(), "no details about the code", body.clone())
}

/// A panic that passes through the layers skips their code after the call.
fn is_seen_by_layers(server: &Server) -> Checked {
    let answer = server.get("/panic")?;
    id_of(&answer)?;
    answer.require(
        logged(server, |line| ["GET", "/panic", "500"].iter().all(|word| line.contains(word))),
        "a line with GET, /panic and 500",
        format!("none in {} s, on standard output and standard error", PATIENCE.as_secs()),
    )
}

fn lives(server: &Server) -> Checked {
    let mut connection = server.connect()?;
    connection.ask("GET", "/", &[], b"")?.status(200)?;
    for _ in 0..100 {
        server.get("/panic")?.status(500)?;
    }
    server.get("/")?.status(200)?;
    server.get("/hello/Ada")?.status(200).map(drop)
}

fn large(server: &Server, accept: Option<&str>) -> Result<Answer, crate::exercise::Failure> {
    let fields: Vec<(&str, &str)> =
        accept.into_iter().map(|value| ("Accept-Encoding", value)).collect();
    server.ask("GET", "/large", &fields, b"")
}

fn compressed(server: &Server) -> Checked {
    let plain = large(server, None)?;
    plain.status(200)?.no_field("Content-Encoding")?;
    let enough = plain.reply.body.len() >= 10_000;
    plain.require(enough, "at least 10,000 bytes", plain.reply.body.len())?;
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
        let answer = large(server, accept)?;
        let is_listed = answer.reply.lists("Vary", "Accept-Encoding");
        let got = answer.reply.field("Vary").unwrap_or("no field Vary").to_string();
        answer.require(is_listed, "Vary lists Accept-Encoding", got)?;
    }
    Ok(())
}

/// Uses up the burst, and returns the first response after it.
fn exhausted(server: &Server) -> Result<Answer, crate::exercise::Failure> {
    let mut connection = server.connect()?;
    let mut served = 0;
    loop {
        let answer = connection.ask("GET", "/limited", &[], b"")?;
        if answer.reply.status != 200 {
            let got = format!("status {} for request {}", answer.reply.status, served + 1);
            answer.require(served >= 5, "five requests are served at once", got)?;
            return Ok(answer);
        }
        served += 1;
        // On a slow machine the bucket gains a token or two in the meantime.
        answer.require(served < 20, "a limit", "20 requests in a row are served")?;
    }
}

fn limited(server: &Server) -> Checked {
    let answer = exhausted(server)?;
    answer.status(429)?;
    retry_after(&answer)?;
    server.get("/")?.status(200).map(drop)
}

fn retry_after(answer: &Answer) -> Result<u64, crate::exercise::Failure> {
    let value = answer.reply.field("Retry-After").unwrap_or("no field Retry-After").to_string();
    let seconds = value.parse().ok().filter(|seconds| (1..=60).contains(seconds));
    seconds.ok_or_else(|| answer.failure("Retry-After: a whole number of seconds", value))
}

fn served_again(server: &Server) -> Checked {
    let answer = exhausted(server)?;
    answer.status(429)?;
    let seconds = retry_after(&answer)?;
    // This is not a guess: the server itself specified this time.
    thread::sleep(Duration::from_secs(seconds));
    server.get("/limited")?.status(200).map(drop)
}
