//! Finds mdBook, or installs it into `target/tools`.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};

use crate::process;
use crate::ui;
use crate::workspace::Workspace;

/// What is installed when there is none, and which others will do.
const VERSION: &str = "0.5.4";
const SERIES: &str = "0.5.";

/// The mdBook to use, installed after saying so if it has to be.
pub(crate) fn find_or_install(workspace: &Workspace) -> anyhow::Result<PathBuf> {
    if let Some(found) = find(workspace) {
        return Ok(found);
    }
    let tools = workspace.path("target/tools");
    let mut command = process::cargo();
    command.args(["install", "mdbook", "--version", VERSION, "--locked", "--root"]).arg(&tools);
    // A target folder that is shared with the course would be of no use to it.
    command.env("CARGO_TARGET_DIR", tools.join("build"));
    ui::print(&format!(
        "mdBook {SERIES}x is not installed; it goes into target/tools, which takes some minutes:\n$ {}\n",
        process::typed(&command)
    ));
    let status = command.status().context("cargo cannot be started")?;
    if !status.success() {
        bail!(
            "mdBook was not installed; `cargo install mdbook --version {VERSION} --locked` shows why"
        );
    }
    find(workspace).context("mdBook was installed and is not in target/tools/bin")
}

/// The mdBook in the path, or the one installed before; only of a version that will do.
pub(crate) fn find(workspace: &Workspace) -> Option<PathBuf> {
    let own = workspace.path("target/tools/bin").join(format!("mdbook{}", env::consts::EXE_SUFFIX));
    [PathBuf::from("mdbook"), own]
        .into_iter()
        .find(|program| version(program).is_some_and(|v| v.starts_with(SERIES)))
}

/// The version that it says it is, `0.5.4`.
fn version(program: &Path) -> Option<String> {
    let finished = process::captured(Command::new(program).arg("--version")).ok()?;
    Some(number(&finished.output).to_string())
}

fn number(output: &str) -> &str {
    output.trim().trim_start_matches("mdbook").trim_start().trim_start_matches('v')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_read_with_and_without_its_v() {
        assert_eq!(number("mdbook v0.5.4\n"), "0.5.4");
        assert_eq!(number("mdbook 0.4.40"), "0.4.40");
    }
}
