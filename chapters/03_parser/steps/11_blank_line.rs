//! Step 11: read until the empty line that ends the header section.

mod common;

use std::net::{SocketAddr, TcpStream};
use std::{env, io};

use ch02_thread_pool::core::thread_pool::PoolConfig;
use ch02_thread_pool::core::{Connection, Deadline, Listener, ThreadPool};
use memchr::memmem;

use common::{Failure, PATIENCE, fill};

/// The longest header section, in bytes.
const MAX_HEADER_SECTION: usize = 64 * 1024;

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

/// Reads a request, and responds.
fn exchange(mut connection: Connection) -> io::Result<()> {
    if read_header_section(&mut connection).is_ok() {
        respond(&mut connection, "200 OK", b"Hello!\n")?;
    }
    // Closing with unread bytes would send RST, which may destroy the response. So this sends FIN and keeps reading.
    connection.close(PATIENCE);
    Ok(())
}

/// Reads up to the empty line. Bytes after it stay in the buffer.
fn read_header_section(connection: &mut Connection) -> Result<(), Failure> {
    loop {
        if let Some(end) = memmem::find(connection.buffered(), b"\r\n\r\n") {
            connection.consume(end + 4);
            return Ok(());
        }
        fill(connection, Deadline::after(PATIENCE))?;
    }
}

/// Sends a status line, field lines, an empty line and the body. Content-Length is the body's length.
fn respond(connection: &mut Connection, status: &str, body: &[u8]) -> io::Result<()> {
    let length = body.len();
    let header_section = format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/plain\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
    );
    let response = [header_section.as_bytes(), body].concat();
    connection.write_all(&response, Deadline::after(PATIENCE))
}

/// The last argument that has a colon, or port 8080 of this machine.
fn address() -> String {
    let address = env::args().skip(1).rfind(|argument| argument.contains(':'));
    address.unwrap_or_else(|| "127.0.0.1:8080".to_string())
}
