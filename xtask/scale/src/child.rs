//! Starts the processes of an experiment such that they end with this process, even if it is killed with SIGKILL and
//! nothing is dropped.

use std::ffi::OsStr;
use std::process::{Command, Stdio};
use std::sync::LazyLock;

use wire::environment;

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
