//! Rate limits that several servers share, in a real Redis. Without one the tests are skipped, with
//! a message.
#![cfg(target_os = "linux")]

mod redis_server;
#[allow(dead_code, reason = "the server ends with the test, which needs no graceful stop")]
mod support;

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, Builder, JoinHandle};
use std::time::{Duration, Instant};

use httpserver::http::Request;
use httpserver::http::limits::Limits;
use httpserver::middleware::limit_store::{LimitStore, StoreConfig, WhenDown};
use httpserver::middleware::redis_limit::RedisStore;
use httpserver::middleware::token_bucket::{Decision, Limit, TokenBucket};
use httpserver::middleware::{Chain, RateLimit};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use wire::{Client, Program, Reply, get, request};

use redis_server::RedisServer;
use support::{LONG, Running};

const PROGRAM: &str = env!("CARGO_BIN_EXE_httpserver");

/// A time in microseconds, for tests in which no token is added.
const NOON: u64 = 1_790_000_000_000_000;

/// The last time in the comparison, about the year 2180. From 2255 on, a double cannot represent
/// every microsecond.
const LAST: u64 = NOON + 5_000_000_000_000_000;

fn limit(burst: u32, rate: u32, per: Duration) -> Limit {
    let nonzero = |number| NonZeroU32::new(number).unwrap();
    Limit { burst: nonzero(burst), rate: nonzero(rate), per }
}

fn config(url: &str, when_down: WhenDown) -> StoreConfig {
    StoreConfig { url: url.to_string(), prefix: "test".to_string(), when_down }
}

/// A server that limits its clients by a store in which time stands still.
struct Limited {
    server: Running,
    store: RedisStore,
}

impl Limited {
    fn start(url: &str, when_down: WhenDown, burst: u32) -> Limited {
        let store = RedisStore::open_with_clock(&config(url, when_down), || NOON).unwrap();
        let limit = limit(burst, 1, Duration::from_secs(1));
        let buckets = store.limit::<IpAddr>("/", limit).unwrap();
        let layer = RateLimit::by_client(limit).with_store(buckets);
        let chain = Chain::around(|_: &mut Request| "within the limit").with(layer);
        let limits = Limits { requests: usize::MAX, ..Limits::default() };
        Limited { server: Running::start(|server| server.with_limits(limits), chain), store }
    }

    fn get(&self) -> Reply {
        ask(&mut self.server.connect())
    }

    /// Returns the number of requests whose bucket was `shared`, `local` or `none`.
    fn count(&self, bucket: &str) -> u64 {
        let start = format!("http_rate_limit_decisions_total{{bucket=\"{bucket}\"}} ");
        let page = self.store.metrics();
        page.lines().find_map(|line| line.strip_prefix(&start)).unwrap().parse().unwrap()
    }

    /// Waits until the count of a bucket is at least `count`.
    fn wait_for(&self, bucket: &str, count: u64) {
        let deadline = Instant::now() + LONG;
        while self.count(bucket) < count {
            assert!(Instant::now() < deadline, "{bucket}: {}", self.count(bucket));
            thread::sleep(Duration::from_millis(2));
        }
    }

    /// Sends requests until the store is used again.
    fn wait_for_store(&self) {
        let (before, deadline) = (self.count("shared"), Instant::now() + LONG);
        while self.count("shared") == before {
            assert!(Instant::now() < deadline, "the store is not used again");
            self.get();
            thread::sleep(Duration::from_millis(20));
        }
    }
}

fn ask(client: &mut Client) -> Reply {
    client.ask(request("GET", "/", &[], b"")).unwrap()
}

/// Starts a client that sends requests on one connection, while `wants_more` returns `true` for
/// their number. It returns the number of responses by status.
fn client(
    address: SocketAddr,
    wants_more: impl Fn(usize) -> bool + Send + 'static,
) -> JoinHandle<BTreeMap<u16, u32>> {
    let ask_often = move || {
        let mut client = Client::connect(address).unwrap().with_patience(LONG);
        let mut statuses = BTreeMap::new();
        for _ in (0..).take_while(|count| wants_more(*count)) {
            *statuses.entry(ask(&mut client).status).or_default() += 1;
        }
        statuses
    };
    Builder::new().name("client".to_string()).spawn(ask_often).unwrap()
}

fn sum(clients: Vec<JoinHandle<BTreeMap<u16, u32>>>) -> BTreeMap<u16, u32> {
    let mut sums = BTreeMap::new();
    for client in clients {
        for (status, count) in client.join().unwrap() {
            *sums.entry(status).or_default() += count;
        }
    }
    sums
}

