//! The servers: how each is built, started and stopped.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use wire::{Program, Signal};

use super::files::Files;
use super::nginx;
use super::scenario::Scenario;
use crate::process;
use crate::ui;
use crate::workspace::Workspace;

/// How long a server may take to start listening, or to exit.
const TIMEOUT: Duration = Duration::from_secs(5);
/// The limit closes the connection after each response when this is set.
const CLOSE: &str = "LIMIT_CLOSE";
/// The number of routes.
const ROUTES: &str = "BENCH_ROUTES";
/// The file of the access log.
const LOG: &str = "BENCH_LOG";

/// A server.
#[derive(Debug)]
pub(crate) struct Peer {
    /// The name of its column.
    pub name: &'static str,
    kind: Kind,
    /// The scenarios that it cannot run, each with the reason.
    cannot: &'static [(fn(&Scenario) -> bool, &'static str)],
}

#[derive(Debug, PartialEq)]
enum Kind {
    /// `final/examples/bench.rs`.
    Final,
    /// An earlier build of it, which `--before` names.
    Before,
    /// A package in `xtask/bench`.
    Package(&'static str),
    /// The installed program.
    Nginx,
}

/// Where programs are built, and how.
#[derive(Clone, Copy)]
pub(crate) struct Builds<'a> {
    pub workspace: &'a Workspace,
    /// The profile for `final`. The peers change only with their versions, so they are always built for release.
    pub profile: &'a str,
    /// An earlier build of `final/examples/bench.rs`.
    pub before: Option<&'a Path>,
}

impl Builds<'_> {
    /// A program of `final`, by its path in the profile's directory.
    fn of_final(&self, path: &str) -> PathBuf {
        self.workspace.target().join(self.profile).join(path)
    }

    /// The peers are built apart from everything else.
    fn target_of_peers(&self) -> PathBuf {
        self.workspace.target().join("bench")
    }
}

/// A running server.
pub(crate) struct Server {
    pub program: Program,
    pub address: SocketAddr,
}

impl Drop for Server {
    /// Killed at once, nginx would leave its workers running.
    fn drop(&mut self) {
        if self.program.signal(Signal::Terminate).is_ok() {
            let _ = self.program.wait(TIMEOUT);
        }
    }
}

/// In the order of the columns.
pub(crate) const PEERS: &[Peer] = &[
    Peer {
        name: "limit",
        kind: Kind::Package("limit"),
        cannot: &[
            (Scenario::is_gzip, "it compresses nothing"),
            (|scenario| scenario.logs, "it writes no log"),
            (Scenario::has_sleepers, "it has no handlers"),
        ],
    },
    Peer { name: "before", kind: Kind::Before, cannot: &[] },
    Peer { name: "final", kind: Kind::Final, cannot: &[] },
    Peer {
        name: "nginx",
        kind: Kind::Nginx,
        cannot: &[(Scenario::has_sleepers, "it has no handlers that sleep")],
    },
    Peer { name: "axum", kind: Kind::Package("axum_peer"), cannot: ASYNCHRONOUS },
    Peer { name: "actix-web", kind: Kind::Package("actix_peer"), cannot: ASYNCHRONOUS },
    Peer {
        name: "may_minihttp",
        kind: Kind::Package("may_peer"),
        cannot: &[
            (Scenario::is_static, "it serves no files"),
            (Scenario::closes, "it ignores `Connection: close`"),
            (|scenario| scenario.logs, "it writes no log"),
            (Scenario::has_sleepers, "it has no threads for handlers that block"),
        ],
    },
];

/// Servers whose handlers run on the threads of the event loop.
const ASYNCHRONOUS: &[(fn(&Scenario) -> bool, &str)] = &[
    (|scenario| scenario.logs, "it has no access log of its own"),
    (
        |scenario| scenario.has_sleepers() && !scenario.announces(),
        "its handlers must announce blocking work: see mix-blocking",
    ),
];

impl Peer {
    pub(crate) fn is_limit(&self) -> bool {
        self.name == "limit"
    }

    pub(crate) fn is_before(&self) -> bool {
        self.kind == Kind::Before
    }

