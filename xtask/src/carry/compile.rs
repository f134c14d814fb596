//! Compiles what was carried: a merge without a conflict may still be wrong, such as two `mod tests` in one file.

use std::collections::BTreeSet;

use anyhow::Context;

use crate::process;
use crate::ui;
use crate::workspace::Workspace;

/// The arguments of cargo.
fn arguments(packages: &[String]) -> Vec<&str> {
    let packages = packages.iter().flat_map(|package| ["-p", package]);
    ["check", "--quiet", "--keep-going", "--tests"].into_iter().chain(packages).collect()
}

/// Printed first, because compiling may take a while.
pub(super) fn announcement(packages: &[String]) -> String {
    let command = arguments(packages).join(" ");
    format!("Compiling it: `cargo {command}` (`--no-check` skips this)\n")
}

/// Checks these packages and their tests. Returns the report of a failure, with the compiler's message.
pub(super) fn check(workspace: &Workspace, packages: &[String]) -> anyhow::Result<Option<String>> {
    let mut command = process::cargo();
    command.args(arguments(packages)).current_dir(workspace.root());
    let finished = process::captured(&mut command).context("add `--no-check` to go without it")?;
    if finished.status.success() {
        return Ok(None);
    }
    let files = Vec::from_iter(files_with_errors(&finished.output));
    let what = match files.len() {
        0 => ui::paint(ui::BAD, "cargo cannot check it:"),
        _ => format!("{} {}", ui::paint(ui::BAD, "does not compile:"), files.join(", ")),
    };
    Ok(Some(format!(
        "\n{what}\n{}\n\nEdit it in the first chapter that has the mistake, and run the same command again. \
         `cargo xtask carry --abort` undoes everything.\n",
        finished.output.trim_end()
    )))
}

/// The files that the compiler's errors point to, in the order of the chapters: `--> chapters/03_parser/src/a.rs:7:1`.
fn files_with_errors(output: &str) -> BTreeSet<String> {
    let mut files = BTreeSet::new();
    let mut in_error = false;
    for line in output.lines() {
        if line.starts_with("error") || line.starts_with("warning") {
            in_error = line.starts_with("error");
        }
        let place = line.trim_start().strip_prefix("--> ").filter(|_| in_error);
        // Before the numbers of the line and the column.
        if let Some(file) = place.and_then(|place| place.rsplitn(3, ':').nth(2)) {
            in_error = false;
            files.insert(file.replace('\\', "/"));
        }
    }
    files
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_files_with_errors_are_named() {
        let output = "\
warning: unused
 --> chapters/03_a/src/w.rs:1:1
error[E0428]: twice
  --> final/src/e.rs:21:1
error[E0428]: twice
  --> chapters/03_a/src/e.rs:21:1
   |
  ::: chapters/03_a/src/other.rs:1:1
error: could not compile `ch03_a` (lib test) due to 1 previous error
";
        let files = Vec::from_iter(files_with_errors(output));
        assert_eq!(files, ["chapters/03_a/src/e.rs", "final/src/e.rs"]);
    }
}
