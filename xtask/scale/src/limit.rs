//! A rate limit of five requests, and a client whose requests reach several replicas.

use std::time::Instant;

use wire::{Client, request};

use crate::deployment::{Deployment, REPLICAS, Setup};
use crate::front::Retries;
use crate::load::{Counts, Outcome};
use crate::process::{self, new_host};

/// The burst of `/limited`.
const BURST: u64 = 5;

/// More requests than the buckets of all replicas allow.
const REQUESTS: usize = 10 * REPLICAS;

/// Every replica has its own bucket.
pub(crate) fn local(setup: &Setup) -> anyhow::Result<Outcome> {
    let (counts, allowed) = send(setup, &[])?;
    let note = format!("{allowed} allowed: {BURST} by each of {REPLICAS} replicas");
    Ok(Outcome { counts, note: Some(note), is_wrong: allowed > BURST })
}

/// All replicas share one bucket, in a Redis that stores nothing on the disk.
pub(crate) fn shared(setup: &Setup) -> anyhow::Result<Outcome> {
    let redis = process::start("redis-server", new_host(), |command, address| {
        command.args(["--bind", &address.ip().to_string(), "--port", &address.port().to_string()]);
        command.args(["--save", "", "--appendonly", "no", "--dir"]).arg(&setup.directory);
        Ok(())
    })?;
    let start = Instant::now();
    let url = format!("redis://{}", redis.addr());
    let (counts, allowed) = send(setup, &["--rate-limit-store", &url])?;
    // A token is added every second.
    let most = BURST + start.elapsed().as_secs();
    let note = format!("{allowed} allowed by all replicas together");
    Ok(Outcome { counts, note: Some(note), is_wrong: !(BURST..=most).contains(&allowed) })
}

/// Sends requests from one client, one after the other, to replicas with these options. Returns also the number of
/// allowed requests.
fn send(setup: &Setup, options: &[&str]) -> anyhow::Result<(Counts, u64)> {
    let deployment = Deployment::start(setup, Retries::Idempotent, options)?;
    let front = deployment.front.addr();
    let mut counts = Counts::default();
    let mut client = Client::connect(front)?;
    for _ in 0..REQUESTS {
        let reply = client.ask(request("GET", "/limited", &[], b""))?;
        counts.get.add((reply.status != 200).then(|| reply.status.to_string()));
        if reply.lists("Connection", "close") {
            client = Client::connect(front)?;
        }
    }
    let allowed = counts.get.requests - counts.get.failed();
    Ok((counts, allowed))
}
