//! Runs cargo, and reads its messages.

use std::env;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use anyhow::{Context, Result};
use serde_json::Value;

/// The cargo that runs this program, in this directory.
pub(crate) fn command(root: &Path) -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root);
    command
}

/// Runs a build, and returns its output and its messages, which are one line of JSON each.
pub(crate) fn build(command: &mut Command) -> Result<(Output, Vec<Value>)> {
    let output = command.stdin(Stdio::null()).output().context("cargo cannot be started")?;
    let text = String::from_utf8_lossy(&output.stdout);
    let messages = text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    Ok((output, messages))
}
