//! The share of requests that get a response, of clients that pause between requests.

use std::net::SocketAddr;
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread::{self, Builder};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use course::plot::{Axis, Plot, Series};
use wire::{Client, WireError};

use crate::output::{machine, median, rounded};
use crate::server::{self, EVENT_LOOP, POOL, THREAD_EACH};

/// The duration of a measurement, and the number of measurements of each point.
const TIME: Duration = Duration::from_millis(400);
const ROUNDS: usize = 5;

/// The pause of a client between a response and its next request.
const PAUSE: Duration = Duration::from_millis(20);

const COUNTS: [u32; 8] = [1, 2, 4, 8, 16, 32, 64, 128];

pub(crate) fn plot() -> Result<Plot> {
    let most = TIME.as_secs_f64() / PAUSE.as_secs_f64();
    let mut series = [THREAD_EACH, POOL, EVENT_LOOP].map(|model| Series::line(model, Vec::new()));
    for clients in COUNTS {
        let mut rounds = [const { Vec::new() }; 3];
        for _ in 0..ROUNDS {
            // Interleaved, so that other work on the machine slows down all models.
            for (Series { name, .. }, rounds) in series.iter().zip(&mut rounds) {
                let server = server::start(name, clients)?;
                // A measurement on a busy machine has no result.
                rounds.extend(count_responses(server.addr(), clients)?);
            }
        }
        let clients = f64::from(clients);
        for (Series { points, .. }, rounds) in series.iter_mut().zip(rounds) {
            let responses = median(rounds).context("the machine is too busy to measure")?;
            points.push((clients, rounded(responses / (clients * most))));
        }
    }
    Ok(Plot {
        command: "cargo xtask plot pausing-clients".to_string(),
        machine: Some(machine()),
        x: Axis::doubling("clients, each with a pause of 20 ms after a response", 1.0, 128.0),
        y: Axis::linear("responses ÷ responses of an immediate server", 0.0, 1.1),
        series: series.into(),
    })
}

/// Lets clients, each on its own thread and connection, send requests. Returns the number of responses, or `None`
/// if the measurement took too long because the machine was busy.
fn count_responses(address: SocketAddr, clients: u32) -> Result<Option<f64>> {
    let (responses, is_over) = (AtomicU32::new(0), AtomicBool::new(false));
    let ready = Barrier::new(clients as usize + 1);
    thread::scope(|scope| {
        for _ in 0..clients {
            // Many threads, so their stacks are small.
            let client = Builder::new().name("client".to_string()).stack_size(128 * 1024);
            client.spawn_scoped(scope, || {
                // In the queue of a pool a client may wait until the measurement is over.
                let connect = || Ok::<_, WireError>(Client::connect(address)?.with_patience(TIME));
                let mut client = connect();
                ready.wait();
                while !is_over.load(Ordering::Relaxed) {
                    match client.as_mut().map(server::exchange) {
                        Ok(Ok(())) => _ = responses.fetch_add(1, Ordering::Relaxed),
                        _ => client = connect(),
                    }
                    thread::sleep(PAUSE);
                }
            })?;
        }
        ready.wait();
        let start = Instant::now();
        thread::sleep(TIME);
        let count = responses.load(Ordering::Relaxed);
        is_over.store(true, Ordering::Relaxed);
        Ok((start.elapsed() < TIME.mul_f64(1.1)).then_some(f64::from(count)))
    })
}
