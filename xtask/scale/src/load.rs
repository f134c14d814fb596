//! The load: clients that send GET and POST requests through the load balancer, and count the results.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::{self, Builder};
use std::time::Duration;

use wire::{Client, request};

use crate::process::wait_until;

/// The number of clients for each method. At any moment nearly all of them wait for a response, a third of them from
/// each of three replicas. The probability that no client waits for a given replica is below one percent.
const CLIENTS: u64 = 12;

/// The number of requests that must end before the next step: about five for each client.
const SEVERAL: u64 = 120;

/// The requests, for which the server takes 50 ms.
const GET: &str = "/slow?ms=50";
const POST: &str = "/counter?ms=50";

/// The pause of a client after a failure. It is as long as a request, so that failures are not more frequent than
/// responses.
const PAUSE: Duration = Duration::from_millis(50);

/// How long a client waits for a response.
const PATIENCE: Duration = Duration::from_secs(10);

const NOT_SENT: &str = "not sent";

/// The results of the requests of one method.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Count {
    /// Requests in total.
    pub requests: u64,
    /// Failures by their kind: a status code such as `502`, `no response` or `not sent`.
    pub failures: BTreeMap<String, u64>,
}

impl Count {
    /// The number of requests without a good response.
    pub fn failed(&self) -> u64 {
        self.failures.values().sum()
    }

    /// The number of requests that have reached the load balancer.
    pub(crate) fn sent(&self) -> u64 {
        self.requests - self.failures.get(NOT_SENT).unwrap_or(&0)
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
}

impl Counts {
    /// The number of requests without a good response.
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
    /// Whether something went wrong. A demonstration of a mistake has to show this.
    pub is_wrong: bool,
}

impl Outcome {
    /// The result when only failed requests are wrong.
    pub(crate) fn of(counts: Counts) -> Outcome {
        Outcome { is_wrong: counts.failed() > 0, counts, note: None }
    }
}

/// Clients that send requests until they are stopped.
pub(crate) struct Load {
    front: SocketAddr,
    is_over: AtomicBool,
    counts: Mutex<Counts>,
}

/// Stops the clients when the steps end, also by a panic. The scope waits for the clients.
struct Over<'a>(&'a Load);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.is_over.store(true, Ordering::Release);
    }
}

impl Load {
    /// Lets clients send requests, runs the steps when several requests have ended, and returns the results.
    pub(crate) fn during(
        front: SocketAddr,
        steps: impl FnOnce(&Load) -> anyhow::Result<()>,
    ) -> anyhow::Result<Counts> {
        let load = &Load { front, is_over: AtomicBool::new(false), counts: Mutex::default() };
        thread::scope(|scope| {
            let start = |index: u64| {
                let client = Builder::new().name(format!("client {index}"));
                client.spawn_scoped(scope, move || load.send_until_over(index.is_multiple_of(2)))
            };
            let _over = Over(load);
            let clients = (0..2 * CLIENTS).map(start).collect::<io::Result<Vec<_>>>();
            let started = clients.map_err(Into::into).and_then(|_| load.several_more());
            started.and_then(|()| steps(load))
        })?;
        Ok(load.counts().clone())
    }

    /// Waits until several more requests have ended, successfully or not.
    pub(crate) fn several_more(&self) -> anyhow::Result<()> {
        let ended = || {
            let counts = self.counts();
            counts.get.requests + counts.post.requests
        };
        let enough = ended() + SEVERAL;
        wait_until("the clients' requests", || Ok(ended() >= enough))
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One client, which keeps its connection as long as the load balancer does.
    fn send_until_over(&self, is_get: bool) {
        let message = if is_get {
            request("GET", GET, &[], b"")
        } else {
            request("POST", POST, &[("Content-Type", "text/plain")], b"text")
        };
        let mut kept = None;
        while !self.is_over.load(Ordering::Acquire) {
            let failure = self.send(&mut kept, &message).err();
            let has_failed = failure.is_some();
            let mut counts = self.counts();
            let count = if is_get { &mut counts.get } else { &mut counts.post };
            count.add(failure);
            drop(counts);
            if has_failed {
                thread::sleep(PAUSE);
            }
        }
    }

    /// Sends one request without retries. The error is the kind of failure.
    fn send(&self, kept: &mut Option<Client>, message: &[u8]) -> Result<(), String> {
        let mut client = match kept.take() {
            Some(client) => client,
            None => Client::connect(self.front).map_err(|_| NOT_SENT)?.with_patience(PATIENCE),
        };
        let reply = client.ask(message).map_err(|_| "no response")?;
        if reply.status != 200 {
            return Err(reply.status.to_string());
        }
        if !reply.lists("Connection", "close") {
            *kept = Some(client);
        }
        Ok(())
    }
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
        let counts = Load::during(address, |_| Ok(())).unwrap();
        assert_eq!(counts.get.failures.keys().collect::<Vec<_>>(), [NOT_SENT]);
        assert_eq!(counts.post.failed(), counts.post.requests);
        assert_eq!(counts.post.sent(), 0);
    }
}