#[test]
fn three_servers_let_exactly_the_burst_through() {
    let Some(redis) = RedisServer::start(&[]) else { return };
    let servers = [(); 3].map(|()| Limited::start(&redis.url(), WhenDown::Closed, 200));
    let clients = (0..16).map(|n| client(servers[n % 3].server.addr(), |count| count < 100));
    let statuses = sum(clients.collect());
    println!("{statuses:?}");
    assert_eq!(statuses, BTreeMap::from([(200, 200), (429, 1_400)]));
}

/// Stops a store while 8 clients send requests, and resumes it when they have got 400 responses
/// without it. Returns the number of responses by status.
fn with_a_stopped_store(when_down: WhenDown) -> Option<(Limited, BTreeMap<u16, u32>)> {
    let redis = RedisServer::start(&[])?;
    let limited = Limited::start(&redis.url(), when_down, 2_000_000);
    let (is_over, address) = (Arc::new(AtomicBool::new(false)), limited.server.addr());
    let clients = (0..8).map(|_| {
        let is_over = Arc::clone(&is_over);
        client(address, move |_| !is_over.load(Ordering::Acquire))
    });
    let clients = clients.collect();
    limited.wait_for("shared", 200);
    redis.stop();
    let bucket = if when_down == WhenDown::Open { "local" } else { "none" };
    limited.wait_for(bucket, 400);
    is_over.store(true, Ordering::Release);
    let statuses = sum(clients);
    redis.resume();
    limited.wait_for_store();
    Some((limited, statuses))
}

#[test]
fn a_store_that_hangs_fails_open_to_local_buckets() {
    let Some((limited, statuses)) = with_a_stopped_store(WhenDown::Open) else { return };
    assert_eq!(statuses.keys().copied().collect::<Vec<_>>(), [200], "{statuses:?}");
    assert_eq!(limited.count("none"), 0);
}

#[test]
fn a_store_that_hangs_fails_closed_with_503() {
    let Some((limited, statuses)) = with_a_stopped_store(WhenDown::Closed) else { return };
    assert_eq!(statuses.keys().copied().collect::<Vec<_>>(), [200, 503], "{statuses:?}");
    assert!(statuses[&503] >= 400, "{statuses:?}");
    assert_eq!(limited.count("local"), 0);
}

#[test]
fn limits_are_shared_again_after_the_store_was_restarted() {
    let Some(mut redis) = RedisServer::start(&[]) else { return };
    let [one, two] = [(); 2].map(|()| Limited::start(&redis.url(), WhenDown::Closed, 3));
    let statuses = |asked: [&Limited; 4]| asked.map(|limited| limited.get().status);
    assert_eq!(statuses([&one, &two, &one, &two]), [200, 200, 200, 429]);
    redis.kill();
    let down = two.get();
    assert_eq!((down.status, down.field("Retry-After")), (503, Some("1")), "{down:?}");
    assert_eq!(down.json().unwrap()["error"], "rate_limit_unavailable");
    redis.restart();
    // The new Redis server has neither the buckets nor the script.
    two.wait_for_store();
    one.get();
    assert_eq!(statuses([&one, &two, &one, &two]), [200, 429, 429, 429]);
}

/// Regression test: an idle connection that the store had closed counted as a failure.
#[test]
fn a_connection_that_the_store_has_closed_is_replaced() {
    let Some(mut redis) = RedisServer::start(&[]) else { return };
    let limited = Limited::start(&redis.url(), WhenDown::Closed, 3);
    assert_eq!(limited.get().status, 200);
    redis.restart();
    assert_eq!(limited.get().field("RateLimit-Remaining"), Some("2"));
    assert!(limited.store.metrics().contains("http_rate_limit_store_failures_total 0\n"));
}

#[test]
fn the_password_and_the_database_of_the_url_are_used() {
    let Some(redis) = RedisServer::start(&["--requirepass", "se:cret"]) else { return };
    let url = |password: &str| format!("redis://:{password}@{}/3", redis.address());
    let limited = Limited::start(&url("se%3Acret"), WhenDown::Closed, 3);
    assert_eq!(limited.get().status, 200);
    let wrong = Limited::start(&url("wrong"), WhenDown::Closed, 3);
    assert_eq!(wrong.get().status, 503);
}

