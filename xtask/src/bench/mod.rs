//! `cargo xtask bench`: `final` and its peers on this machine, in interleaved rounds.
//!
//! Other work on the machine changes from minute to minute, so the servers are measured in interleaved rounds: each
//! server runs once per round, each figure is divided by the limit's figure of the same round, and the median of
//! these ratios is printed. The cost that a scenario adds to another one is measured in the same way: both on the
//! same server in the same round. [`scenario`] describes the requests, [`peer`] the servers, [`measure`]
//! runs the rounds, [`load`] sends the requests, [`background`] keeps other connections open meanwhile, [`usage`] reads
//! the CPU time and memory, and [`report`] prints the tables.

mod args;
mod background;
mod files;
mod load;
mod measure;
mod nginx;
mod peer;
mod report;
mod scenario;
mod usage;

use std::process::ExitCode;

use anyhow::ensure;

use crate::ui;
use crate::workspace::Workspace;
pub(crate) use args::Args;
use files::Files;
use measure::Bench;
use peer::{Builds, PEERS, Peer};
use scenario::SCENARIOS;

pub(crate) fn run(workspace: &Workspace, args: &Args) -> anyhow::Result<ExitCode> {
    ensure!(
        cfg!(target_os = "linux"),
        "the bench reads /proc and its limit is an epoll loop: it needs Linux"
    );
    load::find()?;
    usage::raise_open_files();
    let scenarios: Vec<_> = SCENARIOS.iter().filter(|s| args.wants_scenario(s)).collect();
    let (seconds, rounds) = if args.quick { (1, args.rounds.min(3)) } else { (2, args.rounds) };

    let builds = Builds { workspace, profile: &args.profile, before: args.before.as_deref() };
    let build = |peer: &'static Peer| {
        let built = peer.build(builds, &scenarios).map_err(|error| format!("{error:#}"));
        (peer, built)
    };
    let peers: Vec<_> = PEERS.iter().filter(|p| args.wants_peer(p)).map(build).collect();
    let files = Files::create()?;
    load::write_script(&files)?;
    let bench = Bench { builds, files: &files, seconds, rounds };
    let mut rows = Vec::new();
    for scenario in &scenarios {
        ui::print(&format!("{:<15} {}\n", scenario.name, scenario.about));
        rows.push(bench.measure(scenario, &peers));
    }
    let names: Vec<_> = peers.iter().map(|(peer, _)| peer.name).collect();
    let count = if rounds == 1 { "1 round".to_string() } else { format!("{rounds} rounds") };
    ui::print(&format!("\n{count} of {seconds} s each\n"));
    if args.profile != args::RELEASE {
        let warning = "`final` was built with the profile fast-build: compare it only with another such build";
        ui::print(&format!("{}\n", ui::paint(ui::NOTE, warning)));
    }
    ui::print(&report::tables(&names, &rows));
    Ok(ExitCode::SUCCESS)
}
