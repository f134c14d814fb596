//! Stages 24 to 26: health, files, conditional requests.

use std::thread;
use std::time::Duration;

mod files;

use self::files::{absent, files, links, lists, modified, not_modified, traversal};
use super::core::{exits, terminate};
use super::stage::{Scheme, Stage};
use super::tools::Checked;
use crate::exercise::{Check, Failure, Server};
use crate::request;

const PHASE: &str = "Handlers";

pub(super) const STAGES: &[Stage] = &[
    Stage {
        number: 24,
        name: "health",
        title: "reports liveness and readiness, also while draining",
        phase: PHASE,
        scheme: Scheme::Http,
        contract: "`GET /health/live` and `GET /health/ready` get 200. `GET /slow?ms=N` responds after N \
                   milliseconds. After SIGTERM, while such a request is in progress, a request for /health/ready on a \
                   connection that is already open gets 503, or the connection is closed; and the server exits when \
                   the slow response has been sent.",
        hint: "Liveness means that the process works and needs no restart; readiness means that it should get \
               requests. A draining server is alive and not ready.",
        page: "part5/index.md",
        checks: &[
            Check { sentence: "live and ready get 200", rule: "", run: healthy },
            Check {
                sentence: "a draining server is not ready, and finishes its response",
                rule: "",
                run: drains,
            },
        ],
    },
    Stage {
        number: 25,
        name: "static-files",
        title: "serves files, and none outside their directory",
        phase: PHASE,
        scheme: Scheme::Http,
        contract: "The server is started with two arguments here: the address, which is not the last one any more, \
                   and the directory to serve, which the check fills (index.html, notes.txt and others). `GET \
                   /static/PATH` sends the file with its Content-Type (HTML, CSS, JavaScript, PNG, plain text). A \
                   missing file gets 404; a directory gets 404, 403 or a redirect. No path leaves the directory: neither `..` in any spelling, nor an absolute \
                   path, nor a symbolic link.",
        hint: "Decode once, split, and reject each segment that is `..`, is empty, or contains a slash, a backslash \
               or a NUL. Then resolve the path (realpath) and check that it is still inside: this catches the links.",
        page: "part5/index.md",
        checks: &[
            Check {
                sentence: "a file comes with its content and its Content-Type",
                rule: "RFC 9110 section 8.3 (Content-Type)",
                run: files,
            },
            Check {
                sentence: "a missing file gets 404, and a directory is not served as a file",
                rule: "RFC 9110 section 15.5.5 (404 Not Found)",
                run: absent,
            },
            Check {
                sentence: "no path leaves the directory (the traversal table)",
                rule: "CWE-22 (Path Traversal)",
                run: traversal,
            },
            Check {
                sentence: "a symbolic link out of the directory is not followed",
                rule: "CWE-59 (Link Following)",
                run: links,
            },
        ],
    },
    Stage {
        number: 26,
        name: "conditional",
        title: "revalidates with ETag and 304",
        phase: PHASE,
        scheme: Scheme::Http,
        contract: "The server is started as in stage 25. A file is sent with an ETag. A request with If-None-Match that has this ETag in its list, strong \
                   or weak, or `*`, gets 304 without a body and with the ETag. When the file has changed, the request \
                   gets 200 and another ETag.",
        hint: "An ETag names a version of the content: a hash, or length and modification time. If-None-Match uses \
               the weak comparison: W/\"a\" and \"a\" are equal.",
        page: "part5/index.md",
        checks: &[
            Check {
                sentence: "a matching ETag gets 304, without a body",
                rule: "RFC 9110 section 13.1.2 (If-None-Match)",
                run: not_modified,
            },
            Check {
                sentence: "an ETag in a list, a weak ETag and * get 304",
                rule: "RFC 9110 section 8.8.3.2 (Comparison)",
                run: lists,
            },
            Check {
                sentence: "another ETag, or a file that has changed, gets 200",
                rule: "RFC 9110 section 8.8.3 (ETag)",
                run: modified,
            },
        ],
    },
];

fn healthy(server: &Server) -> Checked {
    for path in ["/health/live", "/health/ready"] {
        server.get(path)?.status(200)?;
    }
    Ok(())
}

fn drains(server: &Server) -> Checked {
    let bytes = request("GET", "/slow?ms=1500", &[], b"");
    let mut probe = server.connect()?;
    probe.ask("GET", "/health/ready", &[], b"")?.status(200)?;
    let mut slow = server.connect()?;
    slow.client().send(&bytes).map_err(|error| slow.failure(&error, &bytes))?;
    // The request must have reached its handler. No event reports that, so the check waits.
    thread::sleep(Duration::from_millis(500));
    terminate(server)?;
    thread::sleep(Duration::from_millis(200));
    let ready = request("GET", "/health/ready", &[], b"");
    // A server may close idle connections at once.
    if probe.client().send(&ready).is_ok()
        && let Ok(reply) = probe.client().read_reply()
    {
        probe.answer(&ready, reply).status(503).map_err(|failure| Failure {
            expected: "status 503 on an open connection after SIGTERM, or its end".into(),
            ..failure
        })?;
    }
    let reply = slow.client().read_reply().map_err(|error| slow.failure(&error, &bytes))?;
    slow.answer(&bytes, reply).status(200)?;
    drop((slow, probe));
    exits(server)
}
