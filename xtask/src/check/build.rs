//! Builds the program of a chapter, the program with the checks of an exercise, and the examples that the exercise
//! uses.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use wire::exercise::{EXAMPLES, ONLY, SERVER_FOLDER};

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

/// The built programs. The examples that the exercise uses are in the directory `examples` beside the server.
pub(crate) struct Built<'a> {
    place: &'a Place,
    exercise: &'a Exercise,
    server: PathBuf,
    pub checks: PathBuf,
}

/// Builds everything, except the `checks` if they are built already. The inner error is the compiler's output, or empty
/// if the output has already been shown.
pub(crate) fn build<'a>(
    place: &'a Place,
    exercise: &'a Exercise,
    checks: Option<&Path>,
) -> anyhow::Result<Result<Built<'a>, String>> {
    let (package, target) = (&exercise.chapter.package, exercise.target());
    let mut command = process::cargo();
    command
        .arg("build")
        .args(place.quiet.then_some("--quiet"))
        // The dependencies are already built with the features of the whole workspace.
        .args(["--workspace", "--bin", package])
        .args(checks.is_none().then_some(["--test", &target]).iter().flatten())
        .args(examples(place, exercise)?.iter().flat_map(|name| ["--example", name]))
        .current_dir(&place.root);
    place.build_there(&mut command);
    let messages = match process::build(&mut command, place.quiet)? {
        Ok(messages) => messages,
        Err(said) => return Ok(Err(said)),
    };
    let find = |kind: &str, name: &str| process::executable(&messages, kind, name);
    let checks = checks.map_or_else(|| find("test", &target), |checks| Ok(checks.to_owned()))?;
    Ok(Ok(Built { place, exercise, server: find("bin", package)?, checks }))
}

/// The examples of the chapter that the reference solution changes. The exercise is about these, too.
fn examples(place: &Place, exercise: &Exercise) -> anyhow::Result<Vec<String>> {
    let solution = Patch::read(&place.root.join(&exercise.folder).join("solution.patch"))?;
    let folder = format!("{}/examples/", exercise.chapter.folder);
    let name = |path: &str| Some(path.strip_prefix(&folder)?.strip_suffix(".rs")?.to_string());
    Ok(solution.paths().iter().filter_map(|path| name(path)).collect())
}

/// The limit for all checks of an exercise together.
pub(crate) const LIMIT: Duration = Duration::from_secs(120);

impl Built<'_> {
    /// The command that runs the checks against a server, by default against the chapter's program. With `only`, it runs
    /// the check with this sentence, or all checks if none has it.
    pub(crate) fn command(
        &self,
        server: Option<&[String]>,
        only: Option<&str>,
    ) -> anyhow::Result<Command> {
        let mut command = Command::new(&self.checks);
        match server {
            Some(words) => command.args(words).env(SERVER_FOLDER, std::env::current_dir()?),
            None => command.arg(&self.server),
        };
        command.current_dir(self.place.root.join(&self.exercise.chapter.folder));
        command.env(EXAMPLES, self.server.with_file_name("examples"));
        command.envs(only.map(|sentence| (ONLY, sentence)));
        command.envs(self.place.target.is_some().then_some(("EXERCISE_IN_COPY", "1")));
        Ok(command)
    }
}
