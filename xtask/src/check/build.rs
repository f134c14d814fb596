//! Builds the program of a chapter, the program with the checks of an exercise, and the examples that the exercise
//! uses.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::Context;
use serde_json::Value;

use crate::exercise::Exercise;
use crate::patch::Patch;
use crate::process;

/// Where to build, and whether the compiler's output is shown.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    /// The root of the repository, or of a copy.
    pub root: PathBuf,
    /// The target directory of cargo; `None` for the usual one.
    pub target: Option<PathBuf>,
    /// Capture the output of the compiler and of cargo instead of showing it.
    pub quiet: bool,
}

impl Place {
    /// Makes cargo build in the target directory of a copy, without line numbers for backtraces. A claim does not need
    /// them, and ten claims take 24 seconds of CPU time instead of 30. Each claim changes a few lines, so incremental
    /// compilation is on, even in CI, which turns it off: a change in chapter 4 takes 0.8 seconds, not 2.0.
    pub(crate) fn build_there(&self, command: &mut Command) {
        if let Some(target) = &self.target {
            command.env("CARGO_TARGET_DIR", target);
            command.envs([("CARGO_PROFILE_DEV_DEBUG", "0"), ("CARGO_INCREMENTAL", "1")]);
        }
    }
}

/// The built programs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Built {
    pub server: PathBuf,
    pub checks: PathBuf,
    /// The directory with the examples that the exercise uses, if there are any.
    pub examples: Option<PathBuf>,
}

/// Builds everything, except the `checks` if they are built already. The inner error is the compiler's output, or empty
/// if the output has already been shown.
pub(crate) fn build(
    place: &Place,
    exercise: &Exercise,
    checks: Option<&Path>,
) -> anyhow::Result<Result<Built, String>> {
    let (package, target) = (&exercise.chapter.package, exercise.target());
    let examples = examples(place, exercise)?;
    let mut command = process::cargo();
    command
        .args(["build", "--message-format", "json-render-diagnostics"])
        // The dependencies are already built with the features of the whole workspace.
        .args(["--workspace", "--bin", package])
        .args(checks.is_none().then_some(["--test", &target]).iter().flatten())
        .args(examples.iter().flat_map(|name| ["--example", name]))
        .current_dir(&place.root)
        .stdin(Stdio::null())
        .stdout(Stdio::piped());
    place.build_there(&mut command);
    if place.quiet {
        command.arg("--quiet").stderr(Stdio::piped());
    }
    let mut child = command.spawn().context("cargo cannot be started")?;
    // The captured output is read at the same time, or cargo would block on a full pipe.
    let errors = child.stderr.take().map(read_aside).transpose()?;
    let mut messages = String::new();
    if let Some(mut pipe) = child.stdout.take() {
        pipe.read_to_string(&mut messages)?;
    }
    let status = child.wait()?;
    let said = errors.and_then(|thread| thread.join().ok()).unwrap_or_default();
    if !status.success() {
        return Ok(Err(said));
    }
    let find = |kind: &str, name: &str| {
        executable(&messages, kind, name).with_context(|| format!("cargo built no {kind} `{name}`"))
    };
    let examples = examples.first().map(|name| find("example", name)).transpose()?;
    let examples = examples.and_then(|example| example.parent().map(Path::to_owned));
    let checks = checks.map_or_else(|| find("test", &target), |checks| Ok(checks.to_owned()))?;
    Ok(Ok(Built { server: find("bin", package)?, checks, examples }))
}

/// The examples of the chapter that the reference solution changes. The exercise is about these, too.
fn examples(place: &Place, exercise: &Exercise) -> anyhow::Result<Vec<String>> {
    let solution = Patch::read(&place.root.join(&exercise.folder).join("solution.patch"))?;
    let folder = format!("{}/examples/", exercise.chapter.folder);
    let name = |path: &str| Some(path.strip_prefix(&folder)?.strip_suffix(".rs")?.to_string());
    Ok(solution.paths().iter().filter_map(|path| name(path)).collect())
}

/// Reads all of a pipe in a separate thread.
pub(super) fn read_aside(
    mut pipe: impl Read + Send + 'static,
) -> anyhow::Result<std::thread::JoinHandle<String>> {
    let read = move || {
        let mut bytes = Vec::new();
        // Even if there is an error, the output before it is useful.
        let _ = pipe.read_to_end(&mut bytes);
        String::from_utf8_lossy(&bytes).into_owned()
    };
    Ok(std::thread::Builder::new().name("reader".to_string()).spawn(read)?)
}

/// Finds the path of a program in cargo's JSON messages.
pub(crate) fn executable(messages: &str, kind: &str, name: &str) -> Option<PathBuf> {
    let mut found = messages.lines().filter_map(|line| {
        let message: Value = serde_json::from_str(line).ok()?;
        let target = &message["target"];
        let right = target["name"] == name && target["kind"].as_array()?.iter().any(|k| k == kind);
        let path = message["executable"].as_str()?;
        right.then(|| Path::new(path).to_owned())
    });
    found.next_back()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_found_by_its_kind_and_name() {
        let messages = r#"
            {"reason":"compiler-artifact","target":{"kind":["lib"],"name":"ch04"},"executable":null}
            {"reason":"compiler-artifact","target":{"kind":["bin"],"name":"ch04"},"executable":"/t/ch04"}
            {"reason":"compiler-artifact","target":{"kind":["test"],"name":"exercise_02"},"executable":"/t/e"}
            {"reason":"build-finished","success":true}"#;
        let messages = messages.replace("            ", "");
        assert_eq!(executable(&messages, "bin", "ch04"), Some(PathBuf::from("/t/ch04")));
        assert_eq!(executable(&messages, "test", "exercise_02"), Some(PathBuf::from("/t/e")));
        assert_eq!(executable(&messages, "test", "ch04"), None);
    }
}
