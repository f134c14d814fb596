//! Runs other programs, mainly cargo.

use std::env;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};

use anyhow::Context;

/// The cargo that runs this program.
pub(crate) fn cargo() -> Command {
    // The tests that cargo runs stop servers by a signal, so they must not start with that signal ignored.
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = wire::environment::with_default_signals(cargo);
    // The variables that cargo has set for this crate must not reach the build of another crate.
    for (name, _) in env::vars_os() {
        let name = name.to_string_lossy().into_owned();
        if name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_") {
            command.env_remove(name);
        }
    }
    command
}

/// The path of this program, for starting it again. A concurrent build replaces the file. Linux still has the running
/// version, and other systems do not allow the replacement.
pub(crate) fn own_program() -> std::io::Result<PathBuf> {
    let path = env::current_exe()?;
    Ok(if path.exists() { path } else { PathBuf::from("/proc/self/exe") })
}

/// A program that has ended, and its output.
pub(crate) struct Finished {
    pub status: ExitStatus,
    /// Both outputs, in the order in which they were written.
    pub output: String,
}

/// Runs a program to its end without showing its output.
pub(crate) fn captured(command: &mut Command) -> anyhow::Result<Finished> {
    let name = command.get_program().to_string_lossy().into_owned();
    let (mut reader, writer) = std::io::pipe()?;
    command.stdin(Stdio::null()).stdout(writer.try_clone()?).stderr(writer);
    let mut child = command.spawn().with_context(|| format!("`{name}` cannot be started"))?;
    // The command holds the writing ends, so reading would never end.
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let mut output = Vec::new();
    reader.read_to_end(&mut output)?;
    let status = child.wait()?;
    Ok(Finished { status, output: String::from_utf8_lossy(&output).into_owned() })
}

/// Returns whether rustc has a standard library for this target.
pub(crate) fn has_library(target: &str) -> bool {
    let mut rustc = Command::new("rustc");
    let finished = captured(rustc.args(["--print", "target-libdir", "--target", target]));
    finished.is_ok_and(|finished| {
        finished.status.success() && Path::new(finished.output.trim()).is_dir()
    })
}

/// Whether a program that has an option `--version` can be started.
pub(crate) fn is_installed(name: &str) -> bool {
    captured(Command::new(name).arg("--version")).is_ok()
}

/// The command, as a person would type it.
pub(crate) fn typed(command: &Command) -> String {
    let program = command.get_program().to_string_lossy();
    let program = if program.ends_with("cargo") { "cargo".into() } else { program };
    let words = command.get_args().map(|word| word.to_string_lossy());
    let words =
        words.map(|word| if word.contains(' ') { format!("'{word}'").into() } else { word });
    std::iter::once(program).chain(words).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_outputs_are_captured() {
        let finished = captured(cargo().arg("--version")).unwrap();
        assert!(finished.status.success());
        assert!(finished.output.starts_with("cargo "), "{}", finished.output);
        let finished = captured(cargo().arg("no-such-command")).unwrap();
        assert!(!finished.status.success());
        assert!(finished.output.contains("no-such-command"));
    }

    #[test]
    fn a_program_that_is_not_there_is_not_installed() {
        assert!(is_installed("git"));
        assert!(!is_installed("no-such-program"));
        assert!(!has_library("pdp11-unknown-unix"));
    }

    #[test]
    fn a_command_is_shown_as_it_would_be_typed() {
        let mut command = Command::new("cargo");
        command.args(["test", "--", "a b"]);
        assert_eq!(typed(&command), "cargo test -- 'a b'");
    }
}
