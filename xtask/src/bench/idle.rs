//! Connections that are idle after one request.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};

use super::background::{Background, Outcome};

/// The timeout of each step with one connection.
const TIMEOUT: Duration = Duration::from_secs(3);
/// The timeout for opening all of them: servers close connections that are idle too long.
const TOTAL_TIMEOUT: Duration = Duration::from_secs(20);
/// How many are opened at a time: no more than fit into the accept queue of any server.
const BATCH: usize = 100;

/// Opens the connections.
pub(crate) fn start(address: SocketAddr, count: usize) -> anyhow::Result<Background> {
    let streams = connect(address, count).with_context(|| format!("{count} idle connections"))?;
    let mut background = Background::default();
    background.spawn("idle clients", move |stopped| {
        let _ = stopped.recv();
        Outcome { lost: closed_by_the_server(&streams), share: None }
    })?;
    Ok(background)
}

/// Connects, and waits for one response on each connection.
fn connect(address: SocketAddr, count: usize) -> anyhow::Result<Vec<TcpStream>> {
    let start = Instant::now();
    let request = wire::request("GET", "/", &[], b"");
    let mut streams: Vec<TcpStream> = Vec::with_capacity(count);
    while streams.len() < count {
        let opened = streams.len();
        ensure!(
            start.elapsed() < TOTAL_TIMEOUT,
            "only {opened} could be opened in {TOTAL_TIMEOUT:?}"
        );
        for number in opened..count.min(opened + BATCH) {
            let stream = open(address, &request);
            streams.push(stream.with_context(|| format!("connection {number}"))?);
        }
        for stream in &mut streams[opened..] {
            let received = stream.read(&mut [0; 1024]);
            let received = received.with_context(|| format!("no response in {TIMEOUT:?}"))?;
            ensure!(received > 0, "the server has closed connection {opened}");
        }
    }
    Ok(streams)
}

fn closed_by_the_server(streams: &[TcpStream]) -> usize {
    let is_open = |stream: &&TcpStream| {
        let peeked = stream.set_nonblocking(true).and_then(|()| stream.peek(&mut [0]));
        // Open: a byte of the response is left to read, or nothing has arrived.
        peeked.map_or_else(|error| error.kind() == io::ErrorKind::WouldBlock, |count| count > 0)
    };
    streams.len() - streams.iter().filter(is_open).count()
}

fn open(address: SocketAddr, request: &[u8]) -> io::Result<TcpStream> {
    let mut stream = TcpStream::connect_timeout(&address, TIMEOUT)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    stream.set_write_timeout(Some(TIMEOUT))?;
    // Reset the connection on close: 50,000 ports in TIME_WAIT would be too many.
    #[cfg(unix)]
    rustix::net::sockopt::set_socket_linger(&stream, Some(Duration::ZERO))?;
    stream.write_all(request)?;
    Ok(stream)
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::thread;

    use super::*;

    #[test]
    fn connections_that_the_server_closes_are_counted() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let server = thread::Builder::new().name("server".into()).spawn(move || {
            let mut kept = Vec::new();
            for _ in 0..3 {
                let (mut stream, _) = listener.accept().unwrap();
                let _ = stream.read(&mut [0; 1024]).unwrap();
                stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").unwrap();
                kept.push(stream);
            }
            kept.pop();
            kept
        });
        let idle = connect(address, 3).unwrap();
        let kept = server.unwrap().join().unwrap();
        let deadline = Instant::now() + TIMEOUT;
        while closed_by_the_server(&idle) < 1 && Instant::now() < deadline {
            thread::yield_now();
        }
        assert_eq!(closed_by_the_server(&idle), 1);
        assert_eq!(kept.len(), 2);
    }
}
