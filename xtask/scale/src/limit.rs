//! A rate limit of five requests, and a client whose requests reach several replicas.

use wire::{Client, request};

use crate::Setup;
use crate::demonstration::Outcome;
use crate::deployment::Deployment;
use crate::front::Retries;
use crate::load::Counts;

/// The burst of `/limited`.
const BURST: u64 = 5;

/// More than the buckets of all replicas allow.
const REQUESTS_PER_REPLICA: u64 = 10;

/// Every replica has its own bucket.
pub(crate) fn local(setup: &Setup, name: &str) -> anyhow::Result<Outcome> {
    let deployment = Deployment::start(setup, name, Retries::Idempotent)?;
    let counts = send(&deployment)?;
    let allowed = counts.get.requests - counts.get.failed();
    let note = format!("{allowed} allowed: {BURST} by each of {} replicas", setup.replicas);
    Ok(Outcome { counts, note: Some(note), is_expected: allowed > BURST })
}

/// One client sends requests, one after the other.
fn send(deployment: &Deployment<'_>) -> anyhow::Result<Counts> {
    let mut counts = Counts::default();
    let mut client = Client::connect(deployment.front())?;
    for _ in 0..REQUESTS_PER_REPLICA * u64::from(deployment.setup.replicas) {
        let reply = client.ask(request("GET", "/limited", &[], b""))?;
        counts.get.requests += 1;
        if reply.status != 200 {
            *counts.get.failures.entry(reply.status.to_string()).or_default() += 1;
        }
        if reply.lists("Connection", "close") {
            client = Client::connect(deployment.front())?;
        }
    }
    Ok(counts)
}
