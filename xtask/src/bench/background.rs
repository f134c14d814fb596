//! Other connections that are open while a server is measured: idle ones, or some whose requests are in a handler that
//! sleeps.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::Duration;

use anyhow::{Context, anyhow, ensure};
use socket2::SockRef;

use super::load::Load;

/// The timeout of each step with an idle connection.
const TIMEOUT: Duration = Duration::from_secs(3);
/// The number of connections to the handler that sleeps, and how many seconds it sleeps.
pub(crate) const SLEEPERS: u16 = 8;
const SLEEP: f64 = 0.05;
/// A server that has just lost 10,000 clients stays busy for a while, which must not slow down the next measurement.
const COOL_DOWN: Duration = Duration::from_millis(300);

/// What happened to the connections.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Outcome {
    /// How many connections the server has closed, or requests it has failed.
    pub lost: f64,
    /// The throughput of the sleepers, as a fraction of that of a server with a thread per connection.
    pub share: Option<f64>,
}

/// Measures while connections are open that are idle after one response.
pub(crate) fn beside_idle<T>(
    address: SocketAddr,
    count: u16,
    measure: impl FnOnce() -> anyhow::Result<T>,
) -> anyhow::Result<(T, Outcome)> {
    let open = |number| idle(address).with_context(|| format!("idle connection {number}"));
    let streams = (0..count).map(open).collect::<anyhow::Result<Vec<_>>>()?;
    let measured = measure()?;
    let lost = streams.iter().filter(|stream| !is_open(stream)).map(|_| 1.0).sum();
    drop(streams);
    thread::sleep(COOL_DOWN);
    Ok((measured, Outcome { lost, share: None }))
}

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

/// Measures while `sleepers` puts its load on a handler that sleeps.
pub(crate) fn beside_sleepers<T>(
    sleepers: impl FnOnce() -> anyhow::Result<Load> + Send,
    measure: impl FnOnce() -> anyhow::Result<T>,
) -> anyhow::Result<(T, Outcome)> {
    let (measured, load) = thread::scope(|scope| {
        let sleepers = scope.spawn(sleepers);
        (measure(), sleepers.join())
    });
    let load = load.map_err(|_| anyhow!("the load of the sleepers has panicked"))??;
    // A fast 404 would block nothing.
    ensure!(load.errors < load.requests, "all requests of the sleepers fail");
    let share = load.rate() * SLEEP / f64::from(SLEEPERS);
    Ok((measured?, Outcome { lost: load.errors, share: Some(share) }))
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::time::Instant;

    use super::*;

    #[test]
    fn an_idle_connection_is_open_until_the_server_closes_it() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (mut server, client) = thread::scope(|scope| {
            let client = scope.spawn(|| idle(address).unwrap());
            let (mut server, _) = listener.accept().unwrap();
            server.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").unwrap();
            (server, client.join().unwrap())
        });
        assert!(is_open(&client));
        // With bytes that have not been read, closing would reset the connection.
        let _ = server.read(&mut [0; 1024]).unwrap();
        drop(server);
        let deadline = Instant::now() + TIMEOUT;
        while is_open(&client) {
            assert!(Instant::now() < deadline, "it is still open");
            thread::yield_now();
        }
    }

    #[test]
    fn sleepers_that_fail_are_counted_unless_all_fail() {
        let outcome = |errors| {
            let load = Load { requests: 80.0, seconds: 1.0, p50: 0.0, p99: 0.0, errors };
            beside_sleepers(|| Ok(load), || Ok(()))
        };
        assert_eq!(outcome(7.0).unwrap().1, Outcome { lost: 7.0, share: Some(0.5) });
        let error = outcome(80.0).unwrap_err().to_string();
        assert_eq!(error, "all requests of the sleepers fail");
    }
}
