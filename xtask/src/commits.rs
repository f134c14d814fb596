//! `cargo xtask check-commits` checks that commit messages state the change and its reason.

mod message;

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};

use self::message::{UNFINISHED, cleaned, cleaned_of_spaces, problems};
use crate::git::{Git, split_zero};
use crate::process;
use crate::ui;
use crate::workspace::Workspace;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// The commits, such as `main..HEAD` or `HEAD~3..`; without it, the commits that are not in the
    /// branch's upstream, or else `main`, or the last commit
    range: Option<String>,
    /// Check the message in this file, as git's hook `commit-msg` does
    #[arg(long, value_name = "FILE", conflicts_with = "range")]
    message: Option<PathBuf>,
}

pub(crate) fn run(workspace: &Workspace, args: &Args) -> anyhow::Result<ExitCode> {
    let git = workspace.git();
    let report = match &args.message {
        Some(file) => {
            let text = fs::read_to_string(file).with_context(|| file.display().to_string())?;
            in_editor(git, file, &text)?
        }
        None => in_range(git, args.range.as_deref())?,
    };
    ui::print(&report.text);
    Ok(process::exit(report.wrong == 0))
}

#[derive(Debug, Default)]
struct Report {
    text: String,
    /// How many messages break a rule.
    wrong: usize,
}

/// Checks a message before the commit is made.
fn in_editor(git: &Git, file: &Path, text: &str) -> anyhow::Result<Report> {
    let merging = git.output(&["rev-parse", "--verify", "--quiet", "MERGE_HEAD"])?;
    let message = cleaned(text);
    // Merges are not checked, and a commit that will be squashed loses its message anyway.
    let squashed = UNFINISHED.iter().any(|word| message.starts_with(word));
    if merging.status.success() || squashed {
        return Ok(Report::default());
    }
    let problems = problems(&message);
    let mut report = Report::default();
    if !problems.is_empty() {
        report.wrong = 1;
        report.text = told("the commit message", &problems);
        let _ = writeln!(report.text, "`git commit -eF {}` opens it again.", file.display());
    }
    Ok(report)
}

/// Checks the messages of commits, except merges.
fn in_range(git: &Git, range: Option<&str>) -> anyhow::Result<Report> {
    let (range, ids) = match range {
        Some(range) => (range.to_string(), commits(git, range)?),
        None => own(git)?,
    };
    let mut report = Report::default();
    for id in &ids {
        let message = git.run(&["show", "--no-patch", "--format=%B", id])?;
        let message = cleaned_of_spaces(&String::from_utf8_lossy(&message));
        let problems = problems(&message);
        if !problems.is_empty() {
            report.wrong += 1;
            let subject = message.lines().next().unwrap_or_default();
            report.text += &told(&format!("{} {subject}", &id[..id.len().min(10)]), &problems);
        }
    }
    let checked = ui::count(ids.len(), "commit");
    let verdict = match report.wrong {
        0 => "all messages are good".to_string(),
        wrong => format!("{wrong} to change. `git rebase -i` with `reword` changes a message."),
    };
    let _ = writeln!(report.text, "{checked} checked ({range}): {verdict}");
    Ok(report)
}

/// The commits of this branch that are not in its upstream yet, or the last one, with a name for that range.
fn own(git: &Git) -> anyhow::Result<(String, Vec<String>)> {
    for base in ["@{upstream}", "origin/main", "main"] {
        let known = git.output(&["rev-parse", "--verify", "--quiet", base])?;
        if !known.status.success() {
            continue;
        }
        let range = format!("{base}..HEAD");
        let ids = commits(git, &range)?;
        if !ids.is_empty() {
            return Ok((range, ids));
        }
        break;
    }
    let last = git.run(&["log", "-z", "-1", "--no-merges", "--format=%H"])?;
    Ok(("the last one".to_string(), split_zero(&last)))
}

