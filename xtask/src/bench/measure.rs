//! Runs the rounds of one scenario.

use std::fs::File;

use anyhow::{bail, ensure};
use wire::{Client, Program};

use super::background::Background;
use super::builds::Builds;
use super::figures::Cell;
use super::files::Files;
use super::load;
use super::peer::Peer;
use super::sample::{Base, Sample};
use super::scenario::Scenario;
use super::usage::Usage;

/// A server that is measured in every round.
struct Contestant<'a> {
    peer: &'a Peer,
    state: Result<Started, String>,
    samples: Vec<Sample>,
}

/// The server, and a second instance of it for the scenario that this one is compared with.
struct Started {
    program: Program,
    base: Option<(&'static Scenario, Program)>,
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
        peers: &[&Peer],
        built: &[Result<(), String>],
    ) -> Vec<Cell> {
        let mut contestants: Vec<_> = peers
            .iter()
            .zip(built)
            .map(|(peer, built)| Contestant {
                peer,
                state: built.clone().and_then(|()| self.start(scenario, peer)),
                samples: Vec::new(),
            })
            .collect();
        for round in 0..usize::from(self.rounds) {
            // Each round starts with another server, so that the order favours none of them.
            let first = round % contestants.len().max(1);
            contestants.rotate_left(first);
            for contestant in &mut contestants {
                let Ok(started) = &contestant.state else { continue };
                if scenario.logs {
                    self.empty_log(contestant.peer);
                }
                match self.sample_with_base(scenario, started, round) {
                    Ok(sample) => contestant.samples.push(sample),
                    Err(error) => contestant.state = Err(format!("{error:#}")),
                }
            }
            contestants.rotate_right(first);
        }
        let mut cells = Vec::new();
        for Contestant { peer, state, samples } in contestants {
            cells.push(state.map(|started| {
                peer.stop(&started.program);
                if let Some((_, base)) = &started.base {
                    peer.stop(base);
                }
                samples
            }));
        }
        cells
    }

    /// Starts a server, and checks that its response is the same as from every server.
    fn start(&self, scenario: &Scenario, peer: &Peer) -> Result<Started, String> {
        if let Some(reason) = peer.cannot(scenario) {
            return Err(reason.to_string());
        }
        let program = self.start_one(scenario, peer)?;
        // The limit does the same work in all scenarios, so there is nothing to compare.
        let Some(base) = scenario.against.filter(|_| !peer.is_limit()) else {
            return Ok(Started { program, base: None });
        };
        match self.start_one(base, peer) {
            Ok(other) => Ok(Started { program, base: Some((base, other)) }),
            Err(error) => {
                peer.stop(&program);
                Err(error)
            }
        }
    }

    fn start_one(&self, scenario: &Scenario, peer: &Peer) -> Result<Program, String> {
        let started = peer.start(self.builds, self.files, scenario).and_then(|program| {
            if let Err(error) = probe(&program, scenario) {
                peer.stop(&program);
                return Err(error);
            }
            Ok(program)
        });
        started.map_err(|error| format!("{error:#}"))
    }

    /// Logs grow fast and could fill the disk. All servers append, so they continue at the start of the empty file.
    fn empty_log(&self, peer: &Peer) {
        // A missing file counts as empty.
        let _ = File::options().write(true).truncate(true).open(self.files.log(peer.name));
    }

    fn sample_with_base(
        &self,
        scenario: &Scenario,
        started: &Started,
        round: usize,
    ) -> anyhow::Result<Sample> {
        let Some((base, other)) = &started.base else {
            return self.sample(scenario, &started.program);
        };
        // The order alternates here too.
        let (sample, base) = if round.is_multiple_of(2) {
            let base = self.sample(base, other)?;
            (self.sample(scenario, &started.program)?, base)
        } else {
            (self.sample(scenario, &started.program)?, self.sample(base, other)?)
        };
        let Sample { rate, cpu, p99, .. } = base;
        Ok(Sample { base: Some(Base { rate, cpu, p99 }), ..sample })
    }

    fn sample(&self, scenario: &Scenario, program: &Program) -> anyhow::Result<Sample> {
        let background = Background::start(program.addr(), scenario.background)?;
        let before = Usage::of(program.pid());
        let load = load::run(scenario, program.addr(), self.files, self.seconds)?;
        let after = Usage::of(program.pid());
        if load.requests == 0.0 {
            bail!("no response in {} s", self.seconds);
        }
        let outcome = background.stop();
        let cpu = before.zip(after).map(|(before, after)| (after.cpu - before.cpu) / load.requests);
        Ok(Sample {
            rate: load.requests / load.seconds,
            cpu,
            bytes: load.bytes / load.requests,
            p50: load.p50,
            p99: load.p99,
            memory: after.map(|usage| usage.memory),
            errors: load.errors,
            lost: outcome.lost,
            share: outcome.share,
            base: None,
        })
    }
}

/// Sends one request before the measurement, because a fast 404 would win.
fn probe(program: &Program, scenario: &Scenario) -> anyhow::Result<()> {
    let mut client = Client::connect(program.addr())?;
    let reply = client.ask(wire::request("GET", scenario.path, scenario.fields, b""))?;
    ensure!(reply.status == 200, "the response to GET {} is {}", scenario.path, reply.status);
    if scenario.is_gzip() {
        ensure!(reply.lists("Content-Encoding", "gzip"), "GET {} is not compressed", scenario.path);
    } else if let Some(length) = scenario.length {
        let body = reply.body.len();
        ensure!(body == length, "GET {} has {body} bytes, not {length}", scenario.path);
    }
    Ok(())
}
