//! `cargo xtask prove-climb`: the starter fails the first stage; each step passes the stages that it declares and fails the
//! next by the declared check; chapters and `final` pass the stages up to their part; each famous mistake is caught.
//!
//! The result is the table on the book's page about the ladder, `book/src/generated/climb.md`.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use wire::climb::{DEADLINE_SECONDS, Stage, stages};

use super::matrix;
use super::steps::{self, Failing, MAX_ADDED, Mistake, Step};
use crate::check::{Checked, Ended, runner};
use crate::patch::Patch;
use crate::process;
use crate::prove::work_tree;
use crate::sandbox::Sandbox;
use crate::start;
use crate::ui;
use crate::workspace::Workspace;

/// How many stages run in parallel. They spend most of their time waiting.
const LANES: usize = 4;

/// All checks of a stage together, with the longest deadline of a chapter.
const LIMIT: Duration = Duration::from_secs(400);

/// The echo of chapters 1 and 2 waits a minute for a silent client, and the check somewhat longer.
const CHAPTER_DEADLINE: u64 = 70;

/// The copy of the repository in which mistakes are made.
const COPY: usize = 9;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Write the book's table instead of only comparing it
    #[arg(long)]
    write: bool,
    /// Only steps and mistakes of this chapter
    #[arg(long, value_name = "CHAPTER")]
    chapter: Option<String>,
}

/// A program that climbs.
#[derive(Debug, Clone)]
pub(super) struct Climber {
    /// `starter`, `03_loop`, `chapter 4`, `final`, `one_read.patch`
    pub name: String,
    pub kind: Kind,
    /// The command that starts it.
    words: Vec<String>,
    deadline: u64,
    /// The stages that it must pass.
    pub passes: Vec<u8>,
    /// The stage that it must fail, and by which check.
    pub fails: Option<Failing>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Starter,
    Step,
    Chapter,
    Mistake,
}

