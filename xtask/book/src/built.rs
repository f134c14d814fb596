//! Builds the programs of the chapters.

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use tempfile::TempDir;

use crate::cargo;
use crate::sources::{Sources, temporary};

/// The chapters' programs, linked right after the build, because another cargo may replace the files in the target
/// directory.
#[derive(Debug)]
pub(crate) struct Built {
    /// A directory with the programs, and with the examples in `examples`.
    pub(crate) folder: TempDir,
    /// The requested test programs, by name.
    pub(crate) tests: BTreeMap<String, PathBuf>,
}

impl Built {
    /// Builds all programs and examples, and the test programs of these names. A single call has the same features as
    /// `cargo test --workspace`. With `--package`, cargo leaves out features that only other packages enable, and
    /// builds the dependencies again.
    pub(crate) fn everything(sources: &Sources, tests: &BTreeSet<String>) -> Result<Built> {
        let mut cargo = cargo::command(sources.root());
        cargo
            .args(["build", "--quiet", "--workspace", "--bins", "--examples"])
            .args(tests.iter().flat_map(|test| ["--test", test]))
            .arg("--message-format=json-render-diagnostics")
            .stdin(Stdio::null())
            .stderr(Stdio::inherit());
        let output = cargo.output().context("cargo cannot be started")?;
        ensure!(output.status.success(), "the programs of the chapters do not build");
        let text = String::from_utf8_lossy(&output.stdout);
        // One line of JSON each.
        let messages: Vec<Value> =
            text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
        let mut built = Built::nothing(sources)?;
        for (kind, below) in [("bin", ""), ("example", "examples"), ("test", "tests")] {
            for (name, program) in messages.iter().filter_map(|message| program(message, kind)) {
                let kept = keep(&program, &built.folder.path().join(below))?;
                if kind == "test" {
                    built.tests.insert(name, kept);
                }
            }
        }
        Ok(built)
    }

    /// An empty directory, for what needs no program of a chapter.
    pub(crate) fn nothing(sources: &Sources) -> Result<Built> {
        Ok(Built { folder: temporary(sources, "built")?, tests: BTreeMap::new() })
    }

    /// The path of a program, such as `ch04_router` or `examples/step_17_match`.
    pub(crate) fn program(&self, name: &str) -> PathBuf {
        self.folder.path().join(format!("{name}{}", env::consts::EXE_SUFFIX))
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
fn program(message: &Value, kind: &str) -> Option<(String, PathBuf)> {
    let target = &message["target"];
    target["kind"].as_array()?.iter().find(|it| *it == kind)?;
    Some((target["name"].as_str()?.to_string(), PathBuf::from(message["executable"].as_str()?)))
}
