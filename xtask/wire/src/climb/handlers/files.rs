//! Static files.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use super::super::tools::{Checked, require};
use crate::exercise::{Answer, Failure, Server, delete_at_end};
use crate::{PATIENCE, request};

/// The content of a file beside the served directory. A path traversal would reveal it.
const SECRET: &str = "the content of a file that is not served";

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

pub(super) fn files(server: &Server) -> Checked {
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

pub(super) fn absent(server: &Server) -> Checked {
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
pub(super) fn keeps_the_secret(answer: &Answer) -> Checked {
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

pub(super) fn traversal(server: &Server) -> Checked {
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
    // The files must still be served after all these attempts.
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

pub(super) fn links(server: &Server) -> Checked {
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

pub(super) fn tagged(server: &Server) -> Result<(Answer, String), Failure> {
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

pub(super) fn conditional(server: &Server, tag: &str) -> Result<Answer, Failure> {
    server.ask("GET", "/static/notes.txt", &[("If-None-Match", tag)], b"")
}

pub(super) fn not_modified(server: &Server) -> Checked {
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

pub(super) fn lists(server: &Server) -> Checked {
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

pub(super) fn modified(server: &Server) -> Checked {
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