pub(crate) fn run(workspace: &Workspace, args: &Args) -> anyhow::Result<ExitCode> {
    let only = args.chapter.as_deref().map(|called| workspace.chapter(called)).transpose()?;
    let only = only.map(|chapter| chapter.package.clone());
    let proof = prove(workspace, only.as_deref(), &|line| ui::print(line))?;
    let mut problems = proof.problems;
    if only.is_none() {
        let path = workspace.path(matrix::PAGE);
        if args.write {
            fs::write(&path, &proof.page).with_context(|| path.display().to_string())?;
            ui::print(&format!("written: {}\n", matrix::PAGE));
        } else {
            problems.extend(out_of_date(workspace, &proof.page));
        }
    }
    for problem in &problems {
        ui::print(&format!("{} {problem}\n", ui::paint(ui::BAD, "FAIL")));
    }
    ui::print(&format!("\n{} claims proved, {} not\n", proof.good, problems.len()));
    Ok(if problems.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The problem with the table in the book, if there is one.
pub(crate) fn out_of_date(workspace: &Workspace, page: &str) -> Option<String> {
    let written = fs::read_to_string(workspace.path(matrix::PAGE)).unwrap_or_default();
    (written != page)
        .then(|| format!("{} is out of date: `cargo xtask prove-climb --write`", matrix::PAGE))
}

/// The result of all claims.
pub(crate) struct Proof {
    pub good: usize,
    pub problems: Vec<String>,
    /// The table, as it should be.
    pub page: String,
}

/// Tries all claims, or only the claims about one package.
pub(crate) fn prove(
    workspace: &Workspace,
    only: Option<&str>,
    say: &(dyn Fn(&str) + Sync),
) -> anyhow::Result<Proof> {
    let begun = Instant::now();
    let (mut all_steps, mut mistakes) = steps::all(workspace)?;
    if let Some(package) = only {
        all_steps.retain(|step| step.package == package);
        mistakes.retain(|mistake| mistake.package == package);
    }
    let added = steps::added(workspace, &all_steps)?;
    let mut problems: Vec<String> = all_steps
        .iter()
        .zip(&added)
        .filter(|(_, added)| added.is_some_and(|added| added > MAX_ADDED))
        .map(|(step, added)| {
            format!(
                "{} adds {} lines, and a step adds at most {MAX_ADDED}",
                step.file,
                added.unwrap_or(0)
            )
        })
        .collect();
    build(workspace, &all_steps)?;
    let mut climbers = Vec::new();
    if only.is_none() {
        climbers.push(starter(workspace)?);
        climbers.extend(snapshots(workspace));
    }
    climbers.extend(all_steps.iter().map(|step| of_step(workspace, step)));
    let copies = tempfile::tempdir()?;
    climbers.extend(of_mistakes(workspace, &mistakes, copies.path())?);
    let outcomes = try_all(&climbers, say);
    let mut good = added.iter().flatten().filter(|added| **added <= MAX_ADDED).count();
    for outcome in &outcomes {
        match &outcome.problem {
            None => good += 1,
            Some(problem) => problems.push(problem.clone()),
        }
    }
    let page = matrix::render(&stages(), &climbers, &all_steps, &added);
    say(&format!("{} s in all\n", begun.elapsed().as_secs()));
    Ok(Proof { good, problems, page })
}

/// The steps and the programs of the chapters.
fn build(workspace: &Workspace, steps: &[Step]) -> anyhow::Result<()> {
    let mut command = process::cargo();
    // Not our own program: it runs.
    command.args(["build", "--quiet", "--workspace"]);
    for chapter in workspace.chapters() {
        let is_final = chapter.package == "final";
        command.args(["--bin", if is_final { "httpserver" } else { &chapter.package }]);
    }
    for step in steps {
        command.args(["--example", &step.example()]);
    }
    let finished = process::captured(command.current_dir(workspace.root()))?;
    if !finished.status.success() {
        bail!("not all steps compile:\n{}", finished.output);
    }
    Ok(())
}

fn program(workspace: &Workspace, name: &str) -> String {
    let path = workspace.target().join("debug").join(name);
    path.with_extension(env::consts::EXE_EXTENSION).to_string_lossy().into_owned()
}

/// The starter of part 1 as `cargo xtask start` makes it. The others begin with the library of a chapter, whose
/// stages are the chapter's claim.
fn starter(workspace: &Workspace) -> anyhow::Result<Climber> {
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
    let finished = process::captured(&mut command)?;
    if !finished.status.success() {
        bail!("the starter does not compile:\n{}", finished.output);
    }
    let program = folder.join("target/debug").join(start::PACKAGE);
    let program = program.with_extension(env::consts::EXE_EXTENSION);
    Ok(Climber {
        name: "starter".to_string(),
        kind: Kind::Starter,
        words: vec![program.to_string_lossy().into_owned()],
        deadline: 12,
        passes: Vec::new(),
        fails: Some(Failing {
            stage: 1,
            check: "a line that a client sends comes back".to_string(),
        }),
    })
}

/// The chapters with the stages of their part, and `final` with all for an HTTP server. Later stages belong to the next
/// part, and a blocking pool cannot pass all of them.
fn snapshots(workspace: &Workspace) -> Vec<Climber> {
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
        let first = if is_echo { 1 } else { 9 };
        let is_final = chapter.package == "final";
        let words = if is_final {
            let script = "exec \"$0\" --addr \"$1\" ${2:+--root \"$2\"}";
            vec!["sh".into(), "-c".into(), script.into(), program(workspace, "httpserver")]
        } else {
            vec![program(workspace, &chapter.package)]
        };
        Climber {
            name: if is_final { "final".to_string() } else { format!("{}", at + 1) },
            kind: Kind::Chapter,
            words,
            deadline: if is_echo { CHAPTER_DEADLINE } else { 12 },
            passes: (first..=last[at]).collect(),
            fails: failing(last[at] + 1),
        }
    };
    workspace.chapters().iter().enumerate().take(last.len()).map(climber).collect()
}

fn of_step(workspace: &Workspace, step: &Step) -> Climber {
    let program = program(workspace, &format!("examples/{}", step.example()));
    Climber {
        name: step.file.trim_end_matches(".rs").to_string(),
        kind: Kind::Step,
        words: vec![program],
        deadline: 12,
        passes: step.passes.clone(),
        fails: step.fails.clone(),
    }
}

/// Builds each step with its mistake in a copy of the repository, and keeps the programs.
fn of_mistakes(
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
        let finished = process::captured(&mut command)?;
        if !finished.status.success() {
            bail!("{} does not compile:\n{}", path.display(), finished.output);
        }
        let built = target.join("debug/examples").join(&example);
        let program = kept.join(number.to_string());
        fs::copy(built.with_extension(env::consts::EXE_EXTENSION), &program)?;
        climbers.push(Climber {
            name: mistake.patch.clone(),
            kind: Kind::Mistake,
            words: vec![program.to_string_lossy().into_owned()],
            deadline: 12,
            passes: Vec::new(),
            fails: Some(mistake.caught.clone()),
        });
        sandbox.restore()?;
    }
    Ok(climbers)
}

