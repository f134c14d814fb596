//! Replicas, the load balancer in front of them, and the clients that send requests continuously.

use std::ffi::OsStr;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use wire::{Client, Program, Signal, request};

use crate::configuration::{self, Retries};
use crate::front::{Front, Proxy};
use crate::load::{Counts, Load};
use crate::process::{self, address, new_block, wait_until};

/// How long a stopping replica still accepts connections. It is longer than `HAProxy` needs to detect that the replica
/// is not ready: three probes, one every 100 ms.
const STOP_DELAY: [&str; 2] = ["--stop-delay", "1s"];

/// The number of requests that must end before the next step: about ten for each client.
const SEVERAL: u64 = 240;

/// The offset of the first replica's address within a block of addresses.
const FIRST_REPLICA: u8 = 4;

/// The number of replicas behind the load balancer.
pub const REPLICAS: u8 = 3;

/// The inputs of all runs.
#[derive(Debug, Clone)]
pub struct Setup {
    /// The program of the server.
    pub program: PathBuf,
    /// The load balancer.
    pub front: Front,
    /// The parent directory of configurations and error messages: each demonstration gets a subdirectory.
    pub directory: PathBuf,
}

impl Setup {
    /// Creates the directory of a demonstration.
    pub(crate) fn subdirectory(&self, name: &str) -> anyhow::Result<PathBuf> {
        let directory = self.directory.join(name);
        let cannot = || format!("cannot create {}", directory.display());
        fs::create_dir_all(&directory).with_context(cannot)?;
        Ok(directory)
    }
}

/// A running deployment. Dropping it ends the clients first, then the processes.
pub(crate) struct Deployment {
    program: PathBuf,
    load: Option<Load>,
    proxy: Proxy,
    /// The replicas, without those that have been killed or have ended.
    replicas: Vec<Option<Program>>,
    /// The addresses of the replicas, even while they do not run.
    pub(crate) addresses: Vec<SocketAddr>,
    options: Vec<String>,
    /// An address for an additional replica, unknown to the load balancer.
    pub(crate) spare_address: SocketAddr,
    /// The directory of this deployment, for its configuration and other files.
    pub(crate) directory: PathBuf,
}

impl Deployment {
    /// Starts the replicas with a stop delay, the load balancer, and the clients.
    pub(crate) fn under_load(setup: &Setup, name: &str, retries: Retries) -> anyhow::Result<Self> {
        Deployment::start(setup, name, retries, &STOP_DELAY)?.with_load()
    }

    /// Starts the replicas with these options, and the load balancer.
    pub(crate) fn start(
        setup: &Setup,
        name: &str,
        retries: Retries,
        options: &[&str],
    ) -> anyhow::Result<Self> {
        let directory = setup.subdirectory(name)?;
        let block = new_block();
        let mut replicas = Vec::new();
        for number in 0..REPLICAS {
            let address = address(block, FIRST_REPLICA + number);
            replicas.push(Some(start_replica(&setup.program, address, options)?));
        }
        let addresses: Vec<_> = replicas.iter().flatten().map(Program::addr).collect();
        for address in &addresses {
            wait_until_ready(*address)?;
        }
        let configuration = |listen| match setup.front {
            Front::Haproxy => configuration::haproxy(listen, &addresses, retries),
            Front::Nginx => configuration::nginx(&directory, listen, &addresses, retries),
        };
        let host = address(block, 1).ip();
        let proxy = Proxy::start(setup.front, &directory, host, configuration)?;
        Ok(Deployment {
            program: setup.program.clone(),
            load: None,
            proxy,
            replicas,
            addresses,
            options: options.iter().map(ToString::to_string).collect(),
            spare_address: address(block, FIRST_REPLICA + REPLICAS),
            directory,
        })
    }

    /// Starts the clients, and waits for several responses.
    pub(crate) fn with_load(mut self) -> anyhow::Result<Self> {
        self.load = Some(Load::start(self.front())?);
        self.several_more()?;
        Ok(self)
    }

    /// The address of the load balancer.
    pub(crate) fn front(&self) -> SocketAddr {
        self.proxy.address()
    }

    /// The numbers of the replicas.
    pub(crate) fn numbers(&self) -> std::ops::Range<usize> {
        0..self.replicas.len()
    }

    /// Waits until several more requests have ended, successfully or not.
    pub(crate) fn several_more(&self) -> anyhow::Result<()> {
        let ended = || self.load.as_ref().map(Load::ended).unwrap_or_default();
        let enough = ended() + SEVERAL;
        wait_until("the clients' requests", || Ok(ended() >= enough))
    }

