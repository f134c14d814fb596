//! Replicas, and the load balancer in front of them.

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, ensure};
use wire::{Client, Program, Signal, request};

use crate::front::{self, Front, Retries};
use crate::process::{self, LONG, new_host, wait_until};

/// The number of replicas behind the load balancer.
pub const REPLICAS: usize = 3;

/// The inputs of all runs.
#[derive(Debug, Clone)]
pub struct Setup {
    /// The program of the server.
    pub program: PathBuf,
    /// The load balancer.
    pub front: Front,
    /// The parent directory of the configurations: each demonstration gets a subdirectory.
    pub directory: PathBuf,
}

/// A running deployment. Dropping it ends the processes.
pub(crate) struct Deployment<'a> {
    setup: &'a Setup,
    options: &'a [&'a str],
    pub(crate) front: Program,
    /// The replicas, also those that have ended.
    pub(crate) replicas: Vec<Program>,
}

impl<'a> Deployment<'a> {
    /// Starts the replicas with these options, and the load balancer.
    pub(crate) fn start(
        setup: &'a Setup,
        retries: Retries,
        options: &'a [&'a str],
    ) -> anyhow::Result<Self> {
        let start = |_| start_ready(setup, SocketAddr::new(new_host(), 0), options);
        let replicas = (0..REPLICAS).map(start).collect::<anyhow::Result<Vec<_>>>()?;
        let addresses: Vec<_> = replicas.iter().map(Program::addr).collect();
        let configuration = |listen| match setup.front {
            Front::Haproxy => front::haproxy(listen, &addresses, retries),
            Front::Nginx => front::nginx(listen, &addresses, retries),
        };
        let front = setup.front.start(&setup.directory, new_host(), configuration)?;
        Ok(Deployment { setup, options, front, replicas })
    }

    /// Stops replicas gracefully, all at the same time, and waits for their end.
    pub(crate) fn stop(&self, numbers: &[usize]) -> anyhow::Result<()> {
        for number in numbers {
            self.replicas[*number].signal(Signal::Terminate)?;
        }
        for number in numbers {
            self.replicas[*number].wait(LONG)?;
        }
        Ok(())
    }

    /// Starts a replica again at its address, and waits until it is ready.
    pub(crate) fn start_again(&mut self, number: usize) -> anyhow::Result<()> {
        let address = self.replicas[number].addr();
        self.replicas[number] = start_ready(self.setup, address, self.options)?;
        Ok(())
    }

    /// Starts a bad release, which cannot find its files: it listens and responds with 404, and its readiness probe
    /// fails. Its directory is deleted after the start.
    pub(crate) fn start_bad(&self, address: SocketAddr) -> anyhow::Result<Program> {
        let root = tempfile::tempdir_in(&self.setup.directory)?;
        let path = root.path().to_str().context("the directory is not UTF-8")?;
        let bad = start_replica(self.setup, address, &["--files-only", "--root", path])?;
        fs::remove_dir(root.path())?;
        Ok(bad)
    }

    /// How often the replicas have carried out a POST to `/counter`, in total.
    pub(crate) fn carried_out(&self) -> anyhow::Result<u64> {
        let mut sum = 0;
        for replica in &self.replicas {
            let mut client = Client::connect(replica.addr())?;
            let reply = client.ask(request("POST", "/counter", &[], b""))?;
            let count = reply.json()?["count"].as_u64().context("a count")?;
            // Do not count this request itself.
            sum += count - 1;
        }
        Ok(sum)
    }
}

/// Starts a replica, and waits until it listens.
fn start_replica(setup: &Setup, address: SocketAddr, options: &[&str]) -> anyhow::Result<Program> {
    let mut command = process::command(&setup.program);
    command.args(["--addr", &address.to_string(), "--log", "off"]).args(options);
    Program::start_command(command).with_context(|| format!("a replica at {address}"))
}

/// Starts a replica, and waits until it is ready.
fn start_ready(setup: &Setup, address: SocketAddr, options: &[&str]) -> anyhow::Result<Program> {
    let replica = start_replica(setup, address, options)?;
    let address = replica.addr();
    wait_until(&format!("{address} to be ready"), || Ok(is_ready(address)))?;
    Ok(replica)
}

/// Whether the readiness probe of a replica passes.
pub(crate) fn is_ready(address: SocketAddr) -> bool {
    wire::get(address, "/health/ready").is_ok_and(|reply| reply.status == 200)
}

/// Sends the program a signal: `STOP` pauses it without notifying it, `CONT` lets it continue, and `KILL` ends it. A
/// shell does it, because Windows has no signals, and this must compile there.
pub(crate) fn signal(program: &Program, name: &str) -> anyhow::Result<()> {
    let kill = format!("kill -s {name} {}", program.pid());
    let status = Command::new("sh").args(["-c", &kill]).status()?;
    ensure!(status.success(), "`{kill}` failed");
    Ok(())
}
