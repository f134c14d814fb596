//! Step 10: a fixed response to the bytes of one read. (Naive: the request of a browser is longer.)

use std::env;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};

use ch02_thread_pool::core::thread_pool::PoolConfig;
use ch02_thread_pool::core::{Listener, ThreadPool};

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
    if let Err(error) = exchange(stream) {
        eprintln!("{peer}: {error}");
    }
}

/// Reads a request, and responds.
fn exchange(mut stream: TcpStream) -> io::Result<()> {
    let mut buffer = [0; 512];
    let count = stream.read(&mut buffer)?;
    // A header section ends with an empty line.
    if buffer[..count].ends_with(b"\r\n\r\n") {
        respond(&mut stream, "200 OK", b"Hello!\n")
    } else {
        respond(&mut stream, "400 Bad Request", b"No empty line.\n")
    }
}

/// Sends a status line, field lines, an empty line and the body. Content-Length is the body's length.
fn respond(stream: &mut TcpStream, status: &str, body: &[u8]) -> io::Result<()> {
    let length = body.len();
    let header_section = format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/plain\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
    );
    let response = [header_section.as_bytes(), body].concat();
    stream.write_all(&response)
}

/// The last argument that has a colon, or port 8080 of this machine.
fn address() -> String {
    let address = env::args().skip(1).rfind(|argument| argument.contains(':'));
    address.unwrap_or_else(|| "127.0.0.1:8080".to_string())
}
