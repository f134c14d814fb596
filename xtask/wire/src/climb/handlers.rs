//! Stages 24 to 26: health, files, conditional requests.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use super::core::{exits, terminate};
use super::tools::{Checked, require};
use super::{Scheme, Stage};
use crate::exercise::{Answer, Check, Failure, Server, delete_at_end};
use crate::{PATIENCE, request};

const PHASE: &str = "Handlers";

/// The content of a file beside the served directory, which a path traversal would reveal.
const SECRET: &str = "the content of a file that is not served";

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

/// A directory to serve, and a secret beside it. Both are deleted when the value is dropped.
struct Site {
    root: PathBuf,
}

impl Site {
    fn new() -> Result<Site, Failure> {
        let name = format!("climb-{}-{:?}", std::process::id(), thread::current().id());
        let name: String =
            name.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-').collect();
        let site = Site { root: std::env::temp_dir().join(name) };
        delete_at_end(&site.root);
        let write = |path: &str, content: &str| {
            let path = site.root.join(path);
            path.parent().map_or(Ok(()), fs::create_dir_all)?;
            fs::write(path, content)
        };
        let all = [
            ("secret.txt", SECRET),
            ("public/index.html", "<!DOCTYPE html><title>index</title>\n"),
            ("public/style.css", "body { color: black }\n"),
            ("public/app.js", "console.log(1);\n"),
            ("public/notes.txt", "plain text\n"),
            ("public/deep/er/page.html", "<!DOCTYPE html><title>deep</title>\n"),
            ("public/a space.txt", "a space\n"),
        ];
        all.iter().try_for_each(|(path, content)| write(path, content)).map_err(|error| {
            Failure::new("a directory with files, which the check creates", error.to_string())
        })?;
        Ok(site)
    }

    fn folder(&self) -> PathBuf {
        self.root.join("public")
    }

    fn serve(&self, server: &Server) -> Result<Server, Failure> {
        server.with_arguments(&[&self.folder().to_string_lossy()])
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        // A failure leaves files only in the directory for temporary files.
        let _ = fs::remove_dir_all(&self.root);
    }
}

fn files(server: &Server) -> Checked {
    let site = Site::new()?;
    let server = site.serve(server)?;
    for (path, media_type) in [
        ("index.html", "text/html"),
        ("style.css", "text/css"),
        ("app.js", "javascript"),
        ("notes.txt", "text/plain"),
        ("deep/er/page.html", "text/html"),
        ("a%20space.txt", "text/plain"),
    ] {
        let answer = server.get(&format!("/static/{path}"))?;
        answer.status(200)?;
        let content = fs::read(site.folder().join(path.replace("%20", " "))).unwrap_or_default();
        answer.body(&content)?;
        let got = answer.reply.field("Content-Type").unwrap_or("no field").to_string();
        answer.require(
            got.contains(media_type),
            format!("Content-Type: {media_type}"),
            got.clone(),
        )?;
    }
    Ok(())
}

fn absent(server: &Server) -> Checked {
    let site = Site::new()?;
    let server = site.serve(server)?;
    for path in ["nowhere.txt", "index.html/", "notes.txt/x", "deep/er/none"] {
        server.get(&format!("/static/{path}"))?.status(404)?;
    }
    let answer = server.get("/static/deep")?;
    let is_none = [301, 302, 307, 308, 403, 404].contains(&answer.reply.status);
    answer.require(is_none, "404, 403 or a redirect for a directory", answer.reply.status)
}

/// The response must not contain the secret, whatever its status.
fn keeps_the_secret(answer: &Answer) -> Checked {
    let tells = answer.reply.text().contains(SECRET) || answer.reply.text().contains("root:");
    answer.require(
        !tells,
        "no content from outside the directory",
        "the content of a file outside it",
    )?;
    let is_rejected =
        (400..500).contains(&answer.reply.status) || (300..400).contains(&answer.reply.status);
    answer.require(
        is_rejected,
        "status 404 (or another 4xx)",
        format!("status {}", answer.reply.status),
    )
}

