//! The load: clients that send GET and POST requests through the load balancer, and count the results.

use std::collections::BTreeMap;
use std::mem;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, Builder, JoinHandle};
use std::time::Duration;

use wire::{Client, Reply, WireError, request};

/// The number of clients for each method. At any moment nearly all of them wait for a response, a third of them from
/// each of three replicas. The probability that no client waits for a given replica is below one percent.
const CLIENTS: u64 = 12;

/// How long the server takes for every second request. The rest are as fast as possible.
const SLOW_MILLISECONDS: u64 = 50;

/// The pause of a client after a failure. It is as long as a slow request, so that failures are not more frequent than
/// responses.
const PAUSE: Duration = Duration::from_millis(SLOW_MILLISECONDS);

/// How long a client waits for a response.
const PATIENCE: Duration = Duration::from_secs(10);

/// The results of the requests of one method.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Count {
    /// Requests in total.
    pub requests: u64,
    /// Failures by their kind: a status code such as `502`, `no response`, `wrong response` or `not sent`.
    pub failures: BTreeMap<String, u64>,
}

impl Count {
    /// The number of requests without the right response.
    pub fn failed(&self) -> u64 {
        self.failures.values().sum()
    }

    /// Counts a request, with the kind of its failure, if it has failed.
    pub(crate) fn add(&mut self, failure: Option<String>) {
        self.requests += 1;
        if let Some(kind) = failure {
            *self.failures.entry(kind).or_default() += 1;
        }
    }
}

/// The results of all requests.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counts {
    /// The GET requests, which are idempotent.
    pub get: Count,
    /// The POST requests, which are not idempotent.
    pub post: Count,
    /// The POST requests to `/counter` that were sent. The server counts the requests that it carries out.
    pub counted: u64,
}

impl Counts {
    /// The number of requests without the right response.
    pub fn failed(&self) -> u64 {
        self.get.failed() + self.post.failed()
    }
}

/// The observed result of a demonstration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// The requests of the clients.
    pub counts: Counts,
    /// Observations that are not in the counts.
    pub note: Option<String>,
    /// Whether the result is as expected.
    pub is_expected: bool,
}

impl Outcome {
    /// The result when only failures count: whether there are any must be as expected.
    pub(crate) fn of(counts: Counts, are_failures_expected: bool) -> Outcome {
        let is_expected = (counts.failed() > 0) == are_failures_expected;
        Outcome { counts, note: None, is_expected }
    }
}

/// The state that the clients share.
#[derive(Debug, Default)]
struct Shared {
    is_over: AtomicBool,
    counts: Mutex<Counts>,
}

impl Shared {
    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Clients that send requests until they are stopped.
#[derive(Debug)]
pub(crate) struct Load {
    shared: Arc<Shared>,
    clients: Vec<JoinHandle<()>>,
}

impl Load {
    /// Starts the clients.
    pub(crate) fn start(front: SocketAddr) -> anyhow::Result<Load> {
        let mut load = Load { shared: Arc::default(), clients: Vec::new() };
        for index in 0..2 * CLIENTS {
            let shared = Arc::clone(&load.shared);
            let run = move || send_until_over(index, front, &shared);
            load.clients.push(Builder::new().name(format!("client {index}")).spawn(run)?);
        }
        Ok(load)
    }

    /// The number of requests so far that have succeeded or failed.
    pub(crate) fn ended(&self) -> u64 {
        let counts = self.shared.counts();
        counts.get.requests + counts.post.requests
    }

    /// Stops the clients, and returns the results of their requests.
    pub(crate) fn finish(mut self) -> Counts {
        self.stop();
        mem::take(&mut self.shared.counts())
    }

    fn stop(&mut self) {
        self.shared.is_over.store(true, Ordering::Release);
        for client in self.clients.drain(..) {
            // A client that panicked has already reported it on standard error.
            let _ = client.join();
        }
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.stop();
    }
}

/// One client, which keeps its connection as long as the load balancer does. Clients with an even index send GET.
fn send_until_over(index: u64, front: SocketAddr, shared: &Shared) {
    let is_get = index.is_multiple_of(2);
    let (mut kept, mut number) = (None, 0_u64);
    while !shared.is_over.load(Ordering::Acquire) {
        number += 1;
        let text = format!("client-{index}-request-{number}");
        let is_slow = number.is_multiple_of(2);
        let failure = send(&mut kept, front, is_get, is_slow, &text).err();
        let has_failed = failure.is_some();
        let mut counts = shared.counts();
        if is_get {
            counts.get.add(failure);
        } else {
            counts.counted += u64::from(is_slow && failure.as_deref() != Some(NOT_SENT));
            counts.post.add(failure);
        }
        drop(counts);
        if has_failed {
            kept = None;
            thread::sleep(PAUSE);
        }
    }
}

const NOT_SENT: &str = "not sent";

/// Sends one request without retries, and checks its response. The error is the kind of failure.
fn send(
    kept: &mut Option<Client>,
    front: SocketAddr,
    is_get: bool,
    is_slow: bool,
    text: &str,
) -> Result<(), String> {
    let not_sent = |_: WireError| NOT_SENT.to_string();
    let mut client = match kept.take() {
        Some(client) => client,
        None => Client::connect(front).map_err(not_sent)?.with_patience(PATIENCE),
    };
    let reply =
        client.ask(message(is_get, is_slow, text)).map_err(|_| "no response".to_string())?;
    match reply.status {
        200 if !is_right(&reply, is_slow, text) => return Err("wrong response".to_string()),
        200 => {}
        status => return Err(status.to_string()),
    }
    if !reply.lists("Connection", "close") {
        *kept = Some(client);
    }
    Ok(())
}

fn message(is_get: bool, is_slow: bool, text: &str) -> Vec<u8> {
    let path = match (is_get, is_slow) {
        (true, true) => format!("/slow?ms={SLOW_MILLISECONDS}"),
        (true, false) => format!("/hello/{text}"),
        (false, true) => format!("/counter?ms={SLOW_MILLISECONDS}"),
        (false, false) => "/echo".to_string(),
    };
    if is_get {
        request("GET", &path, &[], b"")
    } else {
        request("POST", &path, &[("Content-Type", "text/plain")], text.as_bytes())
    }
}

/// Whether this is the response to this request, and not to an earlier one.
fn is_right(reply: &Reply, is_slow: bool, text: &str) -> bool {
    is_slow || reply.text().contains(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    #[test]
    fn a_request_that_could_not_be_sent_is_counted_as_that() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        drop(listener);
        let load = Load::start(address).unwrap();
        while load.ended() < CLIENTS {
            thread::yield_now();
        }
        let counts = load.finish();
        assert_eq!(counts.get.failures.keys().collect::<Vec<_>>(), [NOT_SENT]);
        assert_eq!(counts.post.failed(), counts.post.requests);
        assert_eq!(counts.counted, 0);
    }
}
