//! Three models of a server with many clients: a thread for each, a pool of four, and the event loop of part 6.

use std::io;
use std::net::SocketAddr;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};
use ch06_handlers::core::thread_pool::PoolConfig;
use course::plot::{Axis, Plot, Series};

use crate::clients;
use crate::output::{machine, rounded};

/// The duration of a measurement. The median of [`ROUNDS`] measurements is taken.
const TIME: Duration = Duration::from_millis(400);
const ROUNDS: usize = 5;

/// The pause of a client between a response and its next request.
const PAUSE: Duration = Duration::from_millis(20);

const ADDRESS: &str = "127.0.0.1:0";

/// How long a stopping server waits for its clients.
const DRAIN: Duration = Duration::from_millis(200);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Model {
    ThreadEach,
    Pool,
    EventLoop,
}

/// The models, with their names for readers.
pub(crate) const MODELS: [(Model, &str); 3] = [
    (Model::ThreadEach, "a thread for each client"),
    (Model::Pool, "a pool of 4 threads"),
    (Model::EventLoop, "an event loop (part 6)"),
];

/// The share of requests that get a response, of clients that pause between requests.
pub(crate) fn pausing() -> Result<Plot> {
    let counts = [1, 2, 4, 8, 16, 32, 64, 128];
    let most = TIME.as_secs_f64() / PAUSE.as_secs_f64();
    let measured = measure(&counts, PAUSE)?;
    let series = MODELS.iter().zip(measured).map(|((_, name), responses)| {
        let points = responses
            .into_iter()
            .map(|(clients, responses)| (clients, rounded(responses / (clients * most))))
            .collect();
        Series::line(name, points)
    });
    Ok(Plot {
        command: "cargo xtask plot pausing-clients".to_string(),
        machine: Some(machine()),
        x: Axis::doubling("clients, each with a pause of 20 ms after a response", 1.0, 128.0),
        y: Axis::linear("responses ÷ responses of an immediate server", 0.0, 1.1),
        series: series.collect(),
    })
}

/// For each model, the median number of responses by the number of clients.
fn measure(counts: &[u32], pause: Duration) -> Result<Vec<Vec<(f64, f64)>>> {
    let mut all = vec![vec![Vec::new(); counts.len()]; MODELS.len()];
    for _ in 0..ROUNDS {
        for (at, clients) in counts.iter().enumerate() {
            // Interleaved, so that other work on the machine slows down all models.
            for (model, measured) in MODELS.iter().map(|(model, _)| *model).zip(&mut all) {
                let responses = with_server(model, *clients as usize, |address| {
                    clients::count_responses(address, *clients, pause, TIME)
                })?;
                // A measurement on a busy machine has no result.
                measured[at].extend(responses);
            }
        }
    }
    all.into_iter()
        .map(|model| {
            counts
                .iter()
                .zip(model)
                .map(|(clients, mut rounds): (_, Vec<u32>)| {
                    rounds.sort_unstable();
                    let median = rounds.get(rounds.len() / 2);
                    let median = median.context("the machine is too busy to measure")?;
                    Ok((f64::from(*clients), f64::from(*median)))
                })
                .collect()
        })
        .collect()
}

/// Runs a server of this model while `use_server` runs.
pub(crate) fn with_server<T>(
    model: Model,
    clients: usize,
    use_server: impl FnOnce(SocketAddr) -> Result<T>,
) -> Result<T> {
    if model == Model::EventLoop {
        let limits = httpserver::Limits { requests: usize::MAX, ..httpserver::Limits::default() };
        let server = httpserver::Server::bind(ADDRESS.parse()?)?;
        let server = server.with_limits(limits).with_drain(DRAIN);
        let (address, handle) = (server.local_addr(), server.handle());
        let run = || server.run(|_: &mut httpserver::http::Request| "hi");
        return during(run, || use_server(address), || handle.shutdown());
    }
    let workers = if model == Model::Pool { 4 } else { clients };
    let limits = ch06_handlers::Limits { requests: usize::MAX, ..ch06_handlers::Limits::default() };
    let server = ch06_handlers::Server::bind(ADDRESS.parse()?)?;
    let server = server.with_limits(limits).with_drain(DRAIN);
    let server = server.with_workers(PoolConfig { workers, queue: clients });
    let (address, handle) = (server.local_addr(), server.handle());
    let run = || server.run(|_: &mut ch06_handlers::http::Request| "hi");
    during(run, || use_server(address), || handle.shutdown())
}

/// Runs a server in a thread while `work` runs, and stops it.
fn during<T>(
    run: impl FnOnce() -> io::Result<usize> + Send,
    work: impl FnOnce() -> Result<T>,
    stop: impl FnOnce(),
) -> Result<T> {
    thread::scope(|scope| {
        let server = thread::Builder::new().name("server".to_string()).spawn_scoped(scope, run)?;
        let outcome = work();
        stop();
        server.join().ok().context("the server panicked")??;
        outcome
    })
}
