//! Runs cargo.

use std::env;
use std::path::Path;
use std::process::Command;

/// The cargo that runs this program, in this directory.
pub(crate) fn command(root: &Path) -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root);
    command
}
