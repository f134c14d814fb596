//! Runs the rounds of one scenario.

use std::fs::File;

use anyhow::{bail, ensure};
use wire::Client;

use super::background::Background;
use super::files::Files;
use super::load::{self, Load};
use super::peer::{Builds, Peer, Server};
use super::scenario::Scenario;
use super::usage::Usage;

/// The figures of one server in one round.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Sample {
    pub load: Load,
    /// Seconds of the server's CPU time per response.
    pub cpu: Option<f64>,
    /// The server's peak memory so far, in KiB.
    pub memory: Option<f64>,
    /// Background connections that the server has closed.
    pub lost: usize,
    /// The throughput of the background requests, as a fraction of the possible throughput.
    pub share: Option<f64>,
    /// The same server, in the same round, in the scenario that this one is compared with.
    pub base: Option<Box<Sample>>,
}

/// The samples of one server in all rounds, or the reason why there are none.
pub(crate) type Cell = Result<Vec<Sample>, String>;

/// A server that is measured in every round.
struct Contestant {
    peer: &'static Peer,
    servers: Result<Servers, String>,
    samples: Vec<Sample>,
}

/// The server, and a second instance of it for the scenario that this one is compared with.
struct Servers {
    own: Server,
    base: Option<(&'static Scenario, Server)>,
}

pub(crate) struct Bench<'a> {
    pub builds: Builds<'a>,
    pub files: &'a Files,
    pub seconds: u16,
    pub rounds: u8,
}

impl Bench<'_> {
    /// Measures one scenario and returns a cell per peer, in the same order.
    pub(crate) fn measure(
        &self,
        scenario: &Scenario,
        peers: &[&'static Peer],
        built: &[Result<(), String>],
    ) -> Vec<Cell> {
        let contestant = |(peer, built): (&&'static Peer, &Result<(), String>)| {
            let start = |()| self.start(scenario, peer).map_err(|error| format!("{error:#}"));
            let servers = built.clone().and_then(start);
            Contestant { peer, servers, samples: Vec::new() }
        };
        let mut contestants: Vec<_> = peers.iter().zip(built).map(contestant).collect();
        for round in 0..usize::from(self.rounds) {
            // Each round starts with another server, so that the order favours none of them.
            let first = round % contestants.len().max(1);
            contestants.rotate_left(first);
            for contestant in &mut contestants {
                let Ok(servers) = &contestant.servers else { continue };
                if scenario.logs {
                    self.empty_log(contestant.peer);
                }
                match self.sample_with_base(scenario, servers, round) {
                    Ok(sample) => contestant.samples.push(sample),
                    Err(error) => contestant.servers = Err(format!("{error:#}")),
                }
            }
            contestants.rotate_right(first);
        }
        contestants.into_iter().map(|it| it.servers.map(|_| it.samples)).collect()
    }

    /// Starts a server.
    fn start(&self, scenario: &Scenario, peer: &Peer) -> anyhow::Result<Servers> {
        if let Some(reason) = peer.cannot(scenario) {
            bail!(reason);
        }
        let own = self.start_one(scenario, peer)?;
        // The limit does the same work in all scenarios, so there is nothing to compare.
        let base = scenario.against.filter(|_| !peer.is_limit());
        let base = base.map(|base| anyhow::Ok((base, self.start_one(base, peer)?))).transpose()?;
        Ok(Servers { own, base })
    }

    /// Starts a server, and checks its response before the measurement, because a fast 404 would win.
    fn start_one(&self, scenario: &Scenario, peer: &Peer) -> anyhow::Result<Server> {
        let Scenario { path, fields, .. } = scenario;
        let server = peer.start(self.builds, self.files, scenario)?;
        let reply =
            Client::connect(server.address)?.ask(wire::request("GET", path, fields, b""))?;
        ensure!(reply.status == 200, "the response to GET {path} is {}", reply.status);
        if scenario.is_gzip() {
            ensure!(reply.lists("Content-Encoding", "gzip"), "GET {path} is not compressed");
        } else if let Some(length) = scenario.length {
            let body = reply.body.len();
            ensure!(body == length, "GET {path} has {body} bytes, not {length}");
        }
        Ok(server)
    }

    /// Logs grow fast and could fill the disk. All servers append, so they continue at the start of the empty file.
    fn empty_log(&self, peer: &Peer) {
        // A missing file counts as empty.
        let _ = File::options().write(true).truncate(true).open(self.files.log(peer.name));
    }

    fn sample_with_base(
        &self,
        scenario: &Scenario,
        servers: &Servers,
        round: usize,
    ) -> anyhow::Result<Sample> {
        let sample_base = || {
            let base = servers.base.as_ref();
            base.map(|(base, server)| self.sample(base, server).map(Box::new)).transpose()
        };
        // The order alternates here too.
        let before = if round.is_multiple_of(2) { sample_base()? } else { None };
        let own = self.sample(scenario, &servers.own)?;
        let base = if before.is_none() { sample_base()? } else { before };
        Ok(Sample { base, ..own })
    }

    fn sample(&self, scenario: &Scenario, server: &Server) -> anyhow::Result<Sample> {
        let background = Background::start(server.address, scenario.background)?;
        let before = Usage::of(server.program.pid());
        let load = load::run(scenario, server.address, self.files, self.seconds)?;
        let after = Usage::of(server.program.pid());
        ensure!(load.requests > 0.0, "no response in {} s", self.seconds);
        let outcome = background.stop();
        let cpu = before.zip(after).map(|(before, after)| (after.cpu - before.cpu) / load.requests);
        Ok(Sample {
            load,
            cpu,
            memory: after.map(|usage| usage.memory),
            lost: outcome.lost,
            share: outcome.share,
            base: None,
        })
    }
}
