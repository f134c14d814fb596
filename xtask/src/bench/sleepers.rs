//! Connections whose requests are in a handler that sleeps.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use wire::Client;

/// The number of connections.
const COUNT: u8 = 8;
/// How long the handler sleeps.
const SLEEP: Duration = Duration::from_millis(50);

/// Each connection sends its request again as soon as it has the response, until this is dropped.
pub(crate) struct Sleepers {
    start: Instant,
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<(u32, bool)>>,
}

impl Sleepers {
    pub(crate) fn start(address: SocketAddr, path: &str) -> anyhow::Result<Sleepers> {
        let mut clients = Vec::new();
        for _ in 0..COUNT {
            clients.push(Client::connect(address)?);
        }
        // A fast 404 would block nothing.
        let request = wire::request("GET", path, &[], b"");
        let status = clients[0].ask(&request).with_context(|| format!("GET {path}"))?.status;
        ensure!(status == 200, "the response to GET {path} is {status}");

        let stop = Arc::new(AtomicBool::new(false));
        let mut sleepers =
            Sleepers { start: Instant::now(), stop: Arc::clone(&stop), threads: Vec::new() };
        for client in clients {
            let (stop, request) = (Arc::clone(&stop), request.clone());
            let repeat = move || repeat(client, &request, &stop);
            sleepers.threads.push(Builder::new().name("sleeper".to_string()).spawn(repeat)?);
        }
        Ok(sleepers)
    }

    /// Stops the connections. Returns how many failed, and the number of responses as a fraction of those that a server
    /// with a thread per connection can send.
    pub(crate) fn stop(mut self) -> (usize, f64) {
        let time = self.start.elapsed();
        self.stop.store(true, Ordering::Release);
        let (mut lost, mut responses) = (0, 0);
        for thread in self.threads.drain(..) {
            let (count, stayed) = thread.join().unwrap_or_default();
            responses += count;
            lost += usize::from(!stayed);
        }
        let possible = f64::from(COUNT) * time.as_secs_f64() / SLEEP.as_secs_f64();
        (lost, f64::from(responses) / possible)
    }
}

impl Drop for Sleepers {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

/// Sends the request again and again until `stop` is set, or until it fails. Returns the number of responses, and
/// whether no request failed.
fn repeat(mut client: Client, request: &[u8], stop: &AtomicBool) -> (u32, bool) {
    let mut responses = 0;
    loop {
        match client.ask(request) {
            Ok(reply) if reply.status == 200 => responses += 1,
            _ => return (responses, false),
        }
        if stop.load(Ordering::Acquire) {
            return (responses, true);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn their_responses_are_counted() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        // The first connection gets one response, then all are closed.
        let serve = move || {
            let mut streams: Vec<_> = (0..COUNT).map(|_| listener.accept().unwrap().0).collect();
            let _ = streams[0].read(&mut [0; 1024]).unwrap();
            streams[0].write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").unwrap();
        };
        let server = Builder::new().name("server".to_string()).spawn(serve).unwrap();
        let sleepers = Sleepers::start(address, "/sleep").unwrap();
        server.join().unwrap();
        assert_eq!(sleepers.stop(), (usize::from(COUNT), 0.0));
    }
}
