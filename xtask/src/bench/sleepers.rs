//! Connections whose requests sit in a handler that sleeps.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use wire::Client;

/// How many they are.
const COUNT: u8 = 8;
/// How long the handler sleeps.
const SLEEP: Duration = Duration::from_millis(50);

/// They ask again as soon as they are answered, until it is dropped.
pub(crate) struct Sleepers {
    start: Instant,
    enough: Arc<AtomicBool>,
    threads: Vec<JoinHandle<(u32, bool)>>,
}

impl Sleepers {
    pub(crate) fn start(address: SocketAddr, path: &str) -> anyhow::Result<Sleepers> {
        let mut clients = Vec::new();
        for _ in 0..COUNT {
            clients.push(Client::connect(address)?);
        }
        // A fast 404 would be no company.
        let request = wire::request("GET", path, &[], b"");
        let status = clients[0].ask(&request).with_context(|| format!("GET {path}"))?.status;
        ensure!(status == 200, "GET {path} is answered with {status}");

        let enough = Arc::new(AtomicBool::new(false));
        let mut sleepers =
            Sleepers { start: Instant::now(), enough: Arc::clone(&enough), threads: Vec::new() };
        for client in clients {
            let (enough, request) = (Arc::clone(&enough), request.clone());
            let ask = move || ask(client, &request, &enough);
            sleepers.threads.push(Builder::new().name("sleeper".to_string()).spawn(ask)?);
        }
        Ok(sleepers)
    }

    /// Ends them. Returns how many got something else than an answer, and what part of the answers they got
    /// that a server can give which has a thread for each.
    pub(crate) fn stop(mut self) -> (usize, f64) {
        let time = self.start.elapsed();
        self.enough.store(true, Ordering::Release);
        let (mut lost, mut answers) = (0, 0);
        for thread in self.threads.drain(..) {
            let (count, stayed) = thread.join().unwrap_or_default();
            answers += count;
            lost += usize::from(!stayed);
        }
        let possible = f64::from(COUNT) * time.as_secs_f64() / SLEEP.as_secs_f64();
        (lost, f64::from(answers) / possible)
    }
}

impl Drop for Sleepers {
    fn drop(&mut self) {
        self.enough.store(true, Ordering::Release);
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

/// Asks until it is enough, or until something comes that is no answer. Returns how many answers there were, and
/// whether it was enough.
fn ask(mut client: Client, request: &[u8], enough: &AtomicBool) -> (u32, bool) {
    let mut answers = 0;
    loop {
        match client.ask(request) {
            Ok(reply) if reply.status == 200 => answers += 1,
            _ => return (answers, false),
        }
        if enough.load(Ordering::Acquire) {
            return (answers, true);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn what_they_got_is_counted() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        // The first connection is answered once, and then all are closed.
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
