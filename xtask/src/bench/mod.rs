//! `cargo xtask bench`: final beside its peers, on this machine, in interleaved rounds.
//!
//! A number by itself says nothing: the machine is warm or cold, and something else runs. So all servers are
//! asked in turns, several times, and what is told are ratios of medians.

mod load;
mod peer;
mod report;

use std::fs;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, bail};

use crate::ui;
use crate::workspace::Workspace;
use load::Load;
use peer::Peer;
use report::{Measured, Report};

#[derive(clap::Args)]
pub(crate) struct Args {
    /// How often everything is measured; the median counts
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Seconds for each measurement
    #[arg(long, default_value_t = 3)]
    seconds: u64,
    /// Only scenarios whose name has this in it
    #[arg(long)]
    scenario: Option<String>,
    /// Three rounds of one second: whether it works, not how fast it is
    #[arg(long)]
    quick: bool,
}

/// What is asked of all servers.
struct Scenario {
    name: &'static str,
    path: &'static str,
    connections: usize,
    /// Requests that are sent without waiting for answers.
    pipelined: usize,
    /// A new connection for each request.
    closes: bool,
}

const fn scenario(name: &'static str, path: &'static str) -> Scenario {
    Scenario { name, path, connections: 64, pipelined: 1, closes: false }
}

const SCENARIOS: [Scenario; 9] = [
    scenario("hello, 64 connections", "/"),
    Scenario { connections: 512, ..scenario("hello, 512 connections", "/") },
    Scenario { closes: true, ..scenario("a new connection a request", "/") },
    scenario("route with a parameter", "/json/42"),
    scenario("static 1 KiB", "/static/1k.bin"),
    scenario("static 100 KiB", "/static/100k.bin"),
    Scenario { connections: 8, ..scenario("static 10 MiB", "/static/10m.bin") },
    Scenario { pipelined: 16, ..scenario("pipelined, 16 at once", "/") },
    scenario("gzip of 100 KiB", "/text"),
];

pub(crate) fn run(workspace: &Workspace, args: &Args) -> anyhow::Result<ExitCode> {
    if !cfg!(target_os = "linux") {
        bail!("the bench reads /proc and measures final, which both need Linux");
    }
    let (rounds, seconds) = if args.quick { (3, 1) } else { (args.rounds.max(1), args.seconds) };
    let folder = tempfile::tempdir().context("a folder for the files")?;
    write_files(folder.path())?;
    let (peers, skipped) = peer::start_all(workspace, folder.path())?;
    for reason in &skipped {
        ui::print(&format!("skipped: {reason}\n"));
    }
    let load = Load::find(folder.path(), Duration::from_secs(seconds))?;

    let mut report = Report::new(peers.iter().map(|peer| peer.name).collect());
    let wanted = |scenario: &&Scenario| {
        args.scenario.as_ref().is_none_or(|part| scenario.name.contains(part.as_str()))
    };
    for scenario in SCENARIOS.iter().filter(wanted) {
        let mut measured: Vec<Vec<Measured>> = peers.iter().map(|_| Vec::new()).collect();
        for round in 0..rounds {
            progress(&format!("{}: round {} of {rounds}", scenario.name, round + 1));
            for (peer, results) in peers.iter().zip(&mut measured) {
                if peer.serves(scenario.path) {
                    results.push(measure(&load, peer, scenario)?);
                }
            }
        }
        report.add(scenario.name, &measured);
    }
    progress("");
    for (peer, memory) in peers.iter().map(|peer| (peer, peer.peak_memory())) {
        report.add_memory(peer.name, memory);
    }
    ui::print(&report.to_text());
    Ok(ExitCode::SUCCESS)
}

/// One line that is written again and again, for a person who waits.
fn progress(text: &str) {
    if ui::is_terminal() {
        anstream::eprint!("\r{text:<60}\r");
    }
}

fn measure(load: &Load, peer: &Peer, scenario: &Scenario) -> anyhow::Result<Measured> {
    let before = peer.cpu_time();
    let result = load
        .run(peer.address, scenario)
        .with_context(|| format!("{} at {}", scenario.name, peer.name))?;
    let cpu = peer.cpu_time().saturating_sub(before);
    Ok(Measured {
        requests_per_second: result.requests_per_second,
        p99: result.p99,
        cpu_per_request: cpu.checked_div(result.requests.max(1)).unwrap_or_default(),
    })
}

/// What is served: text that compresses as text does, and bytes.
fn write_files(folder: &std::path::Path) -> anyhow::Result<()> {
    let mut state = 1_u64;
    let mut word = || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        // Few words come often, and many seldom.
        let number = (state >> 33) % 900;
        format!(
            "w{:x}{} ",
            number * number % 977,
            "ing".repeat(usize::from(number.is_multiple_of(7)))
        )
    };
    let mut text = String::new();
    while text.len() < 100 * 1024 {
        text.push_str(&word());
    }
    text.truncate(100 * 1024);
    fs::write(folder.join("text100k.txt"), text)?;
    for (name, size) in [("1k.bin", 1 << 10), ("100k.bin", 100 << 10), ("10m.bin", 10 << 20)] {
        fs::write(folder.join(name), vec![b'x'; size])?;
    }
    Ok(())
}
