//! One replica: a process of the server.

use std::ffi::OsStr;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use wire::{Program, Signal};

use crate::child;
use crate::interrupt::{Interrupt, LONG};

/// How long a stopping replica still accepts connections. It is longer than `HAProxy` needs to detect that the replica
/// is not ready: three probes, one every 100 ms.
pub(crate) const STOP_DELAY: [&str; 2] = ["--stop-delay", "1s"];

/// Starts a replica, and waits until it listens.
pub(crate) fn start(
    program: &Path,
    address: SocketAddr,
    options: &[&OsStr],
) -> anyhow::Result<Program> {
    let mut command = child::command(program);
    command.args(["--addr", &address.to_string(), "--log", "off"]).args(options);
    Program::start_command(command).with_context(|| format!("a replica at {address}"))
}

/// Whether its readiness probe passes.
pub(crate) fn is_ready(address: SocketAddr) -> bool {
    wire::get(address, "/health/ready").is_ok_and(|reply| reply.status == 200)
}

/// Waits until its readiness probe passes.
pub(crate) fn wait_until_ready(address: SocketAddr, interrupt: &Interrupt) -> anyhow::Result<()> {
    let what = format!("{address} to be ready");
    interrupt.wait_until(&what, LONG, || Ok(is_ready(address)))
}

/// Sends SIGTERM, which begins a graceful shutdown.
pub(crate) fn terminate(replica: &Program) -> anyhow::Result<()> {
    Ok(replica.signal(Signal::Terminate)?)
}

/// Waits until the process has ended.
pub(crate) fn wait_until_ended(replica: &Program, interrupt: &Interrupt) -> anyhow::Result<()> {
    interrupt.wait_until("a replica to end", LONG, || Ok(replica.wait(Duration::ZERO).is_ok()))
}

/// Pauses a process without notifying it (SIGSTOP), or lets it continue (SIGCONT).
#[cfg(unix)]
pub(crate) fn pause(pid: u32, pauses: bool) -> anyhow::Result<()> {
    use rustix::process::{Pid, Signal, kill_process};
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw).context("no process id")?;
    Ok(kill_process(pid, if pauses { Signal::STOP } else { Signal::CONT })?)
}

#[cfg(not(unix))]
pub(crate) fn pause(_: u32, _: bool) -> anyhow::Result<()> {
    anyhow::bail!("this system has no signals")
}
