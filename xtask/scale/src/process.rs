//! Starts the processes of an experiment, each at a loopback address of its own. They end with this process, even if it
//! is killed with SIGKILL and nothing is dropped.

use std::ffi::OsStr;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU8, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use wire::environment;

/// The longest wait, far longer than anything here takes on a busy machine.
const LONG: Duration = Duration::from_secs(20);

/// The interval at which a wait checks its condition.
const TICK: Duration = Duration::from_millis(5);

/// The command that sets the parent-death signal (`PR_SET_PDEATHSIG`) and then becomes the program. In a `Command` that
/// would need unsafe code.
const SETPRIV: [&str; 4] = ["setpriv", "--pdeathsig", "KILL", "--"];

/// Whether this machine has the command, with that option. It belongs to util-linux, but the one of `BusyBox` may lack
/// the option.
static HAS_SETPRIV: LazyLock<bool> = LazyLock::new(|| {
    let mut command = Command::new(SETPRIV[0]);
    command.args(&SETPRIV[1..]).arg("true");
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
});

/// A command for a program that the kernel kills when the thread that has started it ends. Where that is not possible,
/// the program is only killed when its value is dropped.
pub(crate) fn command(program: impl AsRef<OsStr>) -> Command {
    if !*HAS_SETPRIV {
        return environment::interruptible(program);
    }
    let mut command = environment::interruptible(SETPRIV[0]);
    command.args(&SETPRIV[1..]).arg(program);
    command
}

/// A running program that reports neither its address nor that it listens. Dropping it kills it.
#[derive(Debug)]
pub(crate) struct Process(Child);

impl Process {
    /// Starts the program `name`, and waits until it listens at `address`. `why` is its own message for an early end.
    pub(crate) fn start(
        name: &str,
        command: &mut Command,
        address: SocketAddr,
        why: impl Fn() -> String,
    ) -> anyhow::Result<Process> {
        command.stdin(Stdio::null()).stdout(Stdio::null());
        let child = command.spawn().with_context(|| format!("{name} cannot be started"))?;
        let mut process = Process(child);
        wait_until(&format!("{name} to listen"), || {
            if let Some(status) = process.0.try_wait()? {
                let why = Some(why()).filter(|why| !why.is_empty());
                bail!("{name} has ended: {}", why.unwrap_or_else(|| status.to_string()));
            }
            Ok(TcpStream::connect(address).is_ok())
        })?;
        Ok(process)
    }

    pub(crate) fn pid(&self) -> u32 {
        self.0.id()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Waits until `is_done` returns true.
///
/// # Errors
/// Returns an error of `is_done`, or after 20 seconds an error that names `what`.
pub(crate) fn wait_until(
    what: &str,
    mut is_done: impl FnMut() -> anyhow::Result<bool>,
) -> anyhow::Result<()> {
    let start = Instant::now();
    while !is_done()? {
        ensure!(start.elapsed() < LONG, "waited {LONG:?} for {what}");
        thread::sleep(TICK);
    }
    Ok(())
}

/// Reserves a block of this process's loopback addresses, which no other deployment uses at the same time.
pub(crate) fn new_block() -> u8 {
    static NEXT: AtomicU8 = AtomicU8::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed) % 16
}

/// An address in a block, from 0 to 15, without a port. Each replica and load balancer has its own loopback address.
/// Outgoing connections get their ports on 127.0.0.1, so they cannot take the port of a replica during its restart.
/// Concurrent processes of this program use different addresses, too.
pub(crate) fn address(block: u8, last: u8) -> SocketAddr {
    let [.., high, low] = std::process::id().to_be_bytes();
    SocketAddr::new(IpAddr::V4(Ipv4Addr::new(127, 64 + high % 64, low, 16 * block + last)), 0)
}

/// An address with a port that is currently free, for a program that cannot report the port that it was given.
pub(crate) fn free(address: SocketAddr) -> anyhow::Result<SocketAddr> {
    Ok(TcpListener::bind(address)?.local_addr()?)
}
