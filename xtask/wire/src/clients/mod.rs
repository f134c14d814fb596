//! Clients that people use, against a server under test: they send what no test author would think of.
//!
//! A client that is not installed is skipped, and the caller is told so.

mod browser;
mod curl;
mod python;

use std::io::Write;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread::Builder;
use std::time::Duration;

pub use browser::browser;
pub use curl::curl;
pub use python::python;

use crate::Kind;
use crate::WireError;

/// What came of asking a client to talk to the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ran {
    /// It did, and this many conversations went as they must.
    Passed(usize),
    /// It is not installed; the text says what is missing.
    Skipped(String),
}

/// Clients have deadlines of their own; this one is for a client that forgets them.
const PATIENCE: Duration = Duration::from_secs(30);

/// Runs `program` with `input` on its standard input, and returns all that it printed, errors last.
/// `None` if there is no such program.
fn output_of(
    program: &str,
    arguments: &[String],
    input: &[u8],
) -> Result<Option<String>, WireError> {
    let cannot = |error| WireError::io(&format!("running {program}"), &error);
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = match command.spawn() {
        Ok(child) => child,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(cannot(error)),
    };
    let pid = child.id();
    let input = input.to_vec();
    let stdin = child.stdin.take();
    Builder::new()
        .name("stdin".to_string())
        .spawn(move || stdin.map(|mut stdin| stdin.write_all(&input)))
        .map_err(cannot)?;
    let (sender, ended) = mpsc::channel();
    Builder::new()
        .name("output".to_string())
        .spawn(move || sender.send(child.wait_with_output()))
        .map_err(cannot)?;
    let output = ended.recv_timeout(PATIENCE).map_err(|_| {
        let message =
            format!("{program} {arguments:?} (process {pid}) still runs after {PATIENCE:?}");
        WireError::new(Kind::TimedOut, message)
    })?;
    let output = output.map_err(cannot)?;
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    Ok(Some(text(&output.stdout) + &text(&output.stderr)))
}
