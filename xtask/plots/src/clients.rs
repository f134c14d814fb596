//! Clients that send requests over persistent connections, each on a thread of its own.

use std::net::SocketAddr;
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use wire::{Client, WireError};

const REQUEST: &str = "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n";

/// Lets clients send requests for `time`, each with a pause after its response. Returns the number of responses, or
/// `None` if `time` became too long because the machine was busy.
pub(crate) fn count_responses(
    address: SocketAddr,
    clients: u32,
    pause: Duration,
    time: Duration,
) -> Result<Option<u32>> {
    let (responses, is_over) = (AtomicU32::new(0), AtomicBool::new(false));
    let ready = Barrier::new(clients as usize + 1);
    thread::scope(|scope| {
        for _ in 0..clients {
            // Many threads, so their stacks are small.
            let client = thread::Builder::new().name("client".to_string()).stack_size(128 * 1024);
            client.spawn_scoped(scope, || {
                // In the queue of a pool a client may wait until the measurement is over.
                let connect = || Ok::<_, WireError>(Client::connect(address)?.with_patience(time));
                let mut client = connect();
                ready.wait();
                while !is_over.load(Ordering::Relaxed) {
                    match client.as_mut().map(exchange) {
                        Ok(Ok(())) => _ = responses.fetch_add(1, Ordering::Relaxed),
                        _ => client = connect(),
                    }
                    if !pause.is_zero() {
                        thread::sleep(pause);
                    }
                }
            })?;
        }
        ready.wait();
        let start = Instant::now();
        thread::sleep(time);
        let count = responses.load(Ordering::Relaxed);
        is_over.store(true, Ordering::Relaxed);
        anyhow::Ok((start.elapsed() < time.mul_f64(1.1)).then_some(count))
    })
    .context("clients")
}

/// A connection on which one request has been served.
pub(crate) fn served(address: SocketAddr) -> Result<Client> {
    let mut client = Client::connect(address)?;
    exchange(&mut client)?;
    Ok(client)
}

fn exchange(client: &mut Client) -> Result<()> {
    let reply = client.ask(REQUEST)?;
    ensure!(reply.status == 200, "the status is {}", reply.status);
    Ok(())
}
