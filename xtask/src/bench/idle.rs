//! Connections that are idle after one request.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};

use anyhow::{Context, ensure};

use super::background::{self, Background, Outcome, TIMEOUT, in_batches};

/// How many are opened at a time.
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
    let request = wire::request("GET", "/", &[], b"");
    let mut streams: Vec<TcpStream> = Vec::with_capacity(count);
    in_batches(count, BATCH, |numbers| {
        for number in numbers.clone() {
            let about = || format!("connection {number}");
            let mut stream = background::connect(address, |_| Ok(())).with_context(about)?;
            stream.write_all(&request).with_context(about)?;
            streams.push(stream);
        }
        for (stream, number) in streams[numbers.clone()].iter_mut().zip(numbers) {
            let received = stream.read(&mut [0; 1024]);
            let received = received.with_context(|| format!("no response in {TIMEOUT:?}"))?;
            ensure!(received > 0, "the server has closed connection {number}");
        }
        Ok(())
    })?;
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

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::thread;
    use std::time::Instant;

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
