//! Runs the rounds of one scenario.

use std::fs::File;

use anyhow::ensure;
use wire::Client;

use super::background::{self, Outcome, SLEEPERS};
use super::files::Files;
use super::load::{self, Load};
use super::peer::{Builds, Peer, Server};
use super::scenario::{BackgroundLoad, Scenario};
use super::usage::Usage;

/// The figures of one server in one round.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Sample {
    pub load: Load,
    /// Seconds of the server's CPU time per response.
    pub cpu: Option<f64>,
    /// The server's peak memory so far, in KiB.
    pub memory: Option<f64>,
    /// What happened to the background connections.
    pub background: Outcome,
}

/// The samples of one server in all rounds, or the reason why there are none.
pub(crate) type Cell = Result<Vec<Sample>, String>;

/// A scenario, with a cell per server.
pub(crate) struct Row {
    pub scenario: &'static Scenario,
    pub cells: Vec<Cell>,
    /// The same servers, in the same rounds, in the scenario that this one is compared with.
    pub bases: Vec<Cell>,
}

/// A server that is measured in every round.
struct Contestant {
    peer: &'static Peer,
    scenario: &'static Scenario,
    server: Result<Server, String>,
    samples: Vec<Sample>,
}

pub(crate) struct Bench<'a> {
    pub builds: Builds<'a>,
    pub files: &'a Files,
    pub seconds: u16,
    pub rounds: u8,
}

impl Bench<'_> {
    /// Measures one scenario on these servers, each with the result of its build.
    pub(crate) fn measure(
        &self,
        scenario: &'static Scenario,
        peers: &[(&'static Peer, Result<(), String>)],
    ) -> Row {
        let contestants = |scenario| -> Vec<Contestant> {
            let contestant = |(peer, built): &(&'static Peer, Result<(), String>)| {
                let start = |()| self.start(scenario, peer).map_err(|error| format!("{error:#}"));
                let server = built.clone().and_then(start);
                Contestant { peer, scenario, server, samples: Vec::new() }
            };
            peers.iter().map(contestant).collect()
        };
        let mut own = contestants(scenario);
        let mut bases = scenario.against.map(contestants).unwrap_or_default();
        for limit in bases.iter_mut().filter(|it| it.peer.is_limit()) {
            limit.server = Err("it does the same work in all scenarios".to_string());
        }
        for round in 0..usize::from(self.rounds) {
            for at in 0..own.len() {
                // Each round starts with another server, so that the order favours none of them.
                let at = (at + round) % own.len();
                let mut pair = [own.get_mut(at), bases.get_mut(at)];
                // The order alternates here too.
                pair.rotate_left(round % 2);
                pair.into_iter().flatten().for_each(|contestant| self.play(contestant));
            }
        }
        let cells = |contestants: Vec<Contestant>| {
            contestants.into_iter().map(|it| it.server.map(|_| it.samples)).collect()
        };
        Row { scenario, cells: cells(own), bases: cells(bases) }
    }

    /// Starts a server, and checks its response before the measurement, because a fast 404 would win.
    fn start(&self, scenario: &Scenario, peer: &Peer) -> anyhow::Result<Server> {
        let Scenario { path, fields, .. } = scenario;
        let server = peer.start(self.builds, self.files, scenario)?;
        let reply =
            Client::connect(server.address)?.ask(wire::request("GET", path, fields, b""))?;
        ensure!(reply.status == 200, "the response to GET {path} is {}", reply.status);
        if let Some(length) = scenario.length {
            let body = reply.body.len();
            ensure!(body == length, "GET {path} has {body} bytes, not {length}");
        }
        Ok(server)
    }

    /// Measures a server. After an error it is out of the game.
    fn play(&self, contestant: &mut Contestant) {
        let Ok(server) = &contestant.server else { return };
        if contestant.scenario.logs {
            // Logs grow fast and could fill the disk. All servers append, so they continue at the start of the empty
            // file. A missing file counts as empty.
            let log = self.files.log(contestant.peer.name);
            let _ = File::options().write(true).truncate(true).open(log);
        }
        match self.sample(contestant.scenario, server) {
            Ok(sample) => contestant.samples.push(sample),
            Err(error) => contestant.server = Err(format!("{error:#}")),
        }
    }

    fn sample(&self, scenario: &Scenario, server: &Server) -> anyhow::Result<Sample> {
        let run = |scenario| load::run(scenario, server.address, self.files, self.seconds);
        let measure = || {
            let usage = || Usage::of(server.program.pid());
            let before = usage();
            anyhow::Ok((before, run(scenario)?, usage()))
        };
        let ((before, load, after), background) = match scenario.background {
            BackgroundLoad::Nothing => (measure()?, Outcome::default()),
            BackgroundLoad::Idle(count) => background::beside_idle(server.address, count, measure)?,
            BackgroundLoad::Sleepers(path) => {
                let sleepers = Scenario { path, connections: SLEEPERS, ..*scenario };
                background::beside_sleepers(|| run(&sleepers), measure)?
            }
        };
        ensure!(load.requests > 0.0, "no response in {} s", self.seconds);
        let cpu = before.zip(after).map(|(before, after)| (after.cpu - before.cpu) / load.requests);
        Ok(Sample { load, cpu, memory: after.map(|usage| usage.memory), background })
    }
}
