//! Compiles what was carried: a merge without a conflict may still be wrong, such as two `mod tests` in one file.

use anyhow::Context;

use crate::process;
use crate::ui;
use crate::workspace::Workspace;

/// Checks these packages and their tests. Returns the report of a failure, with the compiler's message.
pub(super) fn check(workspace: &Workspace, packages: &[String]) -> anyhow::Result<Option<String>> {
    let packages = packages.iter().flat_map(|package| ["-p", package]);
    let arguments = ["check", "--quiet", "--keep-going", "--tests"].into_iter().chain(packages);
    let arguments: Vec<&str> = arguments.collect();
    // Printed first, because compiling may take a while.
    ui::print(&format!(
        "Compiling it: `cargo {}` (`--no-check` skips this)\n",
        arguments.join(" ")
    ));
    let mut command = process::cargo();
    command.args(arguments).current_dir(workspace.root());
    let finished = process::captured(&mut command).context("add `--no-check` to go without it")?;
    if finished.status.success() {
        return Ok(None);
    }
    Ok(Some(format!(
        "\n{}\n{}\n\nEdit it in the first chapter that has the mistake, and run the same command again. \
         `cargo xtask carry --abort` undoes everything.\n",
        ui::paint(ui::BAD, "does not compile:"),
        finished.output.trim_end()
    )))
}
