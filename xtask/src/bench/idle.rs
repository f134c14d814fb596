//! Connections that have asked once and then only stand there.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};

/// For each step with one connection.
const PATIENCE: Duration = Duration::from_secs(3);
/// For all of them: servers close connections that stand there too long.
const ALL: Duration = Duration::from_secs(20);
/// As many are opened at a time as any server's queue of finished handshakes takes.
const BATCH: usize = 100;

/// They are closed when it is dropped.
pub(crate) struct Idle {
    streams: Vec<TcpStream>,
}

impl Idle {
    pub(crate) fn open(address: SocketAddr, count: usize) -> anyhow::Result<Idle> {
        let start = Instant::now();
        let request = wire::request("GET", "/", &[], b"");
        let mut idle = Idle { streams: Vec::with_capacity(count) };
        while idle.streams.len() < count {
            let opened = idle.streams.len();
            ensure!(start.elapsed() < ALL, "only {opened} could be opened in {ALL:?}");
            for _ in 0..BATCH.min(count - opened) {
                let stream = open(address, &request);
                idle.streams
                    .push(stream.with_context(|| format!("number {}", idle.streams.len()))?);
            }
            for stream in &mut idle.streams[opened..] {
                let answered = stream.read(&mut [0; 1024]);
                let answered = answered.with_context(|| format!("no answer in {PATIENCE:?}"))?;
                ensure!(answered > 0, "the server closes number {opened}");
            }
        }
        Ok(idle)
    }

    /// How many of them the server has closed.
    pub(crate) fn closed_by_the_server(&self) -> usize {
        let open = |stream: &TcpStream| {
            let looked = stream.set_nonblocking(true).and_then(|()| stream.peek(&mut [0]));
            // A byte of the answer that was not read, or nothing yet.
            looked.map_or_else(|error| error.kind() == io::ErrorKind::WouldBlock, |count| count > 0)
        };
        self.streams.iter().filter(|stream| !open(stream)).count()
    }
}

fn open(address: SocketAddr, request: &[u8]) -> io::Result<TcpStream> {
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    // Closing resets the connection: our ports are not kept in TIME_WAIT, and 50,000 would be too many.
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
    fn what_the_server_closes_is_counted() {
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
        let idle = Idle::open(address, 3).unwrap();
        let kept = server.unwrap().join().unwrap();
        let deadline = Instant::now() + PATIENCE;
        while idle.closed_by_the_server() < 1 && Instant::now() < deadline {
            thread::yield_now();
        }
        assert_eq!(idle.closed_by_the_server(), 1);
        assert_eq!(kept.len(), 2);
    }
}
