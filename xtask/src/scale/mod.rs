//! `cargo xtask scale`: several replicas of `final` behind a load balancer, and which requests are lost when one of
//! them is killed, restarted or replaced. The crate `scale` does it; this command builds the server and prints.

mod report;

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use anyhow::{Context, bail, ensure};
use clap::ValueEnum;
use scale::{Demonstration, Front, Interrupt, Interrupted, Outcome, Setup, Topic, demonstrations};

use crate::check::build::executable;
use crate::process;
use crate::ui;
use crate::workspace::Workspace;

/// The exit code of a program that Ctrl-C has ended, as a shell reports it.
const INTERRUPTED: u8 = 130;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// The load balancer [default: haproxy, or nginx if only that is installed]
    #[arg(long, value_enum, value_name = "PROGRAM")]
    front: Option<FrontArg>,
    /// Show only this: limit, killed, rolling, release or idle; repeatable
    #[arg(long, value_enum, value_name = "TOPIC", hide_possible_values = true)]
    only: Vec<TopicArg>,
    /// How often each is shown; the requests are added up
    #[arg(long, value_name = "COUNT", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=1000))]
    rounds: u16,
    /// The number of replicas
    #[arg(long, value_name = "COUNT", default_value_t = 3, value_parser = clap::value_parser!(u8).range(2..=9))]
    replicas: u8,
    /// Write the configurations and the error messages of the load balancer to this directory, and keep them
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
    /// Report in JSON, one line per result, for other programs
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum FrontArg {
    Haproxy,
    Nginx,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum TopicArg {
    Limit,
    Killed,
    Rolling,
    Release,
    Idle,
}

impl From<FrontArg> for Front {
    fn from(front: FrontArg) -> Front {
        match front {
            FrontArg::Haproxy => Front::Haproxy,
            FrontArg::Nginx => Front::Nginx,
        }
    }
}

impl From<TopicArg> for Topic {
    fn from(topic: TopicArg) -> Topic {
        match topic {
            TopicArg::Limit => Topic::Limit,
            TopicArg::Killed => Topic::Killed,
            TopicArg::Rolling => Topic::Rolling,
            TopicArg::Release => Topic::Release,
            TopicArg::Idle => Topic::Idle,
        }
    }
}

pub(crate) fn run(workspace: &Workspace, args: &Args) -> anyhow::Result<ExitCode> {
    // On macOS only 127.0.0.1 is there, and a connection could take the port of a replica while that is restarted.
    ensure!(cfg!(target_os = "linux"), "this needs the loopback addresses and signals of Linux");
    let front = choose(args.front.map(Front::from), |front| front.find().is_some())?;
    let Some(built) = build(workspace)? else { return Ok(ExitCode::FAILURE) };
    let interrupt = Interrupt::on_signals()?;
    let temporary = tempfile::tempdir().context("no directory for temporary files")?;
    // A build beside this run replaces the program.
    let program = temporary.path().join("httpserver");
    fs::copy(&built, &program).with_context(|| format!("cannot copy {}", built.display()))?;
    let directory = args.keep.clone().unwrap_or_else(|| temporary.path().join("files"));
    let replicas = args.replicas;
    let setup = Setup { program, front, replicas, directory, interrupt };
    match show(&setup, args) {
        // What the signal did to the processes is not the reason.
        Err(_) if setup.interrupt.has_come() => {
            ui::print(&format!("\n{Interrupted}: all processes have ended\n"));
            Ok(ExitCode::from(INTERRUPTED))
        }
        Ok(true) => Ok(ExitCode::SUCCESS),
        Ok(false) => Ok(ExitCode::FAILURE),
        Err(error) => Err(error),
    }
}

/// The chosen load balancer, or the first that is installed.
fn choose(wanted: Option<Front>, is_installed: impl Fn(Front) -> bool) -> anyhow::Result<Front> {
    match wanted {
        Some(front) if is_installed(front) => Ok(front),
        Some(front) => bail!("{}", missing(front)),
        None => match Front::ALL.into_iter().find(|front| is_installed(*front)) {
            Some(front) => Ok(front),
            None => bail!("{}\n{}", missing(Front::ALL[0]), missing(Front::ALL[1])),
        },
    }
}

/// How to install a load balancer.
fn missing(front: Front) -> String {
    let name = front.program();
    let package = match front {
        Front::Haproxy => "haproxy",
        Front::Nginx => "nginx-light",
    };
    format!("{name} is not installed: apt install {package}, brew install {name}")
}

/// Builds the server, and returns its program. The debug build loses the same requests, and is often there already.
fn build(workspace: &Workspace) -> anyhow::Result<Option<PathBuf>> {
    let mut command = process::cargo();
    command
        .args(["build", "--message-format", "json-render-diagnostics"])
        // Dependencies with the features that the workspace as a whole asks for are built already.
        .args(["--workspace", "--bin", "httpserver"])
        .current_dir(workspace.root())
        .stdin(Stdio::null())
        .stdout(Stdio::piped());
    let mut child = command.spawn().context("cargo cannot be started")?;
    let mut messages = String::new();
    if let Some(mut pipe) = child.stdout.take() {
        pipe.read_to_string(&mut messages)?;
    }
    if !child.wait()?.success() {
        return Ok(None);
    }
    executable(&messages, "bin", "httpserver").context("cargo built no httpserver").map(Some)
}

/// Shows everything that was asked for. Returns whether all results are as expected.
fn show(setup: &Setup, args: &Args) -> anyhow::Result<bool> {
    if !args.json {
        let version = version(setup.front).unwrap_or_else(|| setup.front.program().to_string());
        ui::print(&report::header(&version, setup.replicas, args.keep.as_deref()));
    }
    let topics: Vec<Topic> = match args.only.as_slice() {
        [] => Topic::ALL.to_vec(),
        only => only.iter().copied().map(Topic::from).collect(),
    };
    let mut is_expected = true;
    for topic in topics {
        if !args.json {
            ui::print(&report::topic(topic));
        }
        for demonstration in demonstrations().into_iter().filter(|it| it.topic == topic) {
            is_expected &= show_one(setup, args, &demonstration)?;
        }
    }
    Ok(is_expected)
}

/// Runs a demonstration as often as was asked for, and prints the result.
fn show_one(setup: &Setup, args: &Args, demonstration: &Demonstration) -> anyhow::Result<bool> {
    if !args.json {
        ui::print(&report::start(demonstration));
    }
    let mut outcomes: Vec<Outcome> = Vec::new();
    for round in 1..=args.rounds {
        let outcome = demonstration.run(setup)?;
        if args.json {
            let line = report::json(setup.front, round, demonstration, &outcome);
            ui::print(&format!("{line}\n"));
        }
        outcomes.push(outcome);
    }
    if !args.json {
        ui::print(&report::end(demonstration, &outcomes));
    }
    Ok(outcomes.iter().all(|outcome| outcome.is_expected))
}

/// The name and version of the load balancer, such as `HAProxy 2.6.12`.
fn version(front: Front) -> Option<String> {
    let path: PathBuf = front.find()?;
    let finished = process::captured(Command::new(Path::new(&path)).arg("-v")).ok()?;
    report::version(front, finished.output.lines().next()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_load_balancer_is_named_with_how_to_install_it() {
        let only_nginx = |front| front == Front::Nginx;
        assert_eq!(choose(None, |_| true).unwrap(), Front::Haproxy);
        assert_eq!(choose(None, only_nginx).unwrap(), Front::Nginx);
        let error = choose(Some(Front::Haproxy), only_nginx).unwrap_err().to_string();
        assert_eq!(error, "haproxy is not installed: apt install haproxy, brew install haproxy");
        let error = choose(None, |_| false).unwrap_err().to_string();
        assert!(error.contains("haproxy is not installed"), "{error}");
        assert!(error.contains("nginx is not installed: apt install nginx-light"), "{error}");
    }

    #[test]
    fn every_topic_can_be_chosen() {
        let chosen: Vec<Topic> =
            TopicArg::value_variants().iter().copied().map(Topic::from).collect();
        assert_eq!(chosen, Topic::ALL);
        let names: Vec<String> = TopicArg::value_variants()
            .iter()
            .filter_map(|it| it.to_possible_value())
            .map(|it| it.get_name().to_string())
            .collect();
        assert_eq!(names, Topic::ALL.map(Topic::name));
    }
}
