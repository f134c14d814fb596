//! Clients that send one byte per second, and clients that read one byte per second.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};

use super::background::{self, Background, Outcome, in_batches};

/// How many of each kind.
const COUNT: usize = 1_000;
/// How many of each kind are opened at a time.
const BATCH: usize = 50;

/// One thread serves all clients: a second has this many steps, and each client has its byte in one of them.
const STEPS: u32 = 100;
const SECOND: Duration = Duration::from_secs(1);

/// A small MSS and a small receive window: loopback would take megabytes of a response at once, and the server would
/// never have to wait for a reader.
#[cfg(unix)]
const SEGMENT: u32 = 1_400;
const WINDOW: usize = 4 * 1024;

/// Connects all clients, and returns after the first byte of each. The response to `path` must be larger than the
/// socket buffers.
pub(crate) fn start(address: SocketAddr, path: &str) -> anyhow::Result<Background> {
    let clients = Clients::connect(address, path, COUNT)?;
    let mut background = Background::default();
    background.spawn("slow clients", |stopped| clients.run(stopped))?;
    Ok(background)
}

/// The clients of the one thread.
struct Clients {
    senders: Vec<TcpStream>,
    /// The request of the senders, which disconnect long before it is complete.
    request: Vec<u8>,
    readers: Vec<TcpStream>,
}

impl Clients {
    fn connect(address: SocketAddr, path: &str, count: usize) -> anyhow::Result<Clients> {
        let mut clients = Clients {
            senders: Vec::with_capacity(count),
            request: wire::request("GET", "/", &[("User-Agent", &"slow ".repeat(20))], b""),
            readers: Vec::with_capacity(count),
        };
        let request = wire::request("GET", path, &[], b"");
        in_batches(count, BATCH, |numbers| {
            for number in numbers.clone() {
                let about = || format!("slow client {number}");
                let mut sender = connect(address).with_context(about)?;
                sender.write_all(&clients.request[..1]).with_context(about)?;
                clients.senders.push(sender);
                let mut reader = connect(address).with_context(about)?;
                reader.write_all(&request).with_context(about)?;
                clients.readers.push(reader);
            }
            // A client that gets a response was accepted, and so were all clients that connected before it.
            for reader in &mut clients.readers[numbers] {
                let mut status = [0; 12];
                reader.read_exact(&mut status).context("a slow client's response")?;
                ensure!(status.ends_with(b" 200"), "the response to GET {path} is not 200");
            }
            Ok(())
        })?;
        for stream in clients.senders.iter().chain(&clients.readers) {
            stream.set_nonblocking(true)?;
        }
        Ok(clients)
    }

    /// Sends or reads one byte per client and second until it is stopped.
    fn run(mut self, stopped: &Receiver<()>) -> Outcome {
        let start = Instant::now();
        for step in 0.. {
            let due = start + SECOND * step / STEPS;
            let pause = due.saturating_duration_since(Instant::now());
            if stopped.recv_timeout(pause) == Err(RecvTimeoutError::Disconnected) {
                break;
            }
            // The first byte has been sent already.
            self.step(1 + (step / STEPS) as usize, (step % STEPS) as usize);
        }
        Outcome { lost: self.closed(), share: None }
    }

    /// Sends or reads a byte for the clients of this step. Errors are ignored here and counted at the end.
    fn step(&mut self, position: usize, part: usize) {
        let each = STEPS as usize;
        if let Some(byte) = self.request.get(position..=position) {
            for sender in self.senders.iter_mut().skip(part).step_by(each) {
                let _ = sender.write(byte);
            }
        }
        for reader in self.readers.iter_mut().skip(part).step_by(each) {
            let _ = reader.read(&mut [0]);
        }
    }

    /// How many connections the server has closed, or rejected as too slow.
    fn closed(&self) -> usize {
        let is_silent = |stream: &&TcpStream| {
            stream.peek(&mut [0]).is_err_and(|error| error.kind() == ErrorKind::WouldBlock)
        };
        let is_sent = |stream: &&TcpStream| stream.peek(&mut [0]).is_ok_and(|count| count > 0);
        let silent = self.senders.iter().filter(is_silent).count();
        let sent = self.readers.iter().filter(is_sent).count();
        self.senders.len() - silent + self.readers.len() - sent
    }
}

fn connect(address: SocketAddr) -> io::Result<TcpStream> {
    background::connect(address, |socket| {
        // Both are announced to the server in the SYN.
        #[cfg(unix)] // bench needs Linux, and the other commands must be built on Windows too
        socket.set_tcp_mss(SEGMENT)?;
        socket.set_recv_buffer_size(WINDOW)
    })
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::thread::Builder;

    use super::background::TIMEOUT;
    use super::*;

    /// Reads the bytes that the sender has sent so far.
    fn received(stream: &mut TcpStream, count: usize) -> Vec<u8> {
        let mut bytes = vec![0; count];
        stream.set_read_timeout(Some(TIMEOUT)).unwrap();
        stream.read_exact(&mut bytes).unwrap();
        bytes
    }

    #[test]
    fn each_client_has_its_byte_and_closed_ones_are_counted() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let serve = move || {
            let accept = || listener.accept().unwrap().0;
            let (sender, mut reader) = (accept(), accept());
            reader.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nmore").unwrap();
            (sender, reader)
        };
        let server = Builder::new().name("server".to_string()).spawn(serve).unwrap();
        let mut clients = Clients::connect(address, "/large", 1).unwrap();
        let (mut sender, reader) = server.join().unwrap();
        clients.step(1, 0);
        clients.step(2, 0);
        clients.step(3, 1);
        assert_eq!(received(&mut sender, 3), b"GET");
        assert_eq!(clients.closed(), 0);
        drop((sender, reader));
        let deadline = Instant::now() + TIMEOUT;
        // Bytes that were sent before the close are read first.
        while clients.closed() < 2 && Instant::now() < deadline {
            clients.step(4, 0);
        }
        assert_eq!(clients.closed(), 2);
    }
}
