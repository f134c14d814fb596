//! Static files.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use super::super::tools::{Checked, each_gets, require};
use crate::exercise::{Answer, Failure, Server, delete_at_end};
use crate::{PATIENCE, request};

/// The content of a file beside the served directory. A path traversal would reveal it.
const SECRET: &str = "the content of a file that is not served";

/// The failure when the system does not let a check create what it needs.
fn cannot(expected: &'static str) -> impl Fn(std::io::Error) -> Failure {
    move |error| Failure::new(expected, error.to_string())
}

/// A directory to serve, and a secret beside it. Both are deleted when the value is dropped.
struct Site {
    root: PathBuf,
}

impl Site {
    fn new() -> Result<Site, Failure> {
        // One check after the other has a site.
        let name = format!("climb-{}", std::process::id());
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
        let written = all.iter().try_for_each(|(path, content)| write(path, content));
        written.map_err(cannot("a directory with files, which the check creates"))?;
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

/// Starts the server with a site. The site is deleted after the server has ended.
fn serve(server: &Server) -> Result<(Site, Server), Failure> {
    let site = Site::new()?;
    let server = site.serve(server)?;
    Ok((site, server))
}

pub(super) fn files(server: &Server) -> Checked {
    let (site, server) = serve(server)?;
    for (path, media_type) in [
        ("index.html", "text/html"),
        ("style.css", "text/css"),
        ("app.js", "javascript"),
        ("notes.txt", "text/plain"),
        ("deep/er/page.html", "text/html"),
        ("a%20space.txt", "text/plain"),
    ] {
        let answer = server.get(&format!("/static/{path}"))?;
        let content = fs::read(site.folder().join(path.replace("%20", " "))).unwrap_or_default();
        answer.status(200)?.body(&content)?;
        let got = answer.reply.field("Content-Type").unwrap_or("no field");
        answer.require(got.contains(media_type), format!("Content-Type: {media_type}"), got)?;
    }
    Ok(())
}

pub(super) fn absent(server: &Server) -> Checked {
    let (_site, server) = serve(server)?;
    let absent = ["nowhere.txt", "index.html/", "notes.txt/x", "deep/er/none"];
    each_gets(&server, 404, &absent.map(|path| format!("/static/{path}")))?;
    let answer = server.get("/static/deep")?;
    let is_none = [301, 302, 307, 308, 403, 404].contains(&answer.reply.status);
    answer.require(is_none, "404, 403 or a redirect for a directory", answer.reply.status)
}

/// The response must not contain the secret, whatever its status.
fn keeps_the_secret(answer: &Answer) -> Checked {
    let (text, status) = (answer.reply.text(), answer.reply.status);
    let reveals = text.contains(SECRET) || text.contains("root:");
    let expected = "no content from outside the directory";
    answer.require(!reveals, expected, "the content of a file outside it")?;
    let is_rejected = (300..500).contains(&status);
    answer.require(is_rejected, "status 404 (or another 4xx)", format!("status {status}"))
}

pub(super) fn traversal(server: &Server) -> Checked {
    let (site, server) = serve(server)?;
    let absolute = site.root.join("secret.txt").to_string_lossy().into_owned();
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
        keeps_the_secret(&server.send(&bytes)?)?;
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
    made.map_err(cannot("symbolic links, which the check creates"))?;
    let server = site.serve(server)?;
    for path in ["link.txt", "up/secret.txt", "relative.txt"] {
        keeps_the_secret(&server.get(&format!("/static/{path}"))?)?;
    }
    Ok(())
}

/// The `ETag` of a file.
fn tag_of_notes(server: &Server) -> Result<String, Failure> {
    let answer = server.get("/static/notes.txt")?;
    let tag = answer.status(200)?.has("ETag")?.to_string();
    let opaque = tag.strip_prefix("W/").unwrap_or(&tag);
    let quoted = opaque.len() >= 2 && opaque.starts_with('"') && opaque.ends_with('"');
    answer.require(quoted, "an ETag in quotes", &tag)?;
    Ok(tag)
}

fn conditional(server: &Server, tag: &str) -> Result<Answer, Failure> {
    server.ask("GET", "/static/notes.txt", &[("If-None-Match", tag)], b"")
}

pub(super) fn not_modified(server: &Server) -> Checked {
    let (_site, server) = serve(server)?;
    let tag = tag_of_notes(&server)?;
    conditional(&server, &tag)?.status(304)?.field("ETag", &tag)?;
    // On a persistent connection, a body would be parsed as the next response.
    let mut connection = server.connect()?;
    for _ in 0..2 {
        connection.ask("GET", "/static/notes.txt", &[("If-None-Match", &tag)], b"")?.status(304)?;
    }
    let answer = connection.ask("GET", "/static/notes.txt", &[], b"")?;
    answer.status(200)?.body(b"plain text\n").map(drop)
}

pub(super) fn lists(server: &Server) -> Checked {
    let (_site, server) = serve(server)?;
    let tag = tag_of_notes(&server)?;
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
    let (site, server) = serve(server)?;
    let tag = tag_of_notes(&server)?;
    conditional(&server, "\"other\"")?.status(200)?;
    let changed = "another text, and of another length\n";
    fs::write(site.folder().join("notes.txt"), changed).map_err(cannot("a file that changes"))?;
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
