//! Rate limits in Redis or Valkey, shared by all servers that use the same store.
//!
//! Each request takes its token with one call to the store, which is bounded in time. If the store
//! is down, a circuit breaker skips the call, and the settings decide between the server's own
//! buckets and a rejection.

mod address;
mod breaker;
mod connections;
mod script;

use std::fmt::{Display, Write};
use std::hash::Hash;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use redis::{ConnectionAddr, ConnectionInfo, IntoConnectionInfo, RedisError};

use self::address::Address;
use self::breaker::{Breaker, PAUSE};
use self::connections::Connections;
use self::script::{TakeScript, Units};
use super::limit_store::{InvalidStore, LimitStore, StoreConfig, StoreDown, WhenDown};
use super::local_buckets::LocalBuckets;
use super::token_bucket::{Decision, Limit};
use crate::core::Deadline;
use crate::core::blocking;
use crate::core::stderr::log_stderr;

/// The maximum time that a request waits for the store: to connect, to send, and to receive. A
/// response within a data centre takes less than a millisecond.
const TIME_LIMIT: Duration = Duration::from_millis(50);

/// A clock that returns microseconds, in place of the store's.
type Clock = Box<dyn Fn() -> u64 + Send + Sync>;

/// A store of buckets. Clones share the connections, the circuit breaker and the counters.
#[derive(Clone)]
pub struct RedisStore {
    shared: Arc<Shared>,
}

struct Shared {
    /// The store in messages: host and port, without a password.
    name: String,
    prefix: String,
    when_down: WhenDown,
    connections: Connections,
    breaker: Breaker,
    script: TakeScript,
    clock: Option<Clock>,
    counts: Counts,
}

/// The numbers of requests by where their bucket was, and of failed calls to the store.
#[derive(Default)]
struct Counts {
    shared: AtomicU64,
    local: AtomicU64,
    rejected: AtomicU64,
    failures: AtomicU64,
}

impl RedisStore {
    /// Prepares the use of a store, and looks up its name. A store that does not respond is not an
    /// error, because it may be started later.
    ///
    /// # Errors
    /// Returns an error for a URL that cannot be used.
    pub fn open(config: &StoreConfig) -> Result<RedisStore, InvalidStore> {
        RedisStore::with(config, None)
    }

    /// Like [`RedisStore::open`], but with the caller's clock, which returns microseconds. It is
    /// meant for tests, because the clocks of two servers differ.
    ///
    /// # Errors
    /// Returns the same errors as [`RedisStore::open`].
    pub fn open_with_clock(
        config: &StoreConfig,
        clock: impl Fn() -> u64 + Send + Sync + 'static,
    ) -> Result<RedisStore, InvalidStore> {
        RedisStore::with(config, Some(Box::new(clock)))
    }

    fn with(config: &StoreConfig, clock: Option<Clock>) -> Result<RedisStore, InvalidStore> {
        let (info, host, port) = parse(&config.url)?;
        let shared = Shared {
            name: match host.parse() {
                Ok(ip) => SocketAddr::new(ip, port).to_string(),
                Err(_) => format!("{host}:{port}"),
            },
            prefix: config.prefix.clone(),
            when_down: config.when_down,
            connections: Connections::new(info, Address::look_up(&host, port)),
            breaker: Breaker::default(),
            script: TakeScript::new(),
            clock,
            counts: Counts::default(),
        };
        Ok(RedisStore { shared: Arc::new(shared) })
    }

    /// Checks whether a URL can be used, without connecting.
    ///
    /// # Errors
    /// Returns an error with the reason why it cannot be used.
    pub fn check(url: &str) -> Result<(), InvalidStore> {
        parse(url).map(|_| ())
    }

    /// Creates the buckets of a limit in this store. Limits with the same `route` share them.
    ///
    /// # Errors
    /// Returns an error for a limit that is too large for the store's arithmetic.
    pub fn limit<K: Eq + Hash>(
        &self,
        route: &str,
        limit: Limit,
    ) -> Result<RedisLimit<K>, InvalidStore> {
        let units = Units::of(limit)?;
        // While servers are being updated to another limit, old and new ones must not read each
        // other's parts. So the limit is in the key.
        let Limit { burst, rate, .. } = limit;
        let (prefix, per) = (&self.shared.prefix, units.token);
        let scope = format!("{prefix}:{route}:{burst}+{rate}/{per}us");
        Ok(RedisLimit { store: self.clone(), scope, units, local: LocalBuckets::new(limit) })
    }

    /// Returns the metric families of the store, in the text format of Prometheus.
    pub fn metrics(&self) -> String {
        let counts = &self.shared.counts;
        let mut page = "# HELP http_rate_limit_decisions_total Limited requests by where their bucket was; none: \
             rejected, because the store was down.\n\
             # TYPE http_rate_limit_decisions_total counter\n"
            .to_string();
        let buckets =
            [("shared", &counts.shared), ("local", &counts.local), ("none", &counts.rejected)];
        for (bucket, count) in buckets {
            let count = count.load(Ordering::Relaxed);
            let _ =
                writeln!(page, "http_rate_limit_decisions_total{{bucket=\"{bucket}\"}} {count}");
        }
        let failures = counts.failures.load(Ordering::Relaxed);
        page + &format!(
            "# HELP http_rate_limit_store_failures_total Calls to the store that failed or timed out.\n\
             # TYPE http_rate_limit_store_failures_total counter\n\
             http_rate_limit_store_failures_total {failures}\n"
        )
    }

