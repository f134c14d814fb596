//! The programs whose claims are proved: the starter, steps, chapters, and steps with a famous mistake.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;

use super::steps::{self, Failing, Mistake, Step};
use crate::patch::Patch;
use crate::process;
use crate::sandbox::Sandbox;
use crate::start;
use crate::work_tree::work_tree;
use crate::workspace::Workspace;

/// The echo of chapters 1 and 2 waits a minute for an idle client, so the check waits a little longer.
const CHAPTER_DEADLINE: u64 = 70;

/// The number of the repository copy in which mistakes are built.
const COPY: usize = 9;

/// A program that is tested against the stages.
#[derive(Debug, Clone)]
pub(super) struct Climber {
    /// `starter`, `03_loop`, `chapter 4`, `final`, `one_read.patch`
    pub name: String,
    /// The command that starts it.
    pub words: Vec<String>,
    pub deadline: u64,
    /// The stages that it must pass.
    pub passes: Vec<u8>,
    /// The stage that it must fail, and the check that must fail.
    pub fails: Option<Failing>,
}

impl Climber {
    /// A program that passes and fails nothing yet.
    fn new(name: &str, program: &Path) -> Climber {
        let words = vec![program.to_string_lossy().into_owned()];
        Climber { name: name.to_string(), words, deadline: 12, passes: Vec::new(), fails: None }
    }
}

fn program(workspace: &Workspace, name: &str) -> PathBuf {
    process::program(&workspace.target().join("debug"), name)
}

/// The starter of part 1 as `cargo xtask start` makes it. The other starters begin with the library of a chapter, and
/// the chapter's claims cover its stages.
pub(super) fn starter(workspace: &Workspace) -> anyhow::Result<Climber> {
    let folder = workspace.target().join("starter");
    if folder.exists() {
        fs::remove_dir_all(&folder).with_context(|| folder.display().to_string())?;
    }
    start::make(workspace, &folder, 1)?;
    let mut command = process::cargo();
    command
        .args(["build", "--quiet"])
        .current_dir(&folder)
        .env("CARGO_TARGET_DIR", folder.join("target"));
    process::succeeds(&mut command, "the starter does not compile")?;
    let program = process::program(&folder.join("target/debug"), start::PACKAGE);
    let check = "a line that a client sends comes back".to_string();
    let fails = Some(Failing { stage: 1, check });
    Ok(Climber { fails, ..Climber::new("starter", &program) })
}

/// The chapters with the stages up to their part, and `final` with all stages for an HTTP server. Later stages belong
/// to the next part, and a blocking pool cannot pass all of them.
pub(super) fn snapshots(workspace: &Workspace) -> Vec<Climber> {
    let last = [4, 8, 15, 18, 23, 26, 29];
    let failing = |stage: u8| {
        let check = match stage {
            5 => "four clients take turns on four connections",
            16 => "a parameter takes one segment of the path",
            19 => "every response has its own ID",
            24 => "live and ready get 200",
            27 => "beside 500 incomplete requests, a request is served within 2 s",
            _ => return None,
        };
        Some(Failing { stage, check: check.to_string() })
    };
    let climber = |(at, chapter): (usize, &crate::workspace::Chapter)| {
        let is_echo = at < 2;
        let passes = (if is_echo { 1 } else { 9 }..=last[at]).collect();
        let fails = failing(last[at] + 1);
        if chapter.package == "final" {
            let program = program(workspace, "httpserver").to_string_lossy().into_owned();
            let script = "exec \"$0\" --addr \"$1\" ${2:+--root \"$2\"}";
            let words = vec!["sh".into(), "-c".into(), script.into(), program];
            return Climber { words, passes, fails, ..Climber::new("final", Path::new("")) };
        }
        let deadline = if is_echo { CHAPTER_DEADLINE } else { 12 };
        let new = Climber::new(&(at + 1).to_string(), &program(workspace, &chapter.package));
        Climber { deadline, passes, fails, ..new }
    };
    workspace.chapters().iter().enumerate().take(last.len()).map(climber).collect()
}

pub(super) fn of_step(workspace: &Workspace, step: &Step) -> Climber {
    let program = program(workspace, &format!("examples/{}", step.example()));
    let (passes, fails) = (step.passes.clone(), step.fails.clone());
    Climber { passes, fails, ..Climber::new(step.name(), &program) }
}

/// Builds each step with its mistake in a copy of the repository, and keeps the programs.
pub(super) fn of_mistakes(
    workspace: &Workspace,
    mistakes: &[Mistake],
    kept: &Path,
) -> anyhow::Result<Vec<Climber>> {
    let mut climbers = Vec::new();
    if mistakes.is_empty() {
        return Ok(climbers);
    }
    let sandbox = Sandbox::open(workspace, COPY, &work_tree(workspace)?)?;
    let place = sandbox.place(true);
    for (number, mistake) in mistakes.iter().enumerate() {
        let path: PathBuf = workspace.path(&mistake.folder).join(&mistake.patch);
        sandbox
            .apply(&Patch::read(&path)?)
            .with_context(|| format!("{}: the patch does not apply", path.display()))?;
        let example = steps::example(&mistake.step);
        let mut command = process::cargo();
        command.args(["build", "--quiet", "--workspace", "--example", &example]);
        command.current_dir(&place.root);
        place.build_there(&mut command);
        let target = place.target.clone().unwrap_or_else(|| place.root.join("target"));
        process::succeeds(&mut command, &format!("{} does not compile", path.display()))?;
        let program = kept.join(number.to_string());
        fs::copy(process::program(&target.join("debug/examples"), &example), &program)?;
        let fails = Some(mistake.caught.clone());
        climbers.push(Climber { fails, ..Climber::new(&mistake.patch, &program) });
        sandbox.restore()?;
    }
    Ok(climbers)
}
