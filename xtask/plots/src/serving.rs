//! Three ways to serve many clients: a thread for each, a pool of four, and the engine of the last part.

use std::net::SocketAddr;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};
use ch06_handlers::core::thread_pool::PoolConfig;

use crate::clients;
use crate::plot::{Axis, Plot, Series, machine, rounded};

/// How long each measurement takes, and how many there are of each; the median counts.
const TIME: Duration = Duration::from_millis(400);
const ROUNDS: usize = 5;

/// Between the answer and the next request of a client that does something else as well.
const PAUSE: Duration = Duration::from_millis(20);

const ADDRESS: &str = "127.0.0.1:0";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    ThreadEach,
    Pool,
    Engine,
}

impl Way {
    /// Its name on a command line.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Way::ThreadEach => "thread-each",
            Way::Pool => "pool",
            Way::Engine => "engine",
        }
    }

    pub(crate) fn from_word(word: &str) -> Option<Way> {
        WAYS.iter().map(|(way, _)| *way).find(|way| way.word() == word)
    }
}

const WAYS: [(Way, &str); 3] = [
    (Way::ThreadEach, "a thread for each client"),
    (Way::Pool, "a pool of 4 threads"),
    (Way::Engine, "parked connections (part 6)"),
];

/// Clients that pause: which share of the requests that they could make is answered?
pub(crate) fn pausing() -> Result<Plot> {
    let counts = [1, 2, 4, 8, 16, 32, 64, 128];
    let most = TIME.as_secs_f64() / PAUSE.as_secs_f64();
    let measured = measure(&counts, PAUSE)?;
    let series = WAYS.iter().zip(measured).map(|((_, name), answers)| {
        let points = answers
            .into_iter()
            .map(|(clients, answers)| (clients, rounded(answers / (clients * most))))
            .collect();
        Series::line(name, points)
    });
    Ok(Plot {
        command: "cargo xtask plot pausing-clients",
        machine: Some(machine()),
        x: Axis {
            label: "clients, each with a pause of 20 ms after an answer",
            doubling: true,
            from: 1.0,
            to: 128.0,
        },
        y: Axis {
            label: "requests answered ÷ if each were answered at once",
            doubling: false,
            from: 0.0,
            to: 1.1,
        },
        series: series.collect(),
    })
}

/// For each way the answers, in the median, to so many clients.
fn measure(counts: &[u32], pause: Duration) -> Result<Vec<Vec<(f64, f64)>>> {
    let mut all = vec![vec![Vec::new(); counts.len()]; WAYS.len()];
    for _ in 0..ROUNDS {
        for (at, clients) in counts.iter().enumerate() {
            // In turns, so that whatever else the machine does is shared by all.
            for (way, measured) in WAYS.iter().map(|(way, _)| *way).zip(&mut all) {
                let answers = with_server(way, *clients as usize, |address| {
                    clients::ask(address, *clients, pause, TIME)
                })?;
                // None: the machine did something else meanwhile.
                measured[at].extend(answers);
            }
        }
    }
    all.into_iter()
        .map(|way| {
            counts
                .iter()
                .zip(way)
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

/// Serves in this way while `ask` runs.
pub(crate) fn with_server<T>(
    way: Way,
    clients: usize,
    ask: impl FnOnce(SocketAddr) -> Result<T>,
) -> Result<T> {
    let address;
    let (stop, run): (Box<dyn FnOnce()>, Box<dyn FnOnce() -> std::io::Result<usize> + Send>) =
        match way {
            Way::Engine => {
                let limits =
                    httpserver::Limits { requests: usize::MAX, ..httpserver::Limits::default() };
                let server = httpserver::Server::bind(ADDRESS.parse()?)?
                    .with_limits(limits)
                    .with_drain(Duration::from_millis(200));
                let handle = server.handle();
                address = server.local_addr();
                (
                    Box::new(move || handle.shutdown()),
                    Box::new(move || server.run(|_: &mut httpserver::http::Request| "hi")),
                )
            }
            Way::ThreadEach | Way::Pool => {
                let workers = if way == Way::Pool { 4 } else { clients };
                let limits = ch06_handlers::Limits {
                    requests: usize::MAX,
                    ..ch06_handlers::Limits::default()
                };
                let server = ch06_handlers::Server::bind(ADDRESS.parse()?)?
                    .with_limits(limits)
                    .with_workers(PoolConfig { workers, queue: clients })
                    .with_drain(Duration::from_millis(200));
                let handle = server.handle();
                address = server.local_addr();
                (
                    Box::new(move || handle.shutdown()),
                    Box::new(move || server.run(|_: &mut ch06_handlers::http::Request| "hi")),
                )
            }
        };
    let server = thread::Builder::new().name("server".to_string()).spawn(run)?;
    let outcome = ask(address);
    stop();
    server.join().ok().context("the server panicked")??;
    outcome
}
