//! Builds the programs of the chapters.

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::source::{Sources, target};

/// The chapters' programs, linked right after the build, because another cargo may replace the files in the target
/// directory.
#[derive(Debug, Default)]
pub(crate) struct Built {
    /// A directory with the programs, and with the examples in `examples`. It is deleted when this value is dropped.
    pub(crate) folder: PathBuf,
    /// The requested test programs, by name.
    pub(crate) tests: BTreeMap<String, PathBuf>,
}

impl Built {
    /// Builds all programs and examples, and the test programs of these names. A single call has the same features as
    /// `cargo test --workspace`. With `--package`, cargo leaves out features that only other packages enable, and
    /// builds the dependencies again.
    pub(crate) fn everything(sources: &Sources, tests: &BTreeSet<String>) -> Result<Built> {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let output = Command::new(cargo)
            .args(["build", "--quiet", "--workspace", "--bins", "--examples"])
            .args(tests.iter().flat_map(|test| ["--test", test]))
            .arg("--message-format=json-render-diagnostics")
            .current_dir(sources.root())
            .stderr(Stdio::inherit())
            .output()
            .context("cargo cannot be started")?;
        ensure!(output.status.success(), "the programs of the chapters do not build");
        let messages = String::from_utf8_lossy(&output.stdout);
        let name = format!("{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let folder = target(sources).join("built").join(name);
        let mut built = Built { folder, tests: BTreeMap::new() };
        for (kind, below) in [("bin", ""), ("example", "examples"), ("test", "tests")] {
            for (name, program) in messages.lines().filter_map(|message| program(message, kind)) {
                let kept = keep(&program, &built.folder.join(below))?;
                if kind == "test" {
                    built.tests.insert(name, kept);
                }
            }
        }
        Ok(built)
    }
}

impl Drop for Built {
    fn drop(&mut self) {
        // An error does no harm: nothing depends on the directory, which is below target/.
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// Makes a hard link to a program in this directory, or a copy where links are not supported.
fn keep(program: &Path, folder: &Path) -> Result<PathBuf> {
    let kept = folder.join(program.file_name().context("a program has a name")?);
    fs::create_dir_all(folder)?;
    if fs::hard_link(program, &kept).is_err() {
        fs::copy(program, &kept).with_context(|| kept.display().to_string())?;
    }
    Ok(kept)
}

/// The name and the path of the program in a cargo message, if the target is of this kind.
fn program(message: &str, kind: &str) -> Option<(String, PathBuf)> {
    let message: Value = serde_json::from_str(message).ok()?;
    let target = &message["target"];
    target["kind"].as_array()?.iter().find(|it| *it == kind)?;
    Some((target["name"].as_str()?.to_string(), PathBuf::from(message["executable"].as_str()?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cargo_s_messages_say_where_programs_are() {
        let message = |kind: &str| {
            format!(
                "{{\"target\":{{\"kind\":[\"{kind}\"],\"name\":\"a\"}},\"executable\":\"/d/a\"}}"
            )
        };
        let found = Some(("a".to_string(), PathBuf::from("/d/a")));
        assert_eq!(program(&message("test"), "test"), found);
        assert_eq!(program(&message("bin"), "bin"), found);
        assert_eq!(program(&message("bin"), "test"), None);
        assert_eq!(program("{\"reason\":\"build-finished\",\"success\":true}", "bin"), None);
    }
}
