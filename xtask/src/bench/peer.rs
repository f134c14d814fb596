//! The servers: how each is built, started and stopped.

use std::fs;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use wire::{Program, Signal};

use super::files::Files;
use super::nginx;
use super::scenario::Scenario;
use crate::process;
use crate::ui;
use crate::workspace::Workspace;

/// How long a server may take to start listening, or to exit.
const TIMEOUT: Duration = Duration::from_secs(5);

/// A server.
#[derive(Debug)]
pub(crate) struct Peer {
    /// The name of its column.
    pub name: &'static str,
    kind: Kind,
    /// The scenarios that it cannot run, with the reason.
    cannot: &'static [(&'static [&'static str], &'static str)],
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
            (&["access-log"], "it writes no log"),
            (&["mix", "mix-blocking"], "it has no handlers"),
        ],
    },
    Peer { name: "before", kind: Kind::Before, cannot: &[] },
    Peer { name: "final", kind: Kind::Final, cannot: &[] },
    Peer {
        name: "nginx",
        kind: Kind::Nginx,
        cannot: &[(&["mix", "mix-blocking"], "it has no handlers that sleep")],
    },
    Peer { name: "axum", kind: Kind::Package("axum_peer"), cannot: ASYNCHRONOUS },
    Peer { name: "actix-web", kind: Kind::Package("actix_peer"), cannot: ASYNCHRONOUS },
    Peer {
        name: "may_minihttp",
        kind: Kind::Package("may_peer"),
        cannot: &[
            (&["static-1k", "static-100k", "static-10m"], "it serves no files"),
            (&["new-connection"], "it ignores `Connection: close`"),
            (&["access-log"], "it writes no log"),
            (&["mix", "mix-blocking"], "it has no threads for handlers that block"),
        ],
    },
];

/// Servers whose handlers run on the threads of the event loop.
const ASYNCHRONOUS: &[(&[&str], &str)] = &[
    (&["access-log"], "it has no access log of its own"),
    (&["mix"], "its handlers must announce blocking work: see mix-blocking"),
];

impl Peer {
    pub(crate) fn is_limit(&self) -> bool {
        self.name == "limit"
    }

    pub(crate) fn is_before(&self) -> bool {
        self.kind == Kind::Before
    }

    /// Why this server cannot run a scenario.
    fn cannot(&self, scenario: &Scenario) -> Option<&'static str> {
        if scenario.demonstration && self.kind != Kind::Final {
            return Some("it is the program of `final`");
        }
        if scenario.routes > 0 && matches!(self.kind, Kind::Package(_) | Kind::Nginx) {
            return Some("it has only the routes of the other scenarios");
        }
        let found = self.cannot.iter().find(|(names, _)| names.contains(&scenario.name));
        found.map(|(_, reason)| *reason)
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
        if let Some(reason) = self.cannot(scenario) {
            bail!(reason);
        }
        // Some servers do not print which port they got for port 0, so we choose one.
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let command = self.command(builds, files, scenario, address)?;
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

    fn command(
        &self,
        builds: Builds,
        files: &Files,
        scenario: &Scenario,
        address: SocketAddr,
    ) -> anyhow::Result<Command> {
        let log = files.log(self.name);
        let program = match self.kind {
            Kind::Nginx => {
                let file = files.path().join(format!("nginx-{}.conf", address.port()));
                fs::write(&file, nginx::configuration(files, address, scenario))?;
                let mut command = announced(address, &log, Path::new("nginx"));
                command.arg("-p").arg(files.path()).arg("-c").arg(file).args(["-e", "stderr"]);
                return Ok(command);
            }
            // With the settings that it has by default, but as in all scenarios, a connection may be used for any
            // number of requests.
            Kind::Final if scenario.demonstration => {
                let mut command = announced(address, &log, &builds.of_final("httpserver"));
                command.args(["--addr", &address.to_string(), "--max-requests", "4294967295"]);
                return Ok(command);
            }
            Kind::Final => builds.of_final("examples/bench"),
            Kind::Before => builds.before.context("`--before` names no program")?.to_owned(),
            Kind::Package(name) => builds.target_of_peers().join("release").join(name),
        };
        let mut command = Command::new(program);
        command.arg(address.to_string()).arg(files.public()).arg(scenario.path);
        command.env("BENCH_ROUTES", scenario.routes.to_string());
        if scenario.logs {
            command.env("BENCH_LOG", log);
        }
        if scenario.closes() {
            command.env("LIMIT_CLOSE", "1");
        }
        Ok(command)
    }
}

/// Starts a program that does not print where it listens, so a shell does. The program's output goes to a file, because
/// a reader of a pipe would take CPU time from the server.
fn announced(address: SocketAddr, output: &Path, program: &Path) -> Command {
    let mut command = Command::new("sh");
    command
        .args(["-c", r#"echo "listening on http://$0"; output=$1; shift; exec "$@" >>"$output""#]);
    command.arg(address.to_string()).arg(output).arg(program);
    command
}

#[cfg(test)]
mod tests {
    use super::super::scenario::SCENARIOS;
    use super::*;

    #[test]
    fn a_peer_that_cannot_run_a_scenario_has_a_reason() {
        for (name, reason) in PEERS.iter().flat_map(|peer| peer.cannot) {
            for name in *name {
                assert!(
                    SCENARIOS.iter().any(|scenario| scenario.name == *name),
                    "{name}: {reason}"
                );
            }
        }
        let peer = |name| PEERS.iter().find(|peer| peer.name == name).unwrap();
        let reasons = |name| SCENARIOS.iter().filter_map(|it| peer(name).cannot(it)).count();
        // The demonstration, and the scenarios with many routes.
        assert_eq!((reasons("final"), reasons("before"), reasons("nginx")), (0, 1, 5));
    }

    #[test]
    fn the_limit_comes_first() {
        assert!(PEERS[0].is_limit());
    }
}
