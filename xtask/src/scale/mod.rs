//! `cargo xtask scale`: runs several replicas of `final` behind a load balancer, and shows which requests are lost when
//! a replica is killed, restarted or replaced. The crate `scale` runs the experiments; this command builds the server
//! and prints.

mod report;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, ensure};
use clap::builder::PossibleValuesParser;
use scale::{Front, Setup, TOPICS};

use crate::process;
use crate::ui;
use crate::workspace::Workspace;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// The load balancer [default: the first that is installed]
    #[arg(long, value_name = "PROGRAM", value_parser = PossibleValuesParser::new(Front::ALL.map(Front::program)))]
    front: Option<String>,
    /// Show only this; repeatable
    #[arg(long, value_name = "TOPIC", value_parser = PossibleValuesParser::new(TOPICS.iter().map(|topic| topic.name)))]
    only: Vec<String>,
    /// Show a limit in Redis, too. The server is built with its feature `redis`
    #[arg(long)]
    redis: bool,
}

pub(crate) fn run(workspace: &Workspace, args: &Args) -> anyhow::Result<ExitCode> {
    // On macOS only 127.0.0.1 exists, and a connection could take the port of a replica during its restart.
    ensure!(cfg!(target_os = "linux"), "this needs the loopback addresses and signals of Linux");
    let front = choose(args.front.as_deref(), |front| front.find().is_some())?;
    let redis = args.redis && scale::find("redis-server").is_some();
    if args.redis && !redis {
        let missing = "redis-server is not installed, so the shared limit is left out: apt install redis-server";
        anstream::eprintln!("{}", ui::paint(ui::NOTE, missing));
    }
    let Some(program) = build(workspace, redis)? else { return Ok(ExitCode::FAILURE) };
    let setup = Setup { program, front, directory: workspace.target().join("scale") };
    ui::print(&report::header(&setup));
    let mut is_expected = true;
    for topic in TOPICS
        .iter()
        .filter(|it| args.only.is_empty() || args.only.iter().any(|name| name == it.name))
    {
        ui::print(&report::topic(topic));
        for demonstration in topic.demonstrations.iter().filter(|it| redis || !it.needs_redis) {
            ui::print(&report::start(demonstration));
            // Without a result, the row ends here.
            let outcome = demonstration.run(&setup).inspect_err(|_| ui::print("\n"))?;
            ui::print(&report::end(demonstration, &outcome));
            is_expected &= outcome.is_wrong == demonstration.is_wrong;
        }
    }
    Ok(process::exit(is_expected))
}

/// The chosen load balancer, or the first that is installed.
fn choose(wanted: Option<&str>, is_installed: impl Fn(Front) -> bool) -> anyhow::Result<Front> {
    let fronts = Front::ALL.into_iter().filter(|it| wanted.is_none_or(|name| name == it.program()));
    let names: Vec<_> = fronts.clone().map(Front::program).collect();
    fronts.into_iter().find(|front| is_installed(*front)).with_context(|| {
        let install = names.iter().map(|name| format!("apt install {name}, brew install {name}"));
        let install = install.collect::<Vec<_>>().join("\n");
        format!("{} is not installed:\n{install}", names.join(" or "))
    })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_load_balancer_is_named_with_how_to_install_it() {
        let only_nginx = |front| front == Front::Nginx;
        assert_eq!(choose(None, |_| true).unwrap(), Front::Haproxy);
        assert_eq!(choose(None, only_nginx).unwrap(), Front::Nginx);
        let error = choose(Some("haproxy"), only_nginx).unwrap_err().to_string();
        assert_eq!(error, "haproxy is not installed:\napt install haproxy, brew install haproxy");
        let error = choose(None, |_| false).unwrap_err().to_string();
        assert!(error.starts_with("haproxy or nginx is not installed:\n"), "{error}");
    }
}
