//! `cargo xtask carry N`: takes a change of chapter N into every later chapter, and into the patches of
//! the exercises.
//!
//! 1. What has changed in chapter N since the last commit, file by file.
//! 2. [`files`]: each changed file is merged (three-way, as git merges branches) into chapter N+1, what
//!    came out of that into N+2, and so on to `final`. A conflict stops the way of that file: both sides
//!    are left in it for a person, and `carry N+1` goes on from there.
//! 3. [`patches`]: patches of exercises that touch a changed file are made anew for it.

mod files;
mod merge;
mod patches;
mod resolved;

use std::process::ExitCode;

use anyhow::{Context, bail};

use crate::git::Git;
use crate::patch::Files;
use crate::ui;
use crate::workspace::{Chapter, Workspace};

#[derive(clap::Args)]
pub(crate) struct Args {
    /// The chapter that you have changed, by its number or name
    chapter: String,
    /// The commit before the change; without it, what is not committed is carried
    #[arg(long, value_name = "REV", default_value = "HEAD")]
    from: String,
}

/// What is carried: where from, and what it was before.
struct Source<'a> {
    workspace: &'a Workspace,
    git: Git,
    /// The id of the commit before the change.
    revision: String,
    chapter: &'a Chapter,
}

/// All files that the run has touched, in the chapter itself and in later ones, by their path from the root.
#[derive(Default)]
struct Touched {
    before: Files,
    after: Files,
}

impl Touched {
    fn add(&mut self, path: &str, before: Option<&[u8]>, after: Option<&[u8]>) {
        self.before.insert(path.to_string(), before.map(<[u8]>::to_vec));
        self.after.insert(path.to_string(), after.map(<[u8]>::to_vec));
    }
}

pub(crate) fn run(workspace: &Workspace, args: &Args) -> anyhow::Result<ExitCode> {
    let chapter = workspace.chapter(&args.chapter)?;
    let git = Git::at(workspace.root());
    let revision = git
        .run(&["rev-parse", "--verify", "--quiet", &format!("{}^{{commit}}", args.from)])
        .with_context(|| format!("`{}` is no commit", args.from))?;
    let revision = String::from_utf8_lossy(&revision).trim().to_string();
    let source = Source { workspace, git, revision, chapter };
    let report = carry(&source)?;
    ui::print(&report.text);
    if report.conflicts.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    Ok(ExitCode::FAILURE)
}

/// What the person who carries is told.
#[derive(Default)]
struct Report {
    text: String,
    /// What a person must decide: the file, and what to do with it.
    conflicts: Vec<String>,
}

impl Report {
    fn line(&mut self, text: &str) {
        self.text.push_str(text);
        self.text.push('\n');
    }
}

fn carry(source: &Source<'_>) -> anyhow::Result<Report> {
    let changes = files::changes(source)?;
    if changes.is_empty() {
        bail!(
            "nothing has changed in {} since {}; if the change is committed already, add `--from REV` \
             with the commit before it",
            source.chapter.folder,
            &source.revision[..source.revision.len().min(10)],
        );
    }
    let mut report = Report::default();
    let mut touched = Touched::default();
    let mut resolved = resolved::Resolved::load(source);
    let mut stopped_in = Vec::new();
    for change in &changes {
        touched.add(&change.path_in(source.chapter), change.old.as_deref(), change.new.as_deref());
        let stop = files::carry(source, change, &mut resolved, &mut touched, &mut report)?;
        stopped_in.extend(stop);
    }
    resolved.save()?;
    patches::carry(source, &touched, &mut report)?;
    conclude(source, &mut report, &stopped_in);
    Ok(report)
}

/// The last lines: what a person must decide, and the command to run next.
fn conclude(source: &Source<'_>, report: &mut Report, stopped_in: &[&Chapter]) {
    report.line("");
    let conflicts = report.conflicts.clone();
    for conflict in &conflicts {
        report.line(&format!("{} {conflict}", ui::paint(ui::BAD, "decide:")));
    }
    let first = source.workspace.chapters().iter().find(|chapter| stopped_in.contains(chapter));
    let next = match first {
        Some(chapter) => format!(
            "Edit what is named above, then go on with `cargo xtask carry {}`.",
            chapter.number.map_or_else(|| chapter.name.clone(), |number| number.to_string())
        ),
        None if !conflicts.is_empty() => {
            "Edit what is named above, then `cargo xtask test`.".to_string()
        }
        None => "Read it with `git diff`, run `cargo xtask test`, and commit everything together."
            .to_string(),
    };
    report.line(&next);
}

#[cfg(test)]
mod tests;
