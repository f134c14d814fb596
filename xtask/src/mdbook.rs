//! Finds mdBook, or installs it into `target/tools`.

use std::env;
use std::path::PathBuf;
use std::process::Command;

use anyhow::Context;

use crate::process;
use crate::ui;
use crate::workspace::Workspace;

/// The version to install if there is none, and the accepted versions.
const VERSION: &str = "0.5.4";
const SERIES: &str = "0.5.";

/// Finds mdBook, or installs it after a message.
///
/// It is built from source, because a downloaded program would need a checksum for each system. The unoptimised build
/// takes a third of the time to compile and only a second more to build the book. For `mdbook serve`, readers install
/// their own.
pub(crate) fn find_or_install(workspace: &Workspace) -> anyhow::Result<PathBuf> {
    if let Some(found) = find(workspace) {
        return Ok(found);
    }
    let tools = tools(workspace);
    let mut command = process::cargo();
    command.args(["install", "mdbook", "--version", VERSION, "--locked", "--debug"]);
    command.args(["--no-default-features", "--features", "search", "--root"]).arg(&tools);
    // A target directory that is shared with the course would save nothing.
    command.env("CARGO_TARGET_DIR", tools.join("build"));
    command.env("CARGO_PROFILE_DEV_DEBUG", "false").env("CARGO_INCREMENTAL", "0");
    ui::print(&format!(
        "mdBook {SERIES}x is not installed; it goes into {}, which takes a minute or two:\n$ {}\n",
        tools.display(),
        process::typed(&command)
    ));
    let by_hand =
        format!("`cargo install mdbook --version {VERSION} --locked` installs it for you");
    process::succeeds(&mut command, &format!("mdBook was not installed; {by_hand}"))?;
    find(workspace)
        .with_context(|| format!("mdBook was installed and is not in {}", tools.display()))
}

/// The directory of tools that are installed for the course.
fn tools(workspace: &Workspace) -> PathBuf {
    workspace.target().join("tools")
}

/// The mdBook in the path, or an earlier installation, if its version is accepted.
pub(crate) fn find(workspace: &Workspace) -> Option<PathBuf> {
    let own = tools(workspace).join("bin").join(format!("mdbook{}", env::consts::EXE_SUFFIX));
    let is_accepted = |program: &PathBuf| {
        let finished = process::captured(Command::new(program).arg("--version"));
        finished.is_ok_and(|it| it.output.starts_with(&format!("mdbook v{SERIES}")))
    };
    [PathBuf::from("mdbook"), own].into_iter().find(is_accepted)
}
