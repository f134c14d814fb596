//! Measures how long requests take when their rate limit is in a Redis server that hangs. After two
//! seconds the Redis server is stopped (SIGSTOP), for three seconds: `cargo run --release -p final
//! --features redis --example stopped_store`.

#[allow(dead_code, reason = "this program needs a part of it")]
#[path = "../tests/redis_server/mod.rs"]
mod redis_server;

use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroU32;
use std::thread::{self, Builder};
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow};
use httpserver::Server;
use httpserver::http::Request;
use httpserver::http::limits::Limits;
use httpserver::middleware::limit_store::{StoreConfig, WhenDown};
use httpserver::middleware::redis_limit::RedisStore;
use httpserver::middleware::token_bucket::Limit;
use httpserver::middleware::{Chain, RateLimit};
use wire::{Client, request};

use redis_server::RedisServer;

const CLIENTS: usize = 16;

/// The ends of the phases, in seconds from the start.
const PHASES: [(&str, u64); 3] = [("running", 2), ("stopped", 5), ("resumed", 8)];

/// So large that no request is rejected.
const LIMIT: Limit =
    Limit { burst: NonZeroU32::MAX, rate: NonZeroU32::MAX, per: Duration::from_micros(1) };

/// When a request was sent, and how long its response took.
type Sample = (Duration, Duration);

fn main() -> anyhow::Result<()> {
    let redis = RedisServer::start(&[]).context("install redis-server")?;
    let config =
        StoreConfig { url: redis.url(), prefix: "example".to_string(), when_down: WhenDown::Open };
    let store = RedisStore::open(&config)?;
    let layer = RateLimit::by_client(LIMIT).with_store(store.limit::<IpAddr>("/", LIMIT)?);
    let limits = Limits { requests: usize::MAX, ..Limits::default() };
    let server = Server::bind("127.0.0.1:0".parse()?)?.with_limits(limits);
    let (handle, address) = (server.handle(), server.local_addr());
    let chain = Chain::around(|_: &mut Request| "within the limit").with(layer);
    let running = Builder::new().name("server".to_string()).spawn(move || server.run(chain))?;

    let start = Instant::now();
    let clients = (0..CLIENTS).map(|number| {
        let load = move || samples(address, start);
        Builder::new().name(format!("client {number}")).spawn(load)
    });
    let clients = clients.collect::<Result<Vec<_>, _>>()?;
    sleep_until(start, PHASES[0].1);
    redis.stop();
    sleep_until(start, PHASES[1].1);
    redis.resume();
    let mut all = Vec::new();
    for client in clients {
        all.extend(client.join().map_err(|_| anyhow!("a client panicked"))??);
    }
    print(&all);
    print!("{}", store.metrics());
    handle.shutdown();
    running.join().map_err(|_| anyhow!("the server panicked"))??;
    Ok(())
}

fn sleep_until(start: Instant, seconds: u64) {
    thread::sleep(Duration::from_secs(seconds).saturating_sub(start.elapsed()));
}

/// Sends requests on one connection until the end of the last phase.
fn samples(address: SocketAddr, start: Instant) -> Result<Vec<Sample>, wire::WireError> {
    let mut client = Client::connect(address)?;
    let mut samples = Vec::new();
    loop {
        let sent = Instant::now();
        let since_start = sent.duration_since(start);
        if since_start.as_secs() >= PHASES[PHASES.len() - 1].1 {
            return Ok(samples);
        }
        client.ask(request("GET", "/", &[], b""))?;
        samples.push((since_start, sent.elapsed()));
    }
}

/// Prints a line for each phase. A request belongs to the phase in which it was sent.
fn print(samples: &[Sample]) {
    println!("{:<10} {:>8} {:>9} {:>9} {:>9}", "store", "requests", "p50 ms", "p99 ms", "max ms");
    let mut begin = 0;
    for (name, end) in PHASES {
        let is_inside = |sent: &Duration| (begin..end).contains(&sent.as_secs());
        let mut times: Vec<f64> = samples
            .iter()
            .filter(|(sent, _)| is_inside(sent))
            .map(|(_, took)| took.as_secs_f64() * 1_000.0)
            .collect();
        times.sort_by(f64::total_cmp);
        let last = times.len().saturating_sub(1);
        let at = |percent: usize| times.get(last * percent / 100).copied().unwrap_or_default();
        println!("{name:<10} {:>8} {:>9.2} {:>9.2} {:>9.2}", times.len(), at(50), at(99), at(100));
        begin = end;
    }
}
