//! Replicas, the load balancer in front of them, and the clients that send requests continuously.

use std::ffi::{OsStr, OsString};
use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::Context;
use wire::{Client, Program, request};

use crate::front::{Configuration, Proxy, Retries};
use crate::interrupt::LONG;
use crate::load::{Counts, Load};
use crate::loopback::{address, new_block};
use crate::replica::{self, STOP_DELAY};
use crate::setup::Setup;

/// The number of requests that must end before the next step: about ten for each client.
const SEVERAL: u64 = 240;

/// The offset of the first replica's address within a block of addresses.
const FIRST_REPLICA: u8 = 4;

/// A running deployment. Dropping it ends the clients first, then the processes.
pub(crate) struct Deployment<'a> {
    pub(crate) setup: &'a Setup,
    load: Option<Load>,
    proxy: Proxy,
    replicas: Vec<Option<Program>>,
    addresses: Vec<SocketAddr>,
    options: Vec<OsString>,
    block: u8,
    /// The directory of this deployment, for its configuration and other files.
    pub(crate) directory: PathBuf,
}

impl<'a> Deployment<'a> {
    /// Starts the replicas with a stop delay, and the load balancer.
    pub(crate) fn start(setup: &'a Setup, name: &str, retries: Retries) -> anyhow::Result<Self> {
        Deployment::start_with(setup, name, retries, &STOP_DELAY)
    }

    /// Starts the replicas with these options, and the load balancer.
    pub(crate) fn start_with(
        setup: &'a Setup,
        name: &str,
        retries: Retries,
        options: &[&str],
    ) -> anyhow::Result<Self> {
        let directory = setup.subdirectory(name)?;
        let block = new_block();
        let mut replicas = Vec::new();
        for number in 0..setup.replicas {
            let options: Vec<&OsStr> = options.iter().map(OsStr::new).collect();
            let address = address(block, FIRST_REPLICA + number);
            replicas.push(Some(replica::start(&setup.program, address, &options)?));
        }
        let addresses: Vec<_> = replicas.iter().flatten().map(Program::addr).collect();
        for address in &addresses {
            replica::wait_until_ready(*address, &setup.interrupt)?;
        }
        let configuration = |listen| {
            let (directory, replicas) = (&directory, &addresses);
            setup.front.configuration(&Configuration { directory, listen, replicas, retries })
        };
        let host = address(block, 1).ip();
        let proxy = Proxy::start(setup.front, &directory, host, configuration, &setup.interrupt)?;
        let options = options.iter().map(OsString::from).collect();
        Ok(Deployment { setup, load: None, proxy, replicas, addresses, options, block, directory })
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
        0..self.addresses.len()
    }

    /// An address for an additional replica, unknown to the load balancer.
    pub(crate) fn spare_address(&self) -> SocketAddr {
        address(self.block, FIRST_REPLICA + self.setup.replicas)
    }

    /// The address of a replica, even while it does not run.
    pub(crate) fn address(&self, number: usize) -> SocketAddr {
        self.addresses[number]
    }

    /// Waits until several more requests have ended, successfully or not.
    pub(crate) fn several_more(&self) -> anyhow::Result<()> {
        let ended = || {
            let (succeeded, failed) = self.load.as_ref().map(Load::so_far).unwrap_or_default();
            succeeded + failed
        };
        let enough = ended() + SEVERAL;
        self.setup.interrupt.wait_until("the clients' requests", LONG, || Ok(ended() >= enough))
    }

    /// Kills a replica with SIGKILL.
    pub(crate) fn kill(&mut self, number: usize) {
        self.replicas[number] = None;
    }

    /// Begins the graceful shutdown of a replica.
    pub(crate) fn terminate(&self, number: usize) -> anyhow::Result<()> {
        replica::terminate(self.replica(number)?)
    }

    /// Waits for the end of a replica.
    pub(crate) fn wait_until_ended(&mut self, number: usize) -> anyhow::Result<()> {
        replica::wait_until_ended(self.replica(number)?, &self.setup.interrupt)?;
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
        let options: Vec<&OsStr> = self.options.iter().map(OsString::as_os_str).collect();
        let started = replica::start(&self.setup.program, self.addresses[number], &options)?;
        self.replicas[number] = Some(started);
        replica::wait_until_ready(self.addresses[number], &self.setup.interrupt)
    }

    /// Replaces a replica that has ended.
    pub(crate) fn replace(&mut self, number: usize, replica: Program) {
        self.replicas[number] = Some(replica);
    }

    /// Pauses a replica, or lets it continue.
    pub(crate) fn pause(&self, number: usize, pauses: bool) -> anyhow::Result<()> {
        replica::pause(self.replica(number)?.pid(), pauses)
    }

    /// Pauses the load balancer, or lets it continue.
    pub(crate) fn pause_front(&self, pauses: bool) -> anyhow::Result<()> {
        replica::pause(self.proxy.pid(), pauses)
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
