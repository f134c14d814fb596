//! Runs a client program to its end.

use std::io::Write;
use std::process::Stdio;
use std::sync::Arc;
use std::thread::Builder;
use std::time::Duration;

use crate::output::{Output, Text};
use crate::{Kind, WireError, environment};

/// The result of running a client against the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ran {
    /// The client ran, and this many exchanges were as expected.
    Passed(usize),
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
    arguments: &[String],
    input: &[u8],
) -> Result<Option<String>, WireError> {
    let cannot = |error| WireError::io(&format!("running {program}"), &error);
    let mut command = environment::command(program);
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = match command.spawn() {
        Ok(child) => child,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(cannot(error)),
    };
    let output = Arc::<Output>::default();
    output.read_all(&mut child).map_err(cannot)?;
    let input = input.to_vec();
    let stdin = child.stdin.take();
    Builder::new()
        .name("stdin".to_string())
        .spawn(move || stdin.map(|mut stdin| stdin.write_all(&input)))
        .map_err(cannot)?;
    let text = output.wait(PATIENCE, Text::has_ended);
    let ended = text.has_ended();
    let printed = [text.stdout.text.as_str(), &text.stderr.text].concat();
    drop(text);
    if !ended {
        // An error means that the process has just ended.
        let _ = child.kill();
    }
    child.wait().map_err(cannot)?;
    if ended {
        return Ok(Some(printed));
    }
    let message =
        format!("{program} {arguments:?} has not ended in {PATIENCE:?}; it said:\n{printed}");
    Err(WireError::new(Kind::TimedOut, message))
}
