//! Clients that send a byte a second, and clients that read one.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, Builder, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use socket2::{Domain, Protocol, Socket, Type};

/// How many of each kind.
const COUNT: usize = 1_000;
/// As many are opened at a time as any server's queue of finished handshakes takes.
const BATCH: usize = 50;
/// For each step with one connection.
const PATIENCE: Duration = Duration::from_secs(3);
/// For all of them.
const ALL: Duration = Duration::from_secs(20);

/// Each has its byte in a second, and one thread serves them all, some in each of so many steps.
const STEPS: u32 = 100;
const SECOND: Duration = Duration::from_secs(1);

/// A network of small steps: loopback would take megabytes of an answer at once, and the server would not have
/// to wait for anybody.
#[cfg(unix)]
const SEGMENT: u32 = 1_400;
const WINDOW: usize = 4 * 1024;

/// They leave when it is dropped.
pub(crate) struct Slow {
    enough: Arc<AtomicBool>,
    thread: Option<JoinHandle<usize>>,
}

/// All that one thread serves.
struct Clients {
    senders: Vec<TcpStream>,
    /// What the senders send. They leave long before it is whole.
    request: Vec<u8>,
    readers: Vec<TcpStream>,
}

impl Slow {
    /// Lets them connect, and all get as far as their first byte. `path` must be answered with more than the
    /// kernel takes at once.
    pub(crate) fn open(address: SocketAddr, path: &str) -> anyhow::Result<Slow> {
        let clients = Clients::connect(address, path, COUNT)?;
        let enough = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&enough);
        let thread =
            Builder::new().name("slow clients".to_string()).spawn(move || clients.go_on(&seen))?;
        Ok(Slow { enough, thread: Some(thread) })
    }

    /// Ends them. Returns how many of them the server has closed.
    pub(crate) fn stop(mut self) -> usize {
        self.enough.store(true, Ordering::Release);
        self.thread.take().and_then(|thread| thread.join().ok()).unwrap_or(2 * COUNT)
    }
}

impl Drop for Slow {
    fn drop(&mut self) {
        self.enough.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Clients {
    fn connect(address: SocketAddr, path: &str, count: usize) -> anyhow::Result<Clients> {
        let start = Instant::now();
        let mut clients = Clients {
            senders: Vec::with_capacity(count),
            request: wire::request("GET", "/", &[("User-Agent", &"slow ".repeat(20))], b""),
            readers: Vec::with_capacity(count),
        };
        let request = wire::request("GET", path, &[], b"");
        while clients.readers.len() < count {
            let opened = clients.readers.len();
            ensure!(start.elapsed() < ALL, "only {opened} slow clients could connect in {ALL:?}");
            let batch = BATCH.min(count - opened);
            for number in opened..opened + batch {
                let about = || format!("slow client {number}");
                let mut sender = connect(address).with_context(about)?;
                sender.write_all(&clients.request[..1]).with_context(about)?;
                clients.senders.push(sender);
                let mut reader = connect(address).with_context(about)?;
                reader.write_all(&request).with_context(about)?;
                clients.readers.push(reader);
            }
            // Whoever gets an answer was accepted, and so was everybody who came before.
            for reader in &mut clients.readers[opened..] {
                let mut status = [0; 12];
                reader.read_exact(&mut status).context("a slow client's answer")?;
                ensure!(status.ends_with(b" 200"), "GET {path} is not answered with 200");
            }
        }
        for stream in clients.senders.iter().chain(&clients.readers) {
            stream.set_nonblocking(true)?;
        }
        Ok(clients)
    }

    /// Lets each of them have a byte a second until it is enough. Returns how many the server has closed by then.
    fn go_on(mut self, enough: &AtomicBool) -> usize {
        let start = Instant::now();
        for step in 0.. {
            let due = start + SECOND * step / STEPS;
            thread::sleep(due.saturating_duration_since(Instant::now()));
            if enough.load(Ordering::Acquire) {
                break;
            }
            // The first byte has been sent already.
            self.step(1 + (step / STEPS) as usize, (step % STEPS) as usize);
        }
        self.closed()
    }

    /// A byte for those whose turn it is. What goes wrong is seen in the end.
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

    /// How many the server has closed, or has told that they are too slow.
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
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    // Both are told to the other side when the connection begins.
    #[cfg(unix)] // bench needs Linux, and the other commands must be built on Windows too
    socket.set_tcp_mss(SEGMENT)?;
    socket.set_recv_buffer_size(WINDOW)?;
    socket.connect_timeout(&address.into(), PATIENCE)?;
    socket.set_tcp_nodelay(true)?;
    socket.set_read_timeout(Some(PATIENCE))?;
    socket.set_write_timeout(Some(PATIENCE))?;
    // Closing resets the connection: our ports are not kept in TIME_WAIT.
    socket.set_linger(Some(Duration::ZERO))?;
    Ok(socket.into())
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    /// Reads what the sender has sent so far.
    fn received(stream: &mut TcpStream, count: usize) -> Vec<u8> {
        let mut bytes = vec![0; count];
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.read_exact(&mut bytes).unwrap();
        bytes
    }

    #[test]
    fn each_has_its_byte_and_who_is_closed_is_counted() {
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
        let deadline = Instant::now() + PATIENCE;
        // What was sent before the end is still there to be read.
        while clients.closed() < 2 && Instant::now() < deadline {
            clients.step(4, 0);
        }
        assert_eq!(clients.closed(), 2);
    }
}
