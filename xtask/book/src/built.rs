//! Builds the programs of the chapters.

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
}

impl Built {
    /// Builds all programs and examples. A single call has the same features as `cargo test --workspace`. With
    /// `--package`, cargo leaves out features that only other packages enable, and builds the dependencies again.
    pub(crate) fn everything(sources: &Sources) -> Result<Built> {
        let mut cargo = cargo::command(sources.root());
        cargo
            .args(["build", "--quiet", "--workspace", "--bins", "--examples"])
            .arg("--message-format=json-render-diagnostics")
            .stdin(Stdio::null())
            .stderr(Stdio::inherit());
        let output = cargo.output().context("cargo cannot be started")?;
        ensure!(output.status.success(), "the programs of the chapters do not build");
        let built = Built::nothing(sources)?;
        // One line of JSON each.
        for line in String::from_utf8_lossy(&output.stdout).lines() {
            let message: Value = serde_json::from_str(line).unwrap_or_default();
            if let Some(program) = message["executable"].as_str() {
                let is_example = message["target"]["kind"][0] == "example";
                built.keep(Path::new(program), if is_example { "examples" } else { "" })?;
            }
        }
        Ok(built)
    }

    /// An empty directory, for what needs no program of a chapter.
    pub(crate) fn nothing(sources: &Sources) -> Result<Built> {
        Ok(Built { folder: temporary(sources, "built")? })
    }

    /// The path of a program, such as `ch04_router`.
    pub(crate) fn program(&self, name: &str) -> PathBuf {
        self.folder.path().join(format!("{name}{}", env::consts::EXE_SUFFIX))
    }

    /// Makes a hard link to a program in this directory, or a copy where links are not supported.
    fn keep(&self, program: &Path, directory: &str) -> Result<()> {
        let directory = self.folder.path().join(directory);
        let kept = directory.join(program.file_name().context("a program has a name")?);
        fs::create_dir_all(directory)?;
        if fs::hard_link(program, &kept).is_err() {
            fs::copy(program, &kept).with_context(|| kept.display().to_string())?;
        }
        Ok(())
    }
}
