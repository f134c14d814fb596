//! `cargo xtask bench`: `final` and its peers on this machine, in interleaved rounds.
//!
//! Other work on the machine changes from minute to minute, so the servers are measured in interleaved rounds: each
//! server runs once per round, each figure is divided by the limit's figure of the same round, and the median of
//! these ratios is printed. The cost that a scenario adds to another one is measured in the same way: both on the
//! same server in the same round. [`scenario`] describes the requests, [`peer`] the servers, [`load`] sends the
//! requests, [`background`] opens other connections meanwhile, [`usage`] reads the CPU time and memory, and
//! [`report`] prints the tables.

mod args;
mod background;
mod browser;
mod files;
mod idle;
mod load;
mod nginx;
mod peer;
mod report;
mod scenario;
mod sleepers;
mod slow;
mod table;
mod usage;

use anyhow::{bail, ensure};
use std::fs::File;
use std::process::ExitCode;
use wire::{Client, Program};

use crate::ui;
use crate::workspace::Workspace;
pub(crate) use args::Args;
use background::Background;
use files::Files;
use peer::{Builds, PEERS, Peer};
use report::{Cell, Row};
use scenario::{SCENARIOS, Scenario};
use usage::Usage;

/// The figures of one server in one round.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Sample {
    /// Responses per second.
    pub rate: f64,
    /// Seconds of the server's CPU time per response.
    pub cpu: Option<f64>,
    /// Bytes received per response, header section included.
    pub bytes: f64,
    /// Latency in seconds at the 50th and the 99th percentile.
    pub p50: f64,
    pub p99: f64,
    /// The server's peak memory so far, in KiB.
    pub memory: Option<f64>,
    /// Responses other than 2xx and 3xx, and connections that failed.
    pub errors: f64,
    /// Background connections that the server has closed.
    pub lost: usize,
    /// The throughput of the background requests, as a fraction of what is possible.
    pub share: Option<f64>,
    /// The scenario it is compared with, on the same server in the same round.
    pub base: Option<Base>,
}

/// The figures of a server without what the scenario adds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Base {
    pub rate: f64,
    pub cpu: Option<f64>,
    pub p99: f64,
}

pub(crate) fn run(workspace: &Workspace, args: &Args) -> anyhow::Result<ExitCode> {
    ensure!(
        cfg!(target_os = "linux"),
        "the bench reads /proc and its limit is an epoll loop: it needs Linux"
    );
    load::find()?;
    usage::raise_open_files();
    let scenarios: Vec<_> = SCENARIOS.iter().filter(|s| args.wants_scenario(s)).collect();
    let peers: Vec<_> = PEERS.iter().filter(|p| args.wants_peer(p)).collect();
    let before = args.before()?;
    let (seconds, rounds) = if args.quick { (1, args.rounds.min(3)) } else { (2, args.rounds) };

    let builds = Builds { workspace, profile: &args.profile, before: before.as_deref() };
    let built: Vec<Result<(), String>> = peers
        .iter()
        .map(|peer| peer.build(builds, &scenarios).map_err(|error| format!("{error:#}")))
        .collect();
    let files = Files::create(workspace)?;
    let bench = Bench { builds, files: &files, seconds, rounds };
    let mut rows = Vec::new();
    for scenario in scenarios {
        ui::print(&format!("{:<15} {}\n", scenario.name, scenario.about));
        let cells = bench.measure(scenario, &peers, &built);
        rows.push(Row { scenario, cells });
    }
    let names: Vec<_> = peers.iter().map(|peer| peer.name).collect();
    ui::print(&format!("\n{rounds} rounds of {seconds} s each{}\n", args::warning(&args.profile)));
    ui::print(&report::tables(&names, &rows));
    Ok(ExitCode::SUCCESS)
}

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

struct Bench<'a> {
    builds: Builds<'a>,
    files: &'a Files,
    seconds: u16,
    rounds: u8,
}

impl Bench<'_> {
    /// Measures one scenario and returns a cell per peer, in the same order.
    fn measure(
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

    /// Starts a server and checks that it sends the same response as the others.
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
            rate: load.rate,
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
