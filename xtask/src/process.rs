//! Runs other programs, mainly cargo.

use std::env;
use std::ffi::OsStr;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, ExitStatus, Stdio};

use anyhow::{Context, ensure};
use serde_json::Value;

use crate::ui;
use crate::workspace::Workspace;

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

/// A command of cargo in the root of the course.
pub(crate) fn cargo_in<S: AsRef<OsStr>>(workspace: &Workspace, args: &[S]) -> Command {
    let mut command = cargo();
    command.args(args).current_dir(workspace.root());
    command
}

/// A program of the course, which cargo builds first. With `--package`, cargo would rebuild some dependencies with
/// only the features that this package needs.
pub(crate) fn bin(workspace: &Workspace, name: &str) -> Command {
    cargo_in(workspace, &["run", "--quiet", "--bin", name, "--"])
}

/// Whether cargo has this command, such as `nextest`.
pub(crate) fn cargo_has(command: &str) -> bool {
    let finished = captured(cargo().args([command, "--version"]));
    finished.is_ok_and(|finished| finished.status.success())
}

/// The path of this program, for starting it again. A concurrent build replaces the file. Linux still has the running
/// version, and other systems do not allow the replacement.
pub(crate) fn own_program() -> std::io::Result<PathBuf> {
    let path = env::current_exe()?;
    Ok(if path.exists() { path } else { PathBuf::from("/proc/self/exe") })
}

/// The path of a program that cargo has built into this directory.
pub(crate) fn program(folder: &Path, name: &str) -> PathBuf {
    folder.join(name).with_extension(env::consts::EXE_EXTENSION)
}

/// The exit code of a command.
pub(crate) fn exit(is_good: bool) -> ExitCode {
    if is_good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
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

/// Runs a program to its end, and shows the command and its output.
pub(crate) fn shown(command: &mut Command) -> anyhow::Result<()> {
    let typed = typed(command);
    ui::print(&format!("{}\n", ui::paint(ui::DIM, &format!("$ {typed}"))));
    let program = Path::new(command.get_program()).to_owned();
    let name = program.file_name().unwrap_or(program.as_os_str()).display();
    let status = command.status().with_context(|| format!("{name} cannot be started"))?;
    ensure!(status.success(), "`{typed}` failed");
    Ok(())
}

/// Runs a program to its end, and shows its output only if it fails.
///
/// # Errors
/// When it fails: `failed`, and its output.
pub(crate) fn succeeds(command: &mut Command, failed: &str) -> anyhow::Result<()> {
    let finished = captured(command)?;
    ensure!(finished.status.success(), "{failed}:\n{}", finished.output.trim_end());
    Ok(())
}

/// Runs a program to its end, and returns its output.
///
/// # Errors
/// When it fails: the command, and its output.
pub(crate) fn output(command: &mut Command) -> anyhow::Result<String> {
    let finished = captured(command)?;
    ensure!(finished.status.success(), "$ {}\n{}", typed(command), finished.output);
    Ok(finished.output)
}

/// Builds with cargo, and returns its messages, in which [`executable`] finds the programs. The inner error is the
/// output of the compiler, which is shown as it comes unless the build is `quiet`.
pub(crate) fn build(command: &mut Command, quiet: bool) -> anyhow::Result<Result<String, String>> {
    let errors = if quiet { Stdio::piped() } else { Stdio::inherit() };
    command.args(["--message-format", "json-render-diagnostics"]);
    let output = command.stderr(errors).output().context("cargo cannot be started")?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ok(if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr)) })
}

/// Finds the path of a program in the messages of a build.
///
/// # Errors
/// When no program of this kind, such as `bin` or `example`, has this name.
pub(crate) fn executable(messages: &str, kind: &str, name: &str) -> anyhow::Result<PathBuf> {
    let mut found = messages.lines().filter_map(|line| {
        let message: Value = serde_json::from_str(line).ok()?;
        let target = &message["target"];
        let right = target["name"] == name && target["kind"].as_array()?.iter().any(|k| k == kind);
        let path = message["executable"].as_str()?;
        right.then(|| Path::new(path).to_owned())
    });
    found.next_back().with_context(|| format!("cargo built no {kind} `{name}`"))
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
    let words = std::iter::once(program).chain(command.get_args().map(OsStr::to_string_lossy));
    words.map(|word| quoted(&word)).collect::<Vec<_>>().join(" ")
}

/// Quotes a word for a shell if necessary.
pub(crate) fn quoted(word: &str) -> String {
    let harmless = |byte: u8| byte.is_ascii_alphanumeric() || b"-._/:,=%+@".contains(&byte);
    if !word.is_empty() && word.bytes().all(harmless) {
        return word.to_string();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
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
    fn a_program_is_found_by_its_kind_and_name() {
        let messages = r#"{"reason":"compiler-artifact","target":{"kind":["lib"],"name":"ch04"},"executable":null}
{"reason":"compiler-artifact","target":{"kind":["bin"],"name":"ch04"},"executable":"/t/ch04"}
{"reason":"compiler-artifact","target":{"kind":["test"],"name":"exercise_02"},"executable":"/t/e"}
{"reason":"build-finished","success":true}"#;
        assert_eq!(executable(messages, "bin", "ch04").unwrap(), Path::new("/t/ch04"));
        assert_eq!(executable(messages, "test", "exercise_02").unwrap(), Path::new("/t/e"));
        let error = executable(messages, "test", "ch04").unwrap_err().to_string();
        assert_eq!(error, "cargo built no test `ch04`");
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