/// How one stage of one program ended.
struct Outcome {
    problem: Option<String>,
}

/// Tries every claim, a few at a time, the slow ones first.
fn try_all(climbers: &[Climber], say: &(dyn Fn(&str) + Sync)) -> Vec<Outcome> {
    let all = stages();
    let stage_of = |number: u8| all.iter().find(|stage| stage.number == number);
    let mut claims: Vec<(&Climber, &Stage, Option<&str>)> = Vec::new();
    for climber in climbers {
        claims.extend(
            climber
                .passes
                .iter()
                .filter_map(|number| stage_of(*number).map(|stage| (climber, stage, None))),
        );
        claims.extend(climber.fails.as_ref().and_then(|failing| {
            stage_of(failing.stage).map(|stage| (climber, stage, Some(failing.check.as_str())))
        }));
    }
    // First the stages that wait for deadlines.
    claims.sort_by_key(|(_, stage, _)| !matches!(stage.name, "idle" | "slow-client"));
    let (next, outcomes) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    thread::scope(|scope| {
        for _ in 0..LANES {
            scope.spawn(|| {
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    let Some((climber, stage, expected)) = claims.get(at) else { return };
                    let problem = try_claim(climber, stage, *expected);
                    let mark = if problem.is_none() { "ok  " } else { "FAIL" };
                    let what = expected.map_or("passes", |_| "fails");
                    say(&format!(
                        "{mark} {} {what} {} {}\n",
                        climber.name, stage.number, stage.name
                    ));
                    if let Ok(mut outcomes) = outcomes.lock() {
                        outcomes.push(Outcome { problem });
                    }
                }
            });
        }
    });
    outcomes.into_inner().unwrap_or_default()
}

/// Tries a claim. Returns the problem, if there is one.
fn try_claim(climber: &Climber, stage: &Stage, expected: Option<&str>) -> Option<String> {
    let about = format!("{}, stage {} ({})", climber.name, stage.number, stage.name);
    let (all, ended) = match checks(climber, stage) {
        Ok(outcome) => outcome,
        Err(error) => return Some(format!("{about}: {error:#}")),
    };
    let failed = all.iter().find(|checked| checked.failure.is_some());
    match (expected, failed) {
        (None, None) if ended == Ended::Done && all.len() == stage.checks.len() => None,
        (None, None) => Some(format!("{about}: the checks did not finish: {ended:?}")),
        (None, Some(checked)) => Some(format!("{about}: {}", in_short(checked))),
        (Some(_), None) if matches!(ended, Ended::Done) => {
            Some(format!("{about}: it should fail, but passes"))
        }
        (Some(_), None) => Some(format!("{about}: {ended:?}")),
        (Some(check), Some(checked)) if checked.sentence == check => None,
        (Some(check), Some(checked)) => Some(format!(
            "{about}: it should fail by `{check}`, but fails by {}",
            in_short(checked)
        )),
    }
}

fn in_short(checked: &Checked) -> String {
    let failure = checked.failure.as_ref();
    let words =
        failure.map(|failure| format!("expected {}, got {}", failure.expected, failure.got));
    format!("`{}`: {}", checked.sentence, words.unwrap_or_default())
}

fn checks(climber: &Climber, stage: &Stage) -> anyhow::Result<(Vec<Checked>, Ended)> {
    let mut command = Command::new(process::own_program()?);
    command.args(["climb-checks", &stage.number.to_string()]).args(&climber.words);
    command.env(DEADLINE_SECONDS, climber.deadline.to_string());
    runner::run(&mut command, LIMIT, |_| ())
}