fn traversal(server: &Server) -> Checked {
    let site = Site::new()?;
    let absolute = site.root.join("secret.txt").to_string_lossy().into_owned();
    let server = site.serve(server)?;
    let absolute_encoded = absolute.replace('/', "%2F");
    for path in [
        "../secret.txt",
        "deep/../../secret.txt",
        "deep/er/../../../secret.txt",
        "%2e%2e/secret.txt",
        "%2E%2E%2Fsecret.txt",
        "..%2fsecret.txt",
        ".%2e/secret.txt",
        "..%5csecret.txt",
        "..\\secret.txt",
        "%252e%252e/secret.txt",
        "%252e%252e%252fsecret.txt",
        "..%00/secret.txt",
        "..;/secret.txt",
        "....//secret.txt",
        "%c0%ae%c0%ae/secret.txt",
        "./../secret.txt",
        "../public/../secret.txt",
        "notes.txt/../../secret.txt",
        "notes.txt%00.html",
        absolute.as_str(),
        absolute_encoded.as_str(),
        "/etc/passwd",
        "//etc/passwd",
        "%2Fetc%2Fpasswd",
    ] {
        let bytes = request("GET", &format!("/static/{path}"), &[("Connection", "close")], b"");
        keeps_the_secret(&server.connect()?.send(&bytes)?)?;
    }
    // The files are still served after all these attempts.
    server.get("/static/notes.txt")?.status(200).map(drop)
}

#[cfg(unix)]
fn link(to: &Path, at: &Path) -> std::io::Result<()> {
    std::os::unix::fs::symlink(to, at)
}

/// Creating a symbolic link needs a privilege that few accounts have; the check reports that.
#[cfg(windows)]
fn link(to: &Path, at: &Path) -> std::io::Result<()> {
    std::os::windows::fs::symlink_file(to, at)
}

fn links(server: &Server) -> Checked {
    let site = Site::new()?;
    let folder = site.folder();
    let made = link(&site.root.join("secret.txt"), &folder.join("link.txt"))
        .and_then(|()| link(&site.root, &folder.join("up")))
        .and_then(|()| link(Path::new("../secret.txt"), &folder.join("relative.txt")));
    made.map_err(|error| {
        Failure::new("symbolic links, which the check creates", error.to_string())
    })?;
    let server = site.serve(server)?;
    for path in ["link.txt", "up/secret.txt", "relative.txt"] {
        keeps_the_secret(&server.get(&format!("/static/{path}"))?)?;
    }
    Ok(())
}

fn tagged(server: &Server) -> Result<(Answer, String), Failure> {
    let answer = server.get("/static/notes.txt")?;
    answer.status(200)?;
    let Some(tag) = answer.reply.field("ETag").map(ToString::to_string) else {
        return Err(answer.failure("a field ETag", "none"));
    };
    let opaque = tag.strip_prefix("W/").unwrap_or(&tag);
    let quoted = opaque.len() >= 2 && opaque.starts_with('"') && opaque.ends_with('"');
    answer.require(quoted, "an ETag in quotes", &tag)?;
    Ok((answer, tag))
}

fn conditional(server: &Server, tag: &str) -> Result<Answer, Failure> {
    server.ask("GET", "/static/notes.txt", &[("If-None-Match", tag)], b"")
}

fn not_modified(server: &Server) -> Checked {
    let site = Site::new()?;
    let server = site.serve(server)?;
    let (_, tag) = tagged(&server)?;
    let answer = conditional(&server, &tag)?;
    answer.status(304)?.field("ETag", &tag)?;
    // On a persistent connection, a body would be parsed as the next response.
    let mut connection = server.connect()?;
    for _ in 0..2 {
        connection.ask("GET", "/static/notes.txt", &[("If-None-Match", &tag)], b"")?.status(304)?;
    }
    connection
        .ask("GET", "/static/notes.txt", &[], b"")?
        .status(200)?
        .body(b"plain text\n")
        .map(drop)
}

fn lists(server: &Server) -> Checked {
    let site = Site::new()?;
    let server = site.serve(server)?;
    let (_, tag) = tagged(&server)?;
    let opaque = tag.strip_prefix("W/").unwrap_or(&tag);
    for value in [
        format!("\"other\", {tag}"),
        format!("W/{opaque}"),
        format!("\"a,b\" , W/\"c\",{opaque}"),
        "*".into(),
    ] {
        conditional(&server, &value)?.status(304)?;
    }
    Ok(())
}

fn modified(server: &Server) -> Checked {
    let site = Site::new()?;
    let server = site.serve(server)?;
    let (_, tag) = tagged(&server)?;
    conditional(&server, "\"other\"")?.status(200)?;
    let changed = "another text, and of another length\n";
    fs::write(site.folder().join("notes.txt"), changed)
        .map_err(|error| Failure::new("a file that changes", error.to_string()))?;
    // A server may cache the version of a file for a moment.
    let deadline = Instant::now() + PATIENCE;
    loop {
        let answer = conditional(&server, &tag)?;
        if answer.reply.status == 200 {
            answer.body(changed.as_bytes())?;
            let other = answer.reply.field("ETag").is_some_and(|new| new != tag);
            return answer.require(other, "another ETag", &tag);
        }
        let waited = Instant::now() > deadline;
        require(!waited, "status 200 after the file has changed", "status 304")?;
        thread::sleep(Duration::from_millis(100));
    }
}
