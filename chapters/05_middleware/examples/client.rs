//! A client for HTTP/1.1 and plain TCP, by hand: `cargo run -p ch05_middleware --example client -- [METHOD] URL`.
//!
//! It sends one request without a body, and prints the response: the status line, the fields, and the body.
//! Each exchange has a deadline, and each part of a response a maximum size, because a server may be slow or
//! malicious.

use std::env;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};

/// How long one exchange may take, from connecting to the last byte.
const PATIENCE: Duration = Duration::from_secs(20);
/// The maximum size in bytes of a header section, of a line within a chunked body, and of its
/// trailers.
const LARGEST_HEAD: u64 = 64 * 1024;
/// The maximum size of a body in bytes.
const LARGEST_BODY: u64 = 16 * 1024 * 1024;

fn main() -> anyhow::Result<()> {
    let words: Vec<String> = env::args().skip(1).collect();
    let (method, url) = match &words[..] {
        [url] => ("GET", url),
        [method, url] if !method.starts_with('-') => (method.as_str(), url),
        _ => bail!("usage: client [METHOD] URL"),
    };
    let answer = ask(method, url)?;
    let mut out = io::stdout().lock();
    writeln!(out, "{}", answer.status_line)?;
    for (name, value) in &answer.fields {
        writeln!(out, "{name}: {value}")?;
    }
    writeln!(out)?;
    out.write_all(&answer.body)?;
    Ok(())
}

/// A response.
#[derive(Debug)]
struct Answer {
    /// `HTTP/1.1 200 OK`
    status_line: String,
    /// The three digits.
    status: u16,
    /// Names and values, in their original order.
    fields: Vec<(String, String)>,
    /// The content, without the chunked coding.
    body: Vec<u8>,
}

impl Answer {
    /// The value of the first field with this name, in any spelling.
    fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(it, _)| it.eq_ignore_ascii_case(name)).map(|(_, value)| &**value)
    }
}

/// Sends one request on a new connection, and reads the response.
fn ask(method: &str, url: &str) -> anyhow::Result<Answer> {
    let rest = url.strip_prefix("http://").context("the URL must begin with http://")?;
    let rest = rest.split('#').next().unwrap_or_default(); // a fragment is not for the server
    let (host, target) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
    let slash = if target.starts_with('/') { "" } else { "/" };
    let has_port = host.rfind(':') > host.rfind(']'); // `[::1]` has colons of its own
    let place = if has_port { host.to_string() } else { format!("{host}:80") };
    let is_plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_graphic());
    ensure!(is_plain(method) && is_plain(rest), "neither method nor URL may have spaces in it");

    let deadline = Instant::now() + PATIENCE;
    let address = place.to_socket_addrs()?.next().context("this host has no address")?;
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)
        .with_context(|| format!("cannot connect to {address}"))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let length = if method == "POST" || method == "PUT" { "Content-Length: 0\r\n" } else { "" };
    let head = format!(
        "{method} {slash}{target} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: client/1\r\n\
         {length}Connection: close\r\n\r\n"
    );
    stream.write_all(head.as_bytes())?;
    read_answer(method, &mut BufReader::new(Timed { stream, deadline }))
}

/// A connection that is read until a deadline. A timeout alone would restart with each byte.
struct Timed {
    stream: TcpStream,
    deadline: Instant,
}

impl Read for Timed {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let remaining = self.deadline.saturating_duration_since(Instant::now());
        if remaining.is_zero() {
            return Err(io::Error::new(io::ErrorKind::TimedOut, "the response took too long"));
        }
        self.stream.set_read_timeout(Some(remaining))?;
        self.stream.read(buffer)
    }
}

/// Reads the response to a request with this method, and skips the 1xx responses before it.
fn read_answer(method: &str, from: &mut impl BufRead) -> anyhow::Result<Answer> {
    loop {
        let head = &mut from.take(LARGEST_HEAD);
        let status_line = read_line(head)?;
        let code = status_line.strip_prefix("HTTP/1.").and_then(|rest| rest.get(2..5));
        let status = code.and_then(|code| code.parse().ok()).context("no status line")?;
        let mut answer = Answer { status_line, status, fields: Vec::new(), body: Vec::new() };
        loop {
            let line = read_line(head)?;
            if line.is_empty() {
                break;
            }
            let (name, value) = line.split_once(':').context("a field line without a colon")?;
            answer.fields.push((name.to_string(), value.trim().to_string()));
        }
        if status >= 200 {
            answer.body = read_body(method, &answer, from)?;
            return Ok(answer);
        }
    }
}

/// Reads the body, if there is one. Chunks, the length or the end of the connection mark its end (RFC 9112 section
/// 6.3).
fn read_body(method: &str, answer: &Answer, from: &mut impl BufRead) -> anyhow::Result<Vec<u8>> {
    let mut body = Vec::new();
    if method == "HEAD" || answer.status == 204 || answer.status == 304 {
        return Ok(body);
    }
    if let Some(coding) = answer.field("Transfer-Encoding") {
        ensure!(coding.eq_ignore_ascii_case("chunked"), "the transfer coding {coding} is unknown");
        loop {
            let line = read_line(&mut from.take(LARGEST_HEAD))?;
            let digits = line.split(';').next().unwrap_or_default().trim_end();
            let length = u64::from_str_radix(digits, 16).context("a chunk without a length")?;
            read_exactly(from, length, &mut body)?;
            if length == 0 {
                break;
            }
            ensure!(read_line(&mut from.take(2))?.is_empty(), "a chunk is longer than it says");
        }
        let trailers = &mut from.take(LARGEST_HEAD);
        while !read_line(trailers)?.is_empty() {}
    } else if let Some(length) = answer.field("Content-Length") {
        read_exactly(from, length.parse().context("a malformed Content-Length")?, &mut body)?;
    } else {
        from.take(LARGEST_BODY + 1).read_to_end(&mut body)?;
        ensure!(body.len() as u64 <= LARGEST_BODY, "the body is too large");
    }
    Ok(body)
}

/// Appends exactly `length` bytes to the body. Fewer are an error.
fn read_exactly(from: &mut impl BufRead, length: u64, body: &mut Vec<u8>) -> anyhow::Result<()> {
    ensure!(length <= LARGEST_BODY.saturating_sub(body.len() as u64), "the body is too large");
    let read = from.take(length).read_to_end(body)? as u64;
    ensure!(read == length, "the server closed within the body");
    Ok(())
}

/// Returns one line without its end. A missing end is an error. A byte that is not UTF-8 becomes
/// U+FFFD.
fn read_line(from: &mut impl BufRead) -> anyhow::Result<String> {
    let mut line = Vec::new();
    from.read_until(b'\n', &mut line)?;
    ensure!(line.pop() == Some(b'\n'), "a line has no end, or is too long");
    if line.last() == Some(&b'\r') {
        line.pop();
    }
    Ok(String::from_utf8_lossy(&line).into_owned())
}
