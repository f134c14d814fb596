//! The programs whose claims are proved: the starter, steps, chapters, and steps with a famous mistake.

use std::fs;
use std::ops::RangeInclusive;
use std::path::Path;

use anyhow::{Context, bail};

use super::steps::{self, Failing, Mistake, Step};
use super::target::Target;
use crate::patch::Patch;
use crate::process;
use crate::sandbox::Sandbox;
use crate::start;
use crate::work_tree::work_tree;
use crate::workspace::{Chapter, Workspace};

/// The echo of chapters 1 and 2 waits a minute for an idle client, so the check waits a little longer.
const ECHO_DEADLINE: u64 = 70;

/// The number of the repository copy in which mistakes are built.
const COPY: usize = 9;

/// A program that is tested against the stages.
#[derive(Debug, Clone)]
pub(super) struct Climber {
    /// `starter`, `03_loop`, `4` for chapter 4, `final`, `one_read.patch`
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
    fn new(name: &str, words: Vec<String>, passes: Vec<u8>, fails: Option<Failing>) -> Climber {
        Climber { name: name.to_string(), words, deadline: 12, passes, fails }
    }
}

fn program(workspace: &Workspace, name: &str) -> String {
    let program = process::program(&workspace.target().join("debug"), name);
    program.to_string_lossy().into_owned()
}

/// The starter of part 1 as `cargo xtask start` makes it. The other starters begin with the library of a chapter, and
/// the chapter's claims cover its stages.
pub(super) fn starter(workspace: &Workspace) -> anyhow::Result<Climber> {
    let folder = workspace.target().join("starter");
    if folder.exists() {
        fs::remove_dir_all(&folder).with_context(|| folder.display().to_string())?;
    }
    start::make(workspace, &folder, 1)?;
    let target = Target::Own { folder, bin: start::PACKAGE.to_string() };
    let words = target.build(true)?.context("the starter does not compile")?;
    let check = "a line that a client sends comes back".to_string();
    Ok(Climber::new("starter", words, Vec::new(), Some(Failing { stage: 1, check })))
}

/// The stages that each chapter and `final` pass, and the check of the next stage that fails. Later stages belong to the
/// next part, and a blocking pool cannot pass all of them. After stage 8, the next stage is for an HTTP server.
const SNAPSHOTS: [(RangeInclusive<u8>, Option<&str>); 7] = [
    (1..=4, Some("four clients take turns on four connections")),
    (1..=8, None),
    (9..=15, Some("a parameter takes one segment of the path")),
    (9..=18, Some("every response has its own ID")),
    (9..=23, Some("live and ready get 200")),
    (9..=26, Some("beside 500 incomplete requests, a request is served within 2 s")),
    (9..=29, None),
];

/// The chapters and `final`.
pub(super) fn snapshots(workspace: &Workspace) -> Vec<Climber> {
    let climber = |(chapter, (stages, check)): (&Chapter, (RangeInclusive<u8>, Option<&str>))| {
        let (is_echo, next) = (*stages.start() == 1, stages.end() + 1);
        let fails = check.map(|check| Failing { stage: next, check: check.to_string() });
        let Some(number) = chapter.number else {
            let script = "exec \"$0\" --addr \"$1\" ${2:+--root \"$2\"}";
            let mut words = ["sh", "-c", script].map(String::from).to_vec();
            words.push(program(workspace, "httpserver"));
            return Climber::new("final", words, stages.collect(), fails);
        };
        let words = vec![program(workspace, &chapter.package)];
        let new = Climber::new(&number.to_string(), words, stages.collect(), fails);
        Climber { deadline: if is_echo { ECHO_DEADLINE } else { new.deadline }, ..new }
    };
    workspace.chapters().iter().zip(SNAPSHOTS).map(climber).collect()
}

pub(super) fn of_step(workspace: &Workspace, step: &Step) -> Climber {
    let words = vec![program(workspace, &format!("examples/{}", step.example()))];
    Climber::new(step.name(), words, step.passes.clone(), step.fails.clone())
}

/// Builds each step with its mistake in a copy of the repository, and keeps the programs.
pub(super) fn of_mistakes(
    workspace: &Workspace,
    mistakes: &[Mistake],
    kept: &Path,
) -> anyhow::Result<Vec<Climber>> {
    let mut climbers = Vec::new();
    let sandbox = Sandbox::open(workspace, COPY, &work_tree(workspace)?)?;
    let place = sandbox.place(true);
    for (number, mistake) in mistakes.iter().enumerate() {
        let path = workspace.path(&mistake.folder).join(&mistake.patch);
        sandbox
            .apply(&Patch::read(&path)?)
            .with_context(|| format!("{}: the patch does not apply", path.display()))?;
        let example = steps::example(&mistake.step);
        let mut command = process::cargo();
        command.args(["build", "--quiet", "--workspace", "--example", &example]);
        command.current_dir(&place.root);
        place.build_there(&mut command);
        let messages = match process::build(&mut command, true)? {
            Ok(messages) => messages,
            Err(said) => bail!("{} does not compile:\n{said}", path.display()),
        };
        let program = kept.join(number.to_string());
        fs::copy(process::executable(&messages, "example", &example)?, &program)?;
        let caught = Some(mistake.caught.clone());
        let words = vec![program.to_string_lossy().into_owned()];
        climbers.push(Climber::new(&mistake.patch, words, Vec::new(), caught));
        sandbox.restore()?;
    }
    Ok(climbers)
}
