//! `cargo xtask scale`: runs several replicas of `final` behind a load balancer, and shows which requests are lost when
//! a replica is killed, restarted or replaced. The crate `scale` runs the experiments; this command builds the server
//! and prints.

mod report;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context, bail, ensure};
use scale::{Demonstration, Front, Interrupt, Interrupted, Outcome, Setup, Topic, demonstrations};

use crate::process;
use crate::ui;
use crate::workspace::Workspace;

/// The exit code with which a shell reports a program that Ctrl-C has ended.
const INTERRUPTED: u8 = 130;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// The load balancer: haproxy or nginx [default: the first that is installed]
    #[arg(long, value_name = "PROGRAM", value_parser = parse_front)]
    front: Option<Front>,
    /// Show only this: limit, killed, rolling, release or idle; repeatable
    #[arg(long, value_name = "TOPIC", value_parser = parse_topic)]
    only: Vec<Topic>,
    /// How often each is shown; the requests are added up
    #[arg(long, value_name = "COUNT", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=1000))]
    rounds: u16,
    /// The number of replicas
    #[arg(long, value_name = "COUNT", default_value_t = 3, value_parser = clap::value_parser!(u8).range(2..=9))]
    replicas: u8,
    /// Show a limit in Redis, too. The server is built with its feature `redis`
    #[arg(long)]
    redis: bool,
    /// Write the configurations and the error messages of the load balancer to this directory, and keep them
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
    /// Report in JSON, one line per result, for other programs
    #[arg(long)]
    json: bool,
}

fn parse_front(name: &str) -> Result<Front, String> {
    let found = Front::ALL.into_iter().find(|front| front.program() == name);
    found.ok_or_else(|| format!("there are {}", Front::ALL.map(Front::program).join(" and ")))
}

fn parse_topic(name: &str) -> Result<Topic, String> {
    let found = Topic::ALL.into_iter().find(|topic| topic.name() == name);
    found.ok_or_else(|| format!("there are {}", Topic::ALL.map(Topic::name).join(", ")))
}

pub(crate) fn run(workspace: &Workspace, args: &Args) -> anyhow::Result<ExitCode> {
    // On macOS only 127.0.0.1 exists, and a connection could take the port of a replica during its restart.
    ensure!(cfg!(target_os = "linux"), "this needs the loopback addresses and signals of Linux");
    let front = choose(args.front, |front| front.find().is_some())?;
    let redis = args.redis && scale::redis::find().is_some();
    if args.redis && !redis {
        let missing = "redis-server is not installed, so the shared limit is left out: apt install redis-server";
        anstream::eprintln!("{}", ui::paint(ui::NOTE, missing));
    }
    let Some(built) = build(workspace, redis)? else { return Ok(ExitCode::FAILURE) };
    let interrupt = Interrupt::on_signals()?;
    let temporary = tempfile::tempdir().context("no directory for temporary files")?;
    // A concurrent build may replace the program.
    let program = temporary.path().join("httpserver");
    let cannot = || format!("cannot copy {} to {}", built.display(), program.display());
    fs::copy(&built, &program).with_context(cannot)?;
    // The load balancers have their own working directory.
    let directory = match &args.keep {
        Some(directory) => std::path::absolute(directory)?,
        None => temporary.path().join("files"),
    };
    let replicas = args.replicas;
    let setup = Setup { program, front, replicas, directory, interrupt };
    match show(&setup, args, redis) {
        // The processes ended because of the signal, so their failures are not reported.
        Err(_) if setup.interrupt.has_arrived() => {
            anstream::eprintln!("{Interrupted}: all processes have ended");
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

/// Builds the server, and returns its program. A debug build is enough: it loses the same requests, and often exists
/// already.
fn build(workspace: &Workspace, redis: bool) -> anyhow::Result<Option<PathBuf>> {
    // The dependencies are already built with the features of the whole workspace.
    let build = ["build", "--workspace", "--bin", "httpserver"];
    let mut command = process::cargo_in(workspace, &build);
    command.args(if redis { &["--features", "final/redis"][..] } else { &[] });
    let built = process::build(&mut command, false)?.ok();
    built.map(|messages| process::executable(&messages, "bin", "httpserver")).transpose()
}

/// Shows all requested demonstrations. Returns whether all results are as expected.
fn show(setup: &Setup, args: &Args, redis: bool) -> anyhow::Result<bool> {
    if !args.json {
        let version = version(setup.front).unwrap_or_else(|| setup.front.program().to_string());
        ui::print(&report::header(&version, setup.replicas, args.keep.as_deref()));
    }
    let mut is_expected = true;
    for topic in Topic::ALL {
        if !args.only.is_empty() && !args.only.contains(&topic) {
            continue;
        }
        if !args.json {
            ui::print(&report::topic(topic));
        }
        for demonstration in demonstrations(redis).into_iter().filter(|it| it.topic == topic) {
            is_expected &= show_one(setup, args, &demonstration)?;
        }
    }
    Ok(is_expected)
}

/// Runs a demonstration the requested number of times, and prints the result.
fn show_one(setup: &Setup, args: &Args, demonstration: &Demonstration) -> anyhow::Result<bool> {
    if !args.json {
        ui::print(&report::start(demonstration));
    }
    let mut outcomes: Vec<Outcome> = Vec::new();
    for round in 1..=args.rounds {
        let outcome = demonstration.run(setup).inspect_err(|_| {
            if !args.json {
                ui::print("\n"); // the row ends without a result
            }
        })?;
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
    fn an_unknown_name_is_an_error_that_lists_the_known_ones() {
        assert_eq!(parse_front("nginx"), Ok(Front::Nginx));
        assert_eq!(parse_front("envoy"), Err("there are haproxy and nginx".to_string()));
        assert_eq!(parse_topic("idle"), Ok(Topic::Idle));
        let error = "there are limit, killed, rolling, release, idle".to_string();
        assert_eq!(parse_topic("all"), Err(error));
    }
}
