//! Runs a client program to its end.

use std::ffi::OsStr;
use std::io::Write;
use std::process::Stdio;
use std::thread::Builder;
use std::time::Duration;

use crate::{Program, WireError, environment};

/// The result of running a client against the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ran {
    /// The client ran, and its exchanges were as expected.
    Passed,
    /// The client is not installed. The text names the missing program.
    Skipped(String),
}

/// A limit for clients that do not keep their own deadlines. A browser on a busy machine has taken more than half a
/// minute.
const PATIENCE: Duration = Duration::from_secs(120);

/// Runs `program` with `input` on its standard input, and returns its standard output followed by its standard error.
/// Returns `None` if the program is not installed.
pub(super) fn output_of(
    program: &str,
    arguments: impl IntoIterator<Item: AsRef<OsStr>>,
    input: Vec<u8>,
) -> Result<Option<String>, WireError> {
    let cannot = |error| WireError::io(&format!("running {program}"), &error);
    let mut command = environment::command(program);
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = match command.spawn() {
        Ok(child) => child,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(cannot(error)),
    };
    let stdin = child.stdin.take();
    let running = Program::of(child, Program::NO_ADDRESS).map_err(cannot)?;
    Builder::new()
        .name("stdin".to_string())
        .spawn(move || stdin.map(|mut stdin| stdin.write_all(&input)))
        .map_err(cannot)?;
    running.wait(PATIENCE)?;
    Ok(Some(running.stdout_so_far() + &running.stderr_so_far()))
}