    /// Takes a token, or returns `None` if the store is down.
    fn take(&self, bucket: &str, units: Units) -> Option<Decision> {
        let Shared { breaker, connections, script, clock, .. } = &*self.shared;
        let started = Instant::now();
        if !breaker.allows_call(started) {
            return None;
        }
        let commands = script.commands(bucket, units, clock.as_ref().map(|clock| clock()));
        let deadline = Deadline::after(TIME_LIMIT);
        // Meanwhile another thread has the permit. With a store that takes 0.5 ms, and 16 clients
        // each on a limited and an unlimited route, that gives 10,700 and 38,500 requests a second
        // instead of 2,720 and 2,930 (two cores). With a store that responds at once, it costs a
        // twentieth of the limited requests.
        match blocking(|| connections.run(&commands, deadline)) {
            Ok((allowed, parts)) => {
                if breaker.succeeded(started) {
                    log_stderr(format_args!("rate limit: {} responds again", self.shared.name));
                }
                Some(units.decision(allowed == 1, parts))
            }
            Err(error) => {
                self.shared.counts.failures.fetch_add(1, Ordering::Relaxed);
                connections.reset();
                if breaker.failed(Instant::now()) {
                    self.report(&error);
                }
                None
            }
        }
    }

    /// Logs the failure that has opened the circuit breaker. The later ones are only counted.
    fn report(&self, error: &RedisError) {
        let reason = if error.is_timeout() {
            format!("no response within {TIME_LIMIT:?}")
        } else {
            one_line(&error.to_string())
        };
        let until_then = match self.shared.when_down {
            WhenDown::Open => "each server limits by its own buckets",
            WhenDown::Closed => "limited requests are rejected",
        };
        let name = &self.shared.name;
        log_stderr(format_args!("rate limit: {name}: {reason}; until it responds, {until_then}"));
    }
}

/// The buckets of one limit in a store, and the server's own for the time when the store is down.
pub struct RedisLimit<K> {
    store: RedisStore,
    /// The beginning of the keys of this limit.
    scope: String,
    units: Units,
    local: LocalBuckets<K>,
}

impl<K: Display + Eq + Hash + Send + 'static> LimitStore<K> for RedisLimit<K> {
    fn take(&self, key: K) -> Result<Decision, StoreDown> {
        let Shared { counts, when_down, .. } = &*self.store.shared;
        if let Some(decision) = self.store.take(&format!("{}:{key}", self.scope), self.units) {
            counts.shared.fetch_add(1, Ordering::Relaxed);
            return Ok(decision);
        }
        match when_down {
            WhenDown::Open => {
                counts.local.fetch_add(1, Ordering::Relaxed);
                Ok(self.local.take(key))
            }
            WhenDown::Closed => {
                counts.rejected.fetch_add(1, Ordering::Relaxed);
                Err(StoreDown { retry_after: PAUSE })
            }
        }
    }
}

/// Returns the text of an error as one line without control characters. A part of it may come from
/// the store, and it goes into the log.
fn one_line(text: &str) -> String {
    let ends_word = |character: char| character.is_whitespace() || character.is_control();
    text.split(ends_word).filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

/// Parses a URL. Returns the connection settings, the host and the port.
fn parse(url: &str) -> Result<(ConnectionInfo, String, u16), InvalidStore> {
    const FORM: &str =
        "redis://HOST:PORT, redis://:PASSWORD@HOST:PORT or redis://HOST:PORT/DATABASE";
    let invalid = |what: &str| InvalidStore(format!("{what}; it must be {FORM}"));
    let scheme = url.split_once("://").map_or("", |(scheme, _)| scheme);
    match scheme {
        "redis" | "valkey" => {}
        "rediss" | "valkeys" => return Err(invalid("TLS to the store is not supported")),
        _ => return Err(invalid("it is not the URL of a store")),
    }
    if url.contains(['?', '#']) {
        return Err(invalid("it has a `?` or a `#`; in a password they are %3F and %23"));
    }
    // The error is followed by its kind, which does not help an operator.
    let reason =
        |error: RedisError| invalid(error.to_string().split(" - ").next().unwrap_or_default());
    let info = url.into_connection_info().map_err(reason)?;
    let settings = info.redis_settings();
    if settings.username().is_some() && settings.password().is_none() {
        return Err(invalid("it has a user name but no password, which comes after a colon"));
    }
    if settings.db() < 0 {
        return Err(invalid("the number of its database is negative"));
    }
    let info_settings = settings.clone().set_skip_set_lib_name();
    let info = info.set_redis_settings(info_settings);
    match info.addr() {
        ConnectionAddr::Tcp(host, port) => {
            let (host, port) = (host.clone(), *port);
            Ok((info, host, port))
        }
        _ => Err(invalid("it is not the URL of a store")),
    }
}