/// The commits of a range, oldest first. For a single revision, only that commit.
fn commits(git: &Git, range: &str) -> anyhow::Result<Vec<String>> {
    let alone: &[&str] = if range.contains("..") { &[] } else { &["-1"] };
    let form = ["log", "-z", "--reverse", "--no-merges", "--format=%H"];
    let printed = git.run(&[&form[..], alone, &[range, "--"]].concat())?;
    let ids = split_zero(&printed);
    if ids.is_empty() && !alone.is_empty() {
        bail!("`{range}` names no commit that is not a merge");
    }
    Ok(ids)
}

fn told(what: &str, problems: &[String]) -> String {
    let lines = problems.iter().map(|problem| format!("  {problem}\n"));
    format!("{} {what}\n{}", ui::paint(ui::BAD, ui::marks().bad), lines.collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::message::SCISSORS;
    use super::*;
    use crate::ui::plain;

    const GOOD: &str =
        "Cookies: keep the others of a line\n\nOne that is not ASCII hid them all.\n";

    struct Repository(tempfile::TempDir);

    impl Repository {
        /// One commit on the branch `main`.
        fn new() -> Repository {
            let repository = Repository(tempfile::tempdir().unwrap());
            repository.git(&["init", "-q", "-b", "main"]);
            repository.commit(GOOD);
            repository
        }

        fn at(&self) -> Git {
            Git::at(self.0.path())
        }

        fn git(&self, args: &[&str]) {
            self.at().run(args).unwrap();
        }

        fn commit(&self, message: &str) {
            self.git(&["commit", "-q", "--allow-empty", "--cleanup=verbatim", "-m", message]);
        }

        fn check(&self, range: Option<&str>) -> (String, usize) {
            let report = in_range(&self.at(), range).unwrap();
            (plain(&report.text), report.wrong)
        }
    }

    #[test]
    fn without_a_range_the_commits_that_main_has_not_are_checked_or_the_last_one() {
        let repository = Repository::new();
        let (text, wrong) = repository.check(None);
        assert_eq!(
            (text.as_str(), wrong),
            ("1 commit checked (the last one): all messages are good\n", 0)
        );
        repository.git(&["checkout", "-q", "-b", "topic"]);
        repository.commit(GOOD);
        repository.commit("Fix it");
        let (text, wrong) = repository.check(None);
        assert_eq!(wrong, 1, "{text}");
        assert!(text.contains(" Fix it\n  it has no text"), "{text}");
        assert!(text.contains("2 commits checked (main..HEAD): 1 to change."), "{text}");
        let (text, wrong) = repository.check(Some("HEAD~1"));
        assert_eq!(
            (text.as_str(), wrong),
            ("1 commit checked (HEAD~1): all messages are good\n", 0)
        );
        assert!(in_range(&repository.at(), Some("nothing")).is_err());
    }

    #[test]
    fn merges_are_left_out() {
        let repository = Repository::new();
        repository.git(&["checkout", "-q", "-b", "topic"]);
        repository.commit(GOOD);
        repository.git(&["checkout", "-q", "main"]);
        repository.commit(GOOD);
        repository.git(&["merge", "-q", "--no-ff", "-m", "Merge branch 'topic'.", "topic"]);
        let (text, wrong) = repository.check(Some("HEAD~1..HEAD"));
        assert_eq!(wrong, 0, "{text}");
        assert!(text.starts_with("1 commit checked"), "{text}");
    }

    #[test]
    fn a_hook_sees_the_message_as_git_will_store_it() {
        let repository = Repository::new();
        let file = Path::new(".git/COMMIT_EDITMSG");
        let wrong = |text: &str| in_editor(&repository.at(), file, text).unwrap().wrong;
        assert_eq!(wrong(GOOD), 0);
        assert_eq!(wrong(&format!("\n{GOOD}# Please enter the message.\n{SCISSORS}\ndiff\n")), 0);
        assert_eq!(wrong("Fix it\n\n# Please enter the message.\n"), 1);
        assert_eq!(wrong("fixup! Fix it\n"), 0, "`git rebase --autosquash` takes it away");
        repository.git(&["checkout", "-q", "-b", "topic"]);
        repository.commit(GOOD);
        repository.git(&["checkout", "-q", "main"]);
        repository.git(&["merge", "-q", "--no-ff", "--no-commit", "topic"]);
        assert_eq!(wrong("Merge branch 'topic'\n"), 0);
    }
}
