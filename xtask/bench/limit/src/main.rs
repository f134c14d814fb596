//! The limit: an epoll loop per core that parses nothing and always sends the same bytes. A server that parses its
//! requests can hardly be faster.
//!
//! `limit ADDRESS FOLDER PATH`; it counts the empty lines that end a header section, and closes the connection after a
//! response when `LIMIT_CLOSE` is set.

#![forbid(unsafe_code)]

use std::collections::HashMap;
use std::env;
use std::error::Error;
use std::fs;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::Arc;
use std::thread;

use memchr::memmem;
use rustix::buffer::spare_capacity;
use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};
use rustix::io::{Errno, read};
use rustix::net::{self, AddressFamily, SendFlags, SocketFlags, SocketType, sockopt};

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

/// The token of the listening socket, which no connection has.
const LISTENER: u64 = u64::MAX;
/// The most bytes of one read.
const READ: usize = 16 * 1024;

fn main() -> Result<()> {
    let mut arguments = env::args().skip(1);
    let mut argument = || arguments.next().ok_or("usage: limit ADDRESS FOLDER PATH");
    let (address, folder, path) = (argument()?.parse()?, argument()?, argument()?);
    let close = env::var_os("LIMIT_CLOSE").is_some();
    let response = Arc::new(Response { bytes: response(Path::new(&folder), &path, close)?, close });

    // A listening socket per loop: the kernel distributes the connections, and the loops share nothing.
    let first = listen(address)?;
    let address = SocketAddr::try_from(net::getsockname(&first)?)?;
    let mut listeners = vec![first];
    for _ in 1..thread::available_parallelism()?.get() {
        listeners.push(listen(address)?);
    }
    println!("listening on http://{address}");
    let mut threads = Vec::new();
    for (number, listener) in listeners.into_iter().enumerate() {
        let response = Arc::clone(&response);
        let name = format!("loop {number}");
        threads.push(thread::Builder::new().name(name).spawn(move || serve(&listener, &response))?);
    }
    for thread in threads {
        thread.join().map_err(|_| "a loop has panicked")??;
    }
    Ok(())
}

/// The response to every request.
struct Response {
    bytes: Vec<u8>,
    close: bool,
}

fn response(folder: &Path, path: &str, close: bool) -> Result<Vec<u8>> {
    let (kind, body) = if let Some(name) = path.strip_prefix("/static/") {
        ("text/plain", fs::read(folder.join(name))?)
    } else if path.starts_with("/json/") {
        ("application/json", br#"{"id":42,"name":"Ada","tags":["a","b"]}"#.to_vec())
    } else {
        ("text/plain", b"Hello, World!".to_vec())
    };
    // A header section of the usual size. Without `Connection: close` the client takes the close for an error.
    let connection = if close { "Connection: close\r\n" } else { "" };
    let mut bytes = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n{connection}\r\n",
        body.len()
    )
    .into_bytes();
    bytes.extend(body);
    Ok(bytes)
}

fn listen(address: SocketAddr) -> Result<OwnedFd> {
    let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
    let socket =
        net::socket_with(AddressFamily::INET, SocketType::STREAM, flags, Some(net::ipproto::TCP))?;
    sockopt::set_socket_reuseaddr(&socket, true)?;
    sockopt::set_socket_reuseport(&socket, true)?;
    // Accepted sockets have it too.
    sockopt::set_tcp_nodelay(&socket, true)?;
    net::bind(&socket, &address)?;
    net::listen(&socket, 1024)?;
    Ok(socket)
}

/// A connection.
struct Connection {
    socket: OwnedFd,
    /// The start of a request whose end has not arrived yet.
    tail: Vec<u8>,
    /// Bytes still to send.
    unsent: usize,
    /// Registered for writability instead of readability.
    waits_to_write: bool,
}

/// Runs an event loop.
fn serve(listener: &OwnedFd, response: &Response) -> Result<()> {
    let poll = epoll::create(CreateFlags::CLOEXEC)?;
    epoll::add(&poll, listener, EventData::new_u64(LISTENER), EventFlags::IN)?;
    let mut connections = HashMap::new();
    let mut next = 0_u64;
    let mut events = Vec::with_capacity(256);
    let mut buffer = vec![0; READ];
    // One write for all small responses to pipelined requests.
    let copies = (64 * 1024 / response.bytes.len()).max(1);
    let sent = response.bytes.repeat(copies);
    loop {
        events.clear();
        match epoll::wait(&poll, spare_capacity(&mut events), None) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        for event in &events {
            let event = *event;
            let token = event.data.u64();
            if token == LISTENER {
                let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
                while let Ok(socket) = net::accept_with(listener, flags) {
                    epoll::add(&poll, &socket, EventData::new_u64(next), EventFlags::IN)?;
                    let connection =
                        Connection { socket, tail: Vec::new(), unsent: 0, waits_to_write: false };
                    connections.insert(next, connection);
                    next += 1;
                }
                continue;
            }
            let Some(connection) = connections.get_mut(&token) else { continue };
            let open = connection.step(response, &sent, &mut buffer).unwrap_or(false);
            if !open {
                connections.remove(&token);
                continue;
            }
            let waits_to_write = connection.unsent > 0;
            if waits_to_write != connection.waits_to_write {
                connection.waits_to_write = waits_to_write;
                let interest = if waits_to_write { EventFlags::OUT } else { EventFlags::IN };
                epoll::modify(&poll, &connection.socket, EventData::new_u64(token), interest)?;
            }
        }
    }
}

impl Connection {
    /// Reads requests unless a response is unsent, then sends. Returns whether the connection stays open.
    fn step(&mut self, response: &Response, copies: &[u8], buffer: &mut [u8]) -> Result<bool> {
        if self.unsent == 0 {
            let count = match read(&self.socket, &mut *buffer) {
                Ok(0) => return Ok(false),
                Ok(count) => count,
                Err(Errno::AGAIN | Errno::INTR) => return Ok(true),
                Err(error) => return Err(error.into()),
            };
            self.unsent = self.requests(&buffer[..count]) * response.bytes.len();
        }
        while self.unsent > 0 {
            // The unsent bytes end with a response, so this is where they start in the first copy.
            let start =
                (response.bytes.len() - self.unsent % response.bytes.len()) % response.bytes.len();
            let end = copies.len().min(start + self.unsent);
            match net::send(&self.socket, &copies[start..end], SendFlags::NOSIGNAL) {
                Ok(count) => self.unsent -= count,
                Err(Errno::AGAIN) => return Ok(true),
                Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
            if self.unsent == 0 && response.close {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// How many requests end in these bytes.
    fn requests(&mut self, bytes: &[u8]) -> usize {
        const END: &[u8] = b"\r\n\r\n";
        // The plain case: one short request, all of it.
        if self.tail.is_empty() && bytes.ends_with(END) && bytes.len() < 200 {
            return 1;
        }
        self.tail.extend(bytes);
        let (mut count, mut rest) = (0, 0);
        for at in memmem::find_iter(&self.tail, END) {
            count += 1;
            rest = at + END.len();
        }
        self.tail.drain(..rest);
        count
    }
}
