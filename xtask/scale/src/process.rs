//! Starts the processes of an experiment, each at a loopback address of its own. They end with this process, even if it
//! is killed with SIGKILL and nothing is dropped.

use std::env;
use std::ffi::OsStr;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU8, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use wire::{Program, environment};

/// The longest wait, far longer than anything here takes on a busy machine.
pub(crate) const LONG: Duration = Duration::from_secs(20);

/// The interval at which a wait checks its condition.
const TICK: Duration = Duration::from_millis(5);

/// Where Debian and Homebrew install servers. `PATH` often lacks these directories.
const SYSTEM_DIRECTORIES: [&str; 3] = ["/usr/sbin", "/usr/local/sbin", "/opt/homebrew/bin"];

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

/// Looks for a server program in `PATH` and the usual directories. Returns `None` if it is not installed.
pub fn find(program: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let directories = env::split_paths(&path).chain(SYSTEM_DIRECTORIES.map(PathBuf::from));
    directories.map(|directory| directory.join(program)).find(|path| path.is_file())
}

/// Starts the program `name` at a free port of `host`, with the arguments that `add_arguments` adds for this address,
/// and waits until it listens. The program reports neither its address nor that it listens, so a shell does.
pub(crate) fn start(
    name: &str,
    host: IpAddr,
    add_arguments: impl FnOnce(&mut Command, SocketAddr) -> anyhow::Result<()>,
) -> anyhow::Result<Program> {
    // None of the programs can choose a free port and report it.
    let address = TcpListener::bind((host, 0))?.local_addr()?;
    let path = find(name).with_context(|| format!("{name} is not installed"))?;
    let mut command = command("sh");
    command.args(["-c", r#"echo "listening on http://$0"; exec "$@""#, &address.to_string()]);
    add_arguments(command.arg(path), address)?;
    let program = Program::start_command(command)?;
    wait_until(&format!("{name} to listen"), || {
        if let Ok(status) = program.wait(Duration::ZERO) {
            bail!("{name} has ended ({status}): {}", program.stderr_so_far().trim_end());
        }
        Ok(TcpStream::connect(address).is_ok())
    })?;
    Ok(program)
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

/// A loopback address for each replica and load balancer. Outgoing connections get their ports on 127.0.0.1, so they
/// cannot take the port of a replica during its restart. Concurrent processes of this program use different addresses,
/// too.
pub(crate) fn new_host() -> IpAddr {
    static NEXT: AtomicU8 = AtomicU8::new(1);
    let [.., high, low] = std::process::id().to_be_bytes();
    Ipv4Addr::new(127, 64 + high % 64, low, NEXT.fetch_add(1, Ordering::Relaxed)).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_found_by_its_name_or_not_at_all() {
        assert!(find("sh").is_some());
        assert_eq!(find("no-such-program"), None);
    }
}
