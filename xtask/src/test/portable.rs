//! What macOS and Windows run: tested on this system as far as it goes, and compiled for the others.

use std::path::Path;
use std::process::Command;

use super::Outcome;
use super::parts::{count_tests, failures, outcome};
use crate::process;
use crate::workspace::Workspace;

/// The systems that this one is not.
const TARGETS: [&str; 2] = ["x86_64-pc-windows-gnu", "x86_64-apple-darwin"];

/// mio's form for systems that have nothing but poll(2). It tells of a socket as its form for Windows does: once, and
/// then not before somebody has asked again.
const POLL: &str = "--cfg mio_unsupported_force_poll_poll";

/// What is run in that form: the contract, and what talks to the server over connections that live on.
const TELLING: &str = "--lib --test engine --test framing --test responses --test clients";

pub(super) fn check(workspace: &Workspace) -> anyhow::Result<Outcome> {
    let mut passed = 0;
    for (mut command, what) in [(everything(workspace), "mio"), (poll(workspace), "poll(2)")] {
        let finished = process::captured(&mut command)?;
        let [good, bad, _] = count_tests(&finished.output);
        if !finished.status.success() {
            let rest = failures(&finished.output);
            let count = format!("{good} tests passed, {bad} failed, above {what}\n");
            return Ok(Outcome::Failed(format!("$ {}\n{rest}\n{count}", process::typed(&command))));
        }
        passed += good;
    }
    let mut notes = vec![format!("{passed} tests")];
    let args =
        ["clippy", "--quiet", "--all-targets", "--features", "portable", "--package", "final"];
    let mut commands = vec![cargo(workspace, &args)];
    for target in TARGETS {
        if is_installed(target)? {
            let args = ["clippy", "--quiet", "--all-targets", "--workspace", "--target", target];
            commands.push(cargo(workspace, &args));
            notes.push(format!("compiled for {target}"));
        } else {
            notes.push(format!(
                "not compiled for {target}: `rustup target add {target}` has not been run"
            ));
        }
    }
    for mut command in commands {
        command.args(["--", "-D", "warnings"]);
        let finished = process::captured(&mut command)?;
        if let failed @ Outcome::Failed(_) = outcome(&command, &finished) {
            return Ok(failed);
        }
    }
    Ok(Outcome::Passed(notes.join("; ")))
}

/// All tests of `final`, above mio.
fn everything(workspace: &Workspace) -> Command {
    cargo(workspace, &["test", "--package", "final", "--features", "portable", "--no-fail-fast"])
}

/// Those that show whether sockets are told of, above poll(2).
fn poll(workspace: &Workspace) -> Command {
    let mut command = everything(workspace);
    command.args(TELLING.split(' '));
    // This form of mio tells all at once, whatever the room.
    command.args(["--", "--skip", "what_finds_no_room_is_told_next_time"]);
    // Another target folder: other flags would make cargo build everything anew, back and forth.
    command.env("RUSTFLAGS", POLL).env("CARGO_TARGET_DIR", workspace.target().join("polling"));
    command
}

fn cargo(workspace: &Workspace, args: &[&str]) -> Command {
    let mut command = process::cargo();
    command.args(args).current_dir(workspace.root());
    command
}

/// Whether there is a standard library for this target.
fn is_installed(target: &str) -> anyhow::Result<bool> {
    let mut rustc = Command::new("rustc");
    let finished = process::captured(rustc.args(["--print", "target-libdir", "--target", target]))?;
    Ok(finished.status.success() && Path::new(finished.output.trim()).is_dir())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_that_nobody_has_is_not_installed() {
        assert!(!is_installed("pdp11-unknown-unix").unwrap());
    }
}