    /// Why this server cannot run a scenario.
    pub(crate) fn cannot(&self, scenario: &Scenario) -> Option<&'static str> {
        if scenario.demonstration && self.kind != Kind::Final {
            return Some("it is the program of `final`");
        }
        if scenario.routes > 0 && matches!(self.kind, Kind::Package(_) | Kind::Nginx) {
            return Some("it has only the routes of the other scenarios");
        }
        self.cannot.iter().find(|(cannot, _)| cannot(scenario)).map(|(_, reason)| *reason)
    }

    /// Builds the programs that the scenarios need, or checks that they are installed.
    pub(crate) fn build(&self, builds: Builds, scenarios: &[&Scenario]) -> anyhow::Result<()> {
        let mut command = process::cargo_in(builds.workspace, &["build", "--quiet"]);
        match self.kind {
            Kind::Final => {
                command.args(["--profile", builds.profile]);
                command.args(["--package", "final", "--example", "bench"]);
                if scenarios.iter().any(|scenario| scenario.demonstration) {
                    command.args(["--bin", "httpserver"]);
                }
            }
            Kind::Package(name) => {
                command.args(["--release", "--manifest-path", "xtask/bench/Cargo.toml"]);
                command.args(["--package", name]);
                command.env("CARGO_TARGET_DIR", builds.target_of_peers());
            }
            Kind::Before => return Ok(()),
            Kind::Nginx => {
                ensure!(process::is_installed("nginx"), "not installed: apt install nginx");
                return Ok(());
            }
        }
        ui::print(&format!("$ {}\n", process::typed(&command)));
        process::succeeds(&mut command, "the build failed")
    }

    /// Starts it, and returns when it is ready for the requests of a scenario.
    pub(crate) fn start(
        &self,
        builds: Builds,
        files: &Files,
        scenario: &Scenario,
    ) -> anyhow::Result<Server> {
        // Some servers do not print which port they got for port 0, so we choose one.
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let mut command = match self.kind {
            Kind::Final if scenario.demonstration => {
                demonstration(&builds.of_final("httpserver"), address, &files.log(self.name))
            }
            Kind::Final => Command::new(builds.of_final("examples/bench")),
            Kind::Before => Command::new(builds.before.context("`--before` names no program")?),
            Kind::Package(name) => {
                Command::new(builds.target_of_peers().join("release").join(name))
            }
            Kind::Nginx => nginx::command(files, address, scenario)?,
        };
        if self.kind != Kind::Nginx && !scenario.demonstration {
            command.arg(address.to_string()).arg(files.public());
            command.env(ROUTES, scenario.routes.to_string());
        }
        if scenario.logs {
            command.env(LOG, files.log(self.name));
        }
        if self.is_limit() {
            command.arg(scenario.path);
            if scenario.closes() {
                command.env(CLOSE, "1");
            }
        }
        let server = Server { program: Program::start_command(command)?, address };
        // nginx prints nothing when it is ready.
        let deadline = Instant::now() + TIMEOUT;
        while TcpStream::connect_timeout(&address, TIMEOUT).is_err() {
            ensure!(
                Instant::now() < deadline,
                "nothing listens on {address} after {TIMEOUT:?}: {}",
                server.program.stderr_so_far()
            );
            thread::sleep(Duration::from_millis(10));
        }
        Ok(server)
    }
}

/// The program of `final`, with the settings that it has by default. Its access log goes to standard output, which is a
/// file here: a reader of a pipe would take CPU time from the server. So a shell prints where it listens. As in all
/// scenarios, a connection may be used for any number of requests.
fn demonstration(program: &Path, address: SocketAddr, log: &Path) -> Command {
    let mut command = Command::new("sh");
    command.args([
        "-c",
        r#"echo "listening on http://$3"; exec "$1" --addr "$3" --max-requests 4294967295 >>"$2""#,
        "demonstration",
    ]);
    command.arg(program).arg(log).arg(address.to_string());
    command
}

#[cfg(test)]
mod tests {
    use super::super::scenario::SCENARIOS;
    use super::*;

    #[test]
    fn a_scenario_that_a_peer_cannot_run_has_a_reason() {
        let reasons = |name: &str| {
            let peer = PEERS.iter().find(|peer| peer.name == name).unwrap();
            SCENARIOS
                .iter()
                .filter(|s| peer.cannot(s).is_some())
                .map(|s| s.name)
                .collect::<Vec<_>>()
        };
        let few_routes = ["routes-10", "routes-1000"];
        assert_eq!(
            reasons("limit"),
            [&["gzip", "access-log", "demonstration"], &few_routes[..], &["mix", "mix-blocking"]]
                .concat()
        );
        assert_eq!(reasons("final"), [""; 0]);
        assert_eq!(reasons("before"), ["demonstration"]);
        assert_eq!(
            reasons("nginx"),
            [&["demonstration"], &few_routes[..], &["mix", "mix-blocking"]].concat()
        );
        assert_eq!(
            reasons("axum"),
            [&["access-log", "demonstration"], &few_routes[..], &["mix"]].concat()
        );
        let no_files = ["static-1k", "static-100k", "static-10m", "access-log", "demonstration"];
        assert_eq!(
            reasons("may_minihttp"),
            [&["new-connection"], &no_files[..], &few_routes, &["mix", "mix-blocking"]].concat()
        );
    }

    #[test]
    fn the_limit_comes_first() {
        assert!(PEERS[0].is_limit());
    }
}
