//! Step 14: serve several requests on a connection, in order.

mod common;

use std::net::{SocketAddr, TcpStream};
use std::{env, io};

use ch02_thread_pool::core::thread_pool::PoolConfig;
use ch02_thread_pool::core::{Connection, Deadline, Listener, ThreadPool};
use memchr::memmem;

use common::status::{self, Status};
use common::{Failure, PATIENCE, Request, fill, handle, is_token, read_bytes};

/// The longest header section, in bytes.
const MAX_HEADER_SECTION: usize = 64 * 1024;

/// The longest body, in bytes.
const MAX_BODY: usize = 8 * 1024 * 1024;

/// An accepted client: a task for the pool of part 2.
type Client = (TcpStream, SocketAddr);

fn main() -> anyhow::Result<()> {
    let listener = Listener::bind(address().parse()?)?;
    println!("listening on http://{}", listener.local_addr());
    let pool = ThreadPool::start("worker", PoolConfig { workers: 4, queue: 64 }, serve)?;
    loop {
        // A full queue hands the client back, and dropping it closes its connection.
        let _ = pool.submit(listener.accept()?);
    }
}

/// Serves one client. An error ends only this connection.
fn serve((stream, peer): Client) {
    // The connection of part 2 has a buffer, and a deadline for every wait.
    let connection = Connection::new(stream, peer, MAX_HEADER_SECTION);
    if let Err(error) = connection.and_then(exchange) {
        eprintln!("{peer}: {error}");
    }
}

/// Reads requests and responds to each, until one of them is the last.
fn exchange(mut connection: Connection) -> io::Result<()> {
    let mut is_last = false;
    while !is_last {
        // Bytes that are left in the buffer begin the next request (pipelining), so it is not cleared.
        match read_request(&mut connection) {
            Ok((request, body)) => {
                is_last =
                    request.is_old || request.list("connection").contains(&"close".to_string());
                let (status, content) = handle(&request, body);
                respond(&mut connection, status, &content, request.method == "HEAD", is_last)?;
            }
            // Where the next request would begin is unknown after an error.
            Err(Failure::Rejected(status)) => {
                is_last = true;
                respond(&mut connection, status, status.as_bytes(), false, is_last)?;
            }
            Err(Failure::Gone(error)) => return Err(error),
        }
    }
    // Closing with unread bytes would send RST, which may destroy the response. So this sends FIN and keeps reading.
    connection.close(PATIENCE);
    Ok(())
}

/// Reads a request with its body.
fn read_request(connection: &mut Connection) -> Result<(Request, Vec<u8>), Failure> {
    let request = read_header_section(connection)?;
    let length = request.values("content-length").next().unwrap_or("0");
    let length = length.parse().map_err(|_| status::BAD_REQUEST)?;
    if length > MAX_BODY {
        Err(status::CONTENT_TOO_LARGE)?;
    }
    // The client waits for this before it sends a body that we might reject.
    if !request.is_old && request.list("expect").contains(&"100-continue".to_string()) {
        connection.write_all(b"HTTP/1.1 100 Continue\r\n\r\n", Deadline::after(PATIENCE))?;
    }
    let mut body = Vec::new();
    read_bytes(connection, length, &mut body)?;
    Ok((request, body))
}

/// Reads up to the empty line. Bytes after it stay in the buffer.
fn read_header_section(connection: &mut Connection) -> Result<Request, Failure> {
    loop {
        if let Some(end) = memmem::find(connection.buffered(), b"\r\n\r\n") {
            let request = parse(&connection.buffered()[..end])?;
            connection.consume(end + 4);
            return Ok(request);
        }
        if connection.buffered().len() == MAX_HEADER_SECTION {
            let has_line = connection.buffered().contains(&b'\n');
            Err(if has_line { status::FIELDS_TOO_LARGE } else { status::URI_TOO_LONG })?;
        }
        fill(connection, Deadline::after(PATIENCE))?;
    }
}

/// Parses a header section without its empty line. Anything that could be read in two ways is rejected.
fn parse(bytes: &[u8]) -> Result<Request, Status> {
    let text = str::from_utf8(bytes).map_err(|_| status::BAD_REQUEST)?;
    let mut lines = text.split("\r\n");
    let parts: Vec<&str> = lines.next().unwrap_or_default().split(' ').collect();
    let &[method, target, version] = &parts[..] else { return Err(status::BAD_REQUEST) };
    let is_old = match version.strip_prefix("HTTP/").map(str::as_bytes) {
        Some(b"1.1") => false,
        Some(b"1.0") => true,
        Some([b'0'..=b'9', b'.', b'0'..=b'9']) => return Err(status::VERSION_NOT_SUPPORTED),
        _ => return Err(status::BAD_REQUEST),
    };
    let mut fields = Vec::new();
    for line in lines {
        let (name, value) = line.split_once(':').ok_or(status::BAD_REQUEST)?;
        // Another server might find a different field after a space before the colon, or a bare CR or LF.
        if !is_token(name) || value.contains(|c: char| c.is_control() && c != '\t') {
            return Err(status::BAD_REQUEST);
        }
        fields.push((name.to_ascii_lowercase(), value.trim_matches([' ', '\t']).to_string()));
    }
    let request = Request { method: method.into(), target: target.into(), is_old, fields };
    let is_valid = is_token(method) && request.has_valid_target() && request.has_valid_host();
    is_valid.then_some(request).ok_or(status::BAD_REQUEST)
}

/// Sends a status line, field lines, an empty line and the body. Content-Length is the body's length.
fn respond(
    connection: &mut Connection,
    status: &str,
    body: &[u8],
    is_head: bool,
    is_last: bool,
) -> io::Result<()> {
    let length = body.len();
    let connection_field = if is_last { "close" } else { "keep-alive" };
    let header_section = format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/plain\r\nContent-Length: {length}\r\nConnection: {connection_field}\r\n\r\n"
    );
    let response = [header_section.as_bytes(), if is_head { b"" } else { body }].concat();
    connection.write_all(&response, Deadline::after(PATIENCE))
}

/// The last argument that has a colon, or port 8080 of this machine.
fn address() -> String {
    let address = env::args().skip(1).rfind(|argument| argument.contains(':'));
    address.unwrap_or_else(|| "127.0.0.1:8080".to_string())
}
