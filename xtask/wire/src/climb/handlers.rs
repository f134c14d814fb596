//! Stages 24 to 26: health, files, conditional requests.

use std::thread;
use std::time::Duration;

mod files;

use self::files::{absent, files, links, lists, modified, not_modified, traversal};
use super::core::{exits, terminate};
use super::stage::{Phase, Scheme, Stage};
use super::tools::{Checked, each_gets};
use crate::exercise::{Server, check};
use crate::request;

const PHASE: Phase = Phase { name: "Handlers", scheme: Scheme::Http };

pub(super) const STAGES: &[Stage] = &[
    PHASE.stage(24, "health", "reports liveness and readiness, also while draining", "part5/index.md")
        .contract("`GET /health/live` and `GET /health/ready` get 200. `GET /slow?ms=N` responds after N \
                   milliseconds. After SIGTERM, while such a request is in progress, a request for /health/ready on a \
                   connection that is already open gets 503, or the connection is closed; and the server exits when \
                   the slow response has been sent.")
        .hint("Liveness means that the process works and needs no restart; readiness means that it should get \
               requests. A draining server is alive and not ready.")
        .checks(&[
            check("live and ready get 200", |server| each_gets(server, 200, &["/health/live", "/health/ready"])),
            check("a draining server is not ready, and finishes its response", drains),
        ]),
    PHASE.stage(25, "static-files", "serves files, and none outside their directory", "part5/index.md")
        .contract("The server is started with two arguments here: the address, which is not the last one any more, \
                   and the directory to serve, which the check fills (index.html, notes.txt and others). `GET \
                   /static/PATH` sends the file with its Content-Type (HTML, CSS, JavaScript, PNG, plain text). A \
                   missing file gets 404; a directory gets 404, 403 or a redirect. No path leaves the directory: \
                   neither `..` in any spelling, nor an absolute path, nor a symbolic link.")
        .hint("Decode once, split, and reject each segment that is `..`, is empty, or contains a slash, a backslash \
               or a NUL. Then resolve the path (realpath) and check that it is still inside: this catches the links.")
        .checks(&[
            check("a file comes with its content and its Content-Type", files)
                .rule("RFC 9110 section 8.3 (Content-Type)"),
            check("a missing file gets 404, and a directory is not served as a file", absent)
                .rule("RFC 9110 section 15.5.5 (404 Not Found)"),
            check("no path leaves the directory (the traversal table)", traversal).rule("CWE-22 (Path Traversal)"),
            check("a symbolic link out of the directory is not followed", links).rule("CWE-59 (Link Following)"),
        ]),
    PHASE.stage(26, "conditional", "revalidates with ETag and 304", "part5/index.md")
        .contract("The server is started as in stage 25. A file is sent with an ETag. A request with If-None-Match \
                   that has this ETag in its list, strong or weak, or `*`, gets 304 without a body and with the ETag. \
                   When the file has changed, the request gets 200 and another ETag.")
        .hint("An ETag names a version of the content: a hash, or length and modification time. If-None-Match uses \
               the weak comparison: W/\"a\" and \"a\" are equal.")
        .checks(&[
            check("a matching ETag gets 304, without a body", not_modified)
                .rule("RFC 9110 section 13.1.2 (If-None-Match)"),
            check("an ETag in a list, a weak ETag and * get 304", lists).rule("RFC 9110 section 8.8.3.2 (Comparison)"),
            check("another ETag, or a file that has changed, gets 200", modified).rule("RFC 9110 section 8.8.3 (ETag)"),
        ]),
];

fn drains(server: &Server) -> Checked {
    let bytes = request("GET", "/slow?ms=1500", &[], b"");
    let mut probe = server.connect()?;
    probe.ask("GET", "/health/ready", &[], b"")?.status(200)?;
    let mut slow = server.connect()?;
    slow.write(&bytes)?;
    // The request must have reached its handler. No event reports that, so the check waits.
    thread::sleep(Duration::from_millis(500));
    terminate(server)?;
    thread::sleep(Duration::from_millis(200));
    // A server may close idle connections at once.
    if let Ok(answer) = probe.ask("GET", "/health/ready", &[], b"") {
        let expected = "status 503 on an open connection after SIGTERM, or its end";
        answer.status(503).map_err(|failure| failure.expecting(expected))?;
    }
    slow.read(&bytes)?.status(200)?;
    drop((slow, probe));
    exits(server)
}
