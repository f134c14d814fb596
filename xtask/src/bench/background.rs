//! Other connections that are open while a server is measured: idle ones, or some whose requests are in a handler that
//! sleeps.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, Builder, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use socket2::SockRef;
use wire::Client;

use super::scenario::BackgroundLoad;

/// The timeout of each step with an idle connection.
const TIMEOUT: Duration = Duration::from_secs(3);
/// The number of connections to the handler that sleeps, and how long it sleeps.
const SLEEPERS: u8 = 8;
const SLEEP: Duration = Duration::from_millis(50);
/// A server that has just lost 10,000 clients stays busy for a while, which must not slow down the next measurement.
const COOL_DOWN: Duration = Duration::from_millis(300);

/// The open connections. Dropping closes them.
pub(crate) struct Background {
    start: Instant,
    idle: Vec<TcpStream>,
    sleepers: Vec<JoinHandle<Responses>>,
    is_over: Arc<AtomicBool>,
}

/// The responses that a connection got, until the end or until one failed.
#[derive(Default)]
struct Responses {
    count: u32,
    has_failed: bool,
}

/// What happened to the connections.
#[derive(Debug, PartialEq)]
pub(crate) struct Outcome {
    /// How many connections the server has closed.
    pub lost: usize,
    /// The throughput of the sleepers, as a fraction of that of a server with a thread per connection.
    pub share: Option<f64>,
}

impl Background {
    pub(crate) fn start(address: SocketAddr, load: BackgroundLoad) -> anyhow::Result<Background> {
        let (is_over, start) = (Arc::default(), Instant::now());
        let mut background = Background { start, idle: Vec::new(), sleepers: Vec::new(), is_over };
        match load {
            BackgroundLoad::Nothing => {}
            BackgroundLoad::Idle(count) => {
                for number in 0..count {
                    let stream = idle(address);
                    let stream = stream.with_context(|| format!("idle connection {number}"))?;
                    background.idle.push(stream);
                }
            }
            BackgroundLoad::Sleepers(path) => {
                let request = wire::request("GET", path, &[], b"");
                // A fast 404 would block nothing.
                let status = Client::connect(address)?.ask(&request)?.status;
                ensure!(status == 200, "the response to GET {path} is {status}");
                for _ in 0..SLEEPERS {
                    let client = Client::connect(address)?;
                    let (request, is_over) = (request.clone(), Arc::clone(&background.is_over));
                    let run = move || repeat(client, &request, &is_over);
                    background.sleepers.push(Builder::new().name("sleeper".into()).spawn(run)?);
                }
                background.start = Instant::now();
            }
        }
        Ok(background)
    }

    /// Closes all connections.
    pub(crate) fn stop(mut self) -> Outcome {
        self.is_over.store(true, Ordering::Relaxed);
        let possible = self.start.elapsed().as_secs_f64() / SLEEP.as_secs_f64();
        let sleepers: Vec<Responses> =
            self.sleepers.drain(..).map(|it| it.join().unwrap_or_default()).collect();
        let responses: u32 = sleepers.iter().map(|it| it.count).sum();
        let share = f64::from(responses) / (possible * f64::from(SLEEPERS));
        let outcome = Outcome {
            lost: self.idle.iter().filter(|stream| !is_open(stream)).count()
                + sleepers.iter().filter(|it| it.has_failed).count(),
            share: (!sleepers.is_empty()).then_some(share),
        };
        if !self.idle.is_empty() {
            drop(self);
            thread::sleep(COOL_DOWN);
        }
        outcome
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
    }
}

/// A connection that is idle after one response.
fn idle(address: SocketAddr) -> anyhow::Result<TcpStream> {
    let mut stream = TcpStream::connect_timeout(&address, TIMEOUT)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    // Reset the connection on close: 50,000 ports in TIME_WAIT would be too many.
    SockRef::from(&stream).set_linger(Some(Duration::ZERO))?;
    stream.write_all(&wire::request("GET", "/", &[], b""))?;
    let received = stream.read(&mut [0; 1024]).context("no response")?;
    ensure!(received > 0, "the server has closed it");
    Ok(stream)
}

fn is_open(stream: &TcpStream) -> bool {
    let peeked = stream.set_nonblocking(true).and_then(|()| stream.peek(&mut [0]));
    // Open: a byte of the response is left to read, or nothing has arrived.
    peeked.map_or_else(|error| error.kind() == ErrorKind::WouldBlock, |count| count > 0)
}

/// Sends the request again and again until the end, or until a request fails.
fn repeat(mut client: Client, request: &[u8], is_over: &AtomicBool) -> Responses {
    let mut responses = Responses::default();
    while !is_over.load(Ordering::Relaxed) && !responses.has_failed {
        match client.ask(request) {
            Ok(reply) if reply.status == 200 => responses.count += 1,
            _ => responses.has_failed = true,
        }
    }
    responses
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    /// Serves one request on each connection, and returns the connections.
    fn serve(listener: &TcpListener, count: usize) -> Vec<TcpStream> {
        let accept = |_| {
            let (mut stream, _) = listener.accept().unwrap();
            let _ = stream.read(&mut [0; 1024]).unwrap();
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").unwrap();
            stream
        };
        (0..count).map(accept).collect()
    }

    /// Opens connections to a server that closes all but `kept` of them after one response, and waits until `lost`
    /// clients have noticed.
    fn outcome(load: BackgroundLoad, count: usize, kept: usize, lost: usize) -> Outcome {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let server = Builder::new().name("server".into()).spawn(move || serve(&listener, count));
        let background = Background::start(address, load).unwrap();
        let mut streams = server.unwrap().join().unwrap();
        streams.truncate(kept);
        let deadline = Instant::now() + TIMEOUT;
        let noticed = || {
            let closed = background.idle.iter().filter(|stream| !is_open(stream)).count();
            closed + background.sleepers.iter().filter(|sleeper| sleeper.is_finished()).count()
        };
        while noticed() < lost && Instant::now() < deadline {
            thread::yield_now();
        }
        background.stop()
    }

    #[test]
    fn connections_that_the_server_closes_are_counted() {
        let idle = outcome(BackgroundLoad::Idle(3), 3, 2, 1);
        assert_eq!(idle, Outcome { lost: 1, share: None });
        // One more connection checks the response.
        let count = usize::from(SLEEPERS);
        let sleepers = outcome(BackgroundLoad::Sleepers("/sleep"), count + 1, 0, count);
        assert_eq!(sleepers.lost, count);
        assert!(sleepers.share.is_some());
    }
}
