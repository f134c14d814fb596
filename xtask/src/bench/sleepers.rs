//! Connections whose requests are in a handler that sleeps.

use std::net::SocketAddr;
use std::sync::mpsc::{Receiver, TryRecvError};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use wire::Client;

use super::background::{Background, Outcome};

/// The number of connections.
const COUNT: u8 = 8;
/// How long the handler sleeps.
const SLEEP: Duration = Duration::from_millis(50);

/// Starts the connections. Each sends its request again as soon as it has the response.
pub(crate) fn start(address: SocketAddr, path: &str) -> anyhow::Result<Background> {
    let mut clients = Vec::new();
    for _ in 0..COUNT {
        clients.push(Client::connect(address)?);
    }
    // A fast 404 would block nothing.
    let request = wire::request("GET", path, &[], b"");
    let status = clients[0].ask(&request).with_context(|| format!("GET {path}"))?.status;
    ensure!(status == 200, "the response to GET {path} is {status}");

    let mut background = Background::default();
    for client in clients {
        let request = request.clone();
        background.spawn("sleeper", move |stopped| repeat(client, &request, stopped))?;
    }
    Ok(background)
}

/// Sends the request again and again until it is stopped, or until a request fails. The possible throughput is that of
/// a server with a thread per connection.
fn repeat(mut client: Client, request: &[u8], stopped: &Receiver<()>) -> Outcome {
    let start = Instant::now();
    let (mut responses, mut lost) = (0_u32, 0);
    loop {
        if !client.ask(request).is_ok_and(|reply| reply.status == 200) {
            lost = 1;
            break;
        }
        responses += 1;
        if stopped.try_recv() == Err(TryRecvError::Disconnected) {
            break;
        }
    }
    // The thread of a failed connection lives on, so that its responses are divided by the whole time.
    let _ = stopped.recv();
    let possible = start.elapsed().as_secs_f64() / SLEEP.as_secs_f64();
    Outcome { lost, share: Some(f64::from(responses) / possible) }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;
    use std::thread;

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
        let server = thread::Builder::new().name("server".to_string()).spawn(serve).unwrap();
        let sleepers = start(address, "/sleep").unwrap();
        server.join().unwrap();
        let outcome = sleepers.stop();
        assert_eq!(outcome, Outcome { lost: usize::from(COUNT), share: Some(0.0) });
    }
}
