//! A rate limit of five requests, and a client whose requests reach several replicas.

use std::net::SocketAddr;
use std::time::Instant;

use wire::{Client, request};

use crate::configuration::Retries;
use crate::deployment::{Deployment, REPLICAS, Setup};
use crate::load::{Counts, Outcome};
use crate::redis::RedisServer;

/// The burst of `/limited`.
const BURST: u64 = 5;

/// More requests than the buckets of all replicas allow.
const REQUESTS_PER_REPLICA: u64 = 10;

/// Every replica has its own bucket.
pub(crate) fn local(setup: &Setup, name: &str) -> anyhow::Result<Outcome> {
    let deployment = Deployment::start(setup, name, Retries::Idempotent, &[])?;
    let counts = send(deployment.front())?;
    let allowed = counts.get.requests - counts.get.failed();
    let note = format!("{allowed} allowed: {BURST} by each of {REPLICAS} replicas");
    Ok(Outcome { counts, note: Some(note), is_expected: allowed > BURST })
}

/// All replicas share one bucket, in Redis.
pub(crate) fn shared(setup: &Setup, name: &str) -> anyhow::Result<Outcome> {
    let redis = RedisServer::start(&setup.subdirectory(name)?)?;
    let options = ["--rate-limit-store", &redis.url()];
    let deployment = Deployment::start(setup, name, Retries::Idempotent, &options)?;
    let start = Instant::now();
    let counts = send(deployment.front())?;
    // A token is added every second.
    let most = BURST + start.elapsed().as_secs();
    let allowed = counts.get.requests - counts.get.failed();
    let note = format!("{allowed} allowed by all replicas together");
    Ok(Outcome { counts, note: Some(note), is_expected: (BURST..=most).contains(&allowed) })
}

/// Sends requests from one client, one after the other.
fn send(front: SocketAddr) -> anyhow::Result<Counts> {
    let mut counts = Counts::default();
    let mut client = Client::connect(front)?;
    for _ in 0..REQUESTS_PER_REPLICA * u64::from(REPLICAS) {
        let reply = client.ask(request("GET", "/limited", &[], b""))?;
        counts.get.add((reply.status != 200).then(|| reply.status.to_string()));
        if reply.lists("Connection", "close") {
            client = Client::connect(front)?;
        }
    }
    Ok(counts)
}