    /// Kills a replica with SIGKILL.
    pub(crate) fn kill(&mut self, number: usize) {
        self.replicas[number] = None;
    }

    /// Begins the graceful shutdown of a replica.
    pub(crate) fn terminate(&self, number: usize) -> anyhow::Result<()> {
        Ok(self.replica(number)?.signal(Signal::Terminate)?)
    }

    /// Waits for the end of a replica.
    pub(crate) fn wait_until_ended(&mut self, number: usize) -> anyhow::Result<()> {
        let replica = self.replica(number)?;
        wait_until("a replica to end", || Ok(replica.wait(Duration::ZERO).is_ok()))?;
        self.replicas[number] = None;
        Ok(())
    }

    /// Stops a replica gracefully, and waits for its end.
    pub(crate) fn stop(&mut self, number: usize) -> anyhow::Result<()> {
        self.terminate(number)?;
        self.wait_until_ended(number)
    }

    /// Starts a replica again at its address, and waits until it is ready.
    pub(crate) fn start_again(&mut self, number: usize) -> anyhow::Result<()> {
        let address = self.addresses[number];
        self.replicas[number] = Some(start_replica(&self.program, address, &self.options)?);
        wait_until_ready(address)
    }

    /// Starts a bad release, which cannot find its files: it listens and responds with 404, and its readiness probe
    /// fails. Its directory is deleted after the start.
    pub(crate) fn start_bad(&self, address: SocketAddr) -> anyhow::Result<Program> {
        let root = tempfile::tempdir_in(&self.directory)?;
        let path = root.path().to_str().context("the directory is not UTF-8")?;
        let bad = start_replica(&self.program, address, &["--files-only", "--root", path])?;
        fs::remove_dir(root.path())?;
        Ok(bad)
    }

    /// Replaces a replica that has ended.
    pub(crate) fn replace(&mut self, number: usize, replica: Program) {
        self.replicas[number] = Some(replica);
    }

    /// Pauses a replica, or lets it continue.
    pub(crate) fn pause(&self, number: usize, pauses: bool) -> anyhow::Result<()> {
        pause(self.replica(number)?.pid(), pauses)
    }

    /// Pauses the load balancer, or lets it continue.
    pub(crate) fn pause_front(&self, pauses: bool) -> anyhow::Result<()> {
        pause(self.proxy.pid(), pauses)
    }

    /// Stops the clients, and returns the results of their requests.
    pub(crate) fn finish_load(&mut self) -> Counts {
        self.load.take().map(Load::finish).unwrap_or_default()
    }

    /// How often the replicas have carried out a POST to `/counter`, in total.
    pub(crate) fn carried_out(&self) -> anyhow::Result<u64> {
        let mut sum = 0;
        for address in &self.addresses {
            let reply = Client::connect(*address)?.ask(request("POST", "/counter", &[], b""))?;
            let count = reply.json()?["count"].as_u64().context("a count")?;
            // Do not count this request itself.
            sum += count - 1;
        }
        Ok(sum)
    }

    fn replica(&self, number: usize) -> anyhow::Result<&Program> {
        self.replicas[number].as_ref().context("this replica does not run")
    }
}

/// Starts a replica, and waits until it listens.
fn start_replica(
    program: &Path,
    address: SocketAddr,
    options: &[impl AsRef<OsStr>],
) -> anyhow::Result<Program> {
    let mut command = process::command(program);
    command.args(["--addr", &address.to_string(), "--log", "off"]).args(options);
    Program::start_command(command).with_context(|| format!("a replica at {address}"))
}

/// Whether the readiness probe of a replica passes.
pub(crate) fn is_ready(address: SocketAddr) -> bool {
    wire::get(address, "/health/ready").is_ok_and(|reply| reply.status == 200)
}

fn wait_until_ready(address: SocketAddr) -> anyhow::Result<()> {
    wait_until(&format!("{address} to be ready"), || Ok(is_ready(address)))
}

/// Pauses a process without notifying it (SIGSTOP), or lets it continue (SIGCONT).
#[cfg(unix)]
fn pause(pid: u32, pauses: bool) -> anyhow::Result<()> {
    use rustix::process::{Pid, Signal, kill_process};
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw).context("no process id")?;
    Ok(kill_process(pid, if pauses { Signal::STOP } else { Signal::CONT })?)
}

#[cfg(not(unix))]
fn pause(_: u32, _: bool) -> anyhow::Result<()> {
    anyhow::bail!("this system has no signals")
}