#[test]
fn the_program_limits_by_the_store_and_reports_an_outage_without_the_password() {
    let Some(mut redis) = RedisServer::start(&["--requirepass", "secret"]) else { return };
    let url = format!("redis://:secret@{}", redis.address());
    let arguments = ["--addr", "127.0.0.1:0", "--rate-limit-store", &url];
    let program = Program::start(PROGRAM, &arguments).unwrap();
    let metrics = || get(program.addr(), "/metrics").unwrap().text();
    assert_eq!(get(program.addr(), "/limited").unwrap().status, 200);
    assert!(metrics().contains("http_rate_limit_decisions_total{bucket=\"shared\"} 1\n"));
    redis.kill();
    assert_eq!(get(program.addr(), "/limited").unwrap().status, 200);
    assert!(metrics().contains("http_rate_limit_decisions_total{bucket=\"local\"} 1\n"));
    let name = redis.address().to_string();
    program.wait_for_stderr("an outage", LONG, |text| text.contains(&name)).unwrap();
    let said = program.stderr_so_far();
    assert!(said.contains("until it responds") && !said.contains("secret"), "{said}");
}

/// Regression test: after the clock was set back by a day, no token was added for a day.
#[test]
fn a_clock_that_was_set_back_delays_tokens_by_no_more_than_the_time_to_fill_a_bucket() {
    let Some(redis) = RedisServer::start(&[]) else { return };
    let now = Arc::new(AtomicU64::new(NOON));
    let clock = Arc::clone(&now);
    let config = config(&redis.url(), WhenDown::Closed);
    let store = RedisStore::open_with_clock(&config, move || clock.load(Ordering::SeqCst)).unwrap();
    let buckets = store.limit::<u8>("/", limit(2, 1, Duration::from_secs(1))).unwrap();
    let allowed_at = |time: u64| {
        now.store(time, Ordering::SeqCst);
        buckets.take(1).unwrap().allowed
    };
    assert_eq!([NOON; 3].map(&allowed_at), [true, true, false]);
    let day_before = NOON - 86_400_000_000;
    let times = [0, 2_999_999, 3_000_000].map(|time| day_before + time);
    assert_eq!(times.map(&allowed_at), [false, false, true]);
}

/// Converts a decision to microseconds for the comparison, rounded up, because the script counts in
/// microseconds.
fn in_microseconds(decision: Decision) -> Decision {
    let rounded = |time: Duration| {
        let microseconds = time.as_nanos().div_ceil(1000);
        Duration::from_micros(u64::try_from(microseconds).unwrap())
    };
    Decision { next: rounded(decision.next), full: rounded(decision.full), ..decision }
}

/// A limit, and the steps of the clock in thousandths of the time in which a token is added. A
/// clock may also be set back.
fn limits_and_steps() -> impl Strategy<Value = (Limit, Vec<i64>)> {
    // A full bucket of the largest limits has 1.7e15 parts, which has more digits than Lua prints
    // by default.
    let bursts = prop_oneof![4 => 1..6_u32, 1 => 10_000..20_000_u32];
    let periods = (0..37_u32).prop_flat_map(|bits| 1..(2_u64 << bits).min(86_400_000_000));
    let limits = (bursts, 1..50_u32, periods)
        .prop_map(|(burst, rate, per)| limit(burst, rate, Duration::from_micros(per)));
    let step = prop_oneof![8 => -300..1_500_i64, 1 => Just(0), 1 => 0..10_000_000_i64];
    (limits, proptest::collection::vec(step, 1..60))
}

#[test]
fn the_script_and_the_bucket_in_memory_decide_the_same() {
    let Some(redis) = RedisServer::start(&[]) else { return };
    let now = Arc::new(AtomicU64::new(NOON));
    let clock = Arc::clone(&now);
    let config = config(&redis.url(), WhenDown::Closed);
    let store = RedisStore::open_with_clock(&config, move || clock.load(Ordering::SeqCst)).unwrap();
    let (keys, start) = (AtomicU64::new(0), Instant::now());
    let at = |time: u64| start + Duration::from_micros(time - NOON);
    let same = |(limit, steps): (Limit, Vec<i64>)| {
        let key = keys.fetch_add(1, Ordering::Relaxed);
        let buckets = store.limit::<u64>("/", limit).unwrap();
        let fill = u64::try_from(limit.time_to_fill().as_micros()).unwrap();
        let token = i64::try_from(limit.per.as_micros()).unwrap() / i64::from(limit.rate.get());
        let (mut time, mut latest) = (NOON, NOON);
        let mut bucket = TokenBucket::new(limit, at(time));
        for step in steps {
            // If the clock was set back by more than that, the script continues from the new time
            // at once.
            let least = latest.saturating_sub(fill).max(NOON);
            time = time.saturating_add_signed(step * token / 1_000).clamp(least, LAST);
            latest = latest.max(time);
            now.store(time, Ordering::SeqCst);
            let expected = in_microseconds(bucket.take(limit, at(time)));
            prop_assert_eq!(buckets.take(key).unwrap(), expected);
        }
        Ok(())
    };
    let config = Config { cases: 60, failure_persistence: None, ..Config::default() };
    TestRunner::new(config).run(&limits_and_steps(), same).unwrap();
}
