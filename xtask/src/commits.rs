//! `cargo xtask check-commits` checks that commit messages state the change and its reason.

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;

use crate::git::{Git, split_zero};
use crate::process;
use crate::ui;
use crate::workspace::Workspace;

/// The maximum length of a subject that `git log --oneline` and an email show completely.
const MAX_SUBJECT: usize = 72;

/// Prefixes of commits that `git rebase --autosquash` squashes into another.
const UNFINISHED: [&str; 3] = ["fixup!", "squash!", "amend!"];

/// Git cuts the message off at this line.
const SCISSORS: &str = "# ------------------------ >8 ------------------------";

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
            let hint = format!("`git commit -eF {}` opens it again.\n", file.display());
            in_editor(git, &text)?.map(|problems| problems + &hint)
        }
        None => in_range(git, args.range.as_deref())?,
    };
    match &report {
        Ok(text) | Err(text) => ui::print(text),
    }
    Ok(process::exit(report.is_ok()))
}

/// What is printed about messages that are good, or about those that break a rule.
type Report = Result<String, String>;

/// Checks a message before the commit is made.
fn in_editor(git: &Git, text: &str) -> anyhow::Result<Report> {
    let text = text.split(SCISSORS).next().unwrap_or_default();
    let message = git.run_with_input(&["stripspace", "--strip-comments"], text.as_bytes())?;
    let message = String::from_utf8_lossy(&message);
    // Merges are not checked, and a commit that will be squashed loses its message anyway.
    let is_checked = !["Merge "].iter().chain(&UNFINISHED).any(|start| message.starts_with(start));
    let problems = if is_checked { problems(&message) } else { Vec::new() };
    Ok(if problems.is_empty() {
        Ok(String::new())
    } else {
        Err(lines("the commit message", &problems))
    })
}

/// Checks the messages of commits, except merges.
fn in_range(git: &Git, range: Option<&str>) -> anyhow::Result<Report> {
    let (range, commits) = match range {
        Some(range) => (range, log(git, range)?),
        None => own(git)?,
    };
    let (mut text, mut wrong) = (String::new(), 0);
    for commit in &commits {
        let (id, message) = commit.split_once(' ').unwrap_or_default();
        let problems = problems(message);
        if !problems.is_empty() {
            wrong += 1;
            let subject = message.lines().next().unwrap_or_default();
            text += &lines(&format!("{id} {subject}"), &problems);
        }
    }
    let checked = ui::count(commits.len(), "commit");
    let verdict = match wrong {
        0 => "all messages are good".to_string(),
        wrong => format!("{wrong} to change. `git rebase -i` with `reword` changes a message."),
    };
    let _ = writeln!(text, "{checked} checked ({range}): {verdict}");
    Ok(if wrong == 0 { Ok(text) } else { Err(text) })
}

/// The commits of this branch that are not in its upstream yet, or else not in `main`, or else the last one, with a name
/// for that range.
fn own(git: &Git) -> anyhow::Result<(&'static str, Vec<String>)> {
    for range in ["@{upstream}..HEAD", "main..HEAD"] {
        // A branch need not have an upstream, and a repository no branch `main`.
        let commits = log(git, range).unwrap_or_default();
        if !commits.is_empty() {
            return Ok((range, commits));
        }
    }
    Ok(("HEAD", log(git, "HEAD")?))
}

/// The ids and messages of the commits of a range, oldest first. For a single revision, only that commit.
fn log(git: &Git, range: &str) -> anyhow::Result<Vec<String>> {
    let alone: &[&str] = if range.contains("..") { &[] } else { &["-1"] };
    let form = ["log", "-z", "--reverse", "--no-merges", "--format=%h %B"];
    Ok(split_zero(&git.run(&[&form[..], alone, &[range, "--"]].concat())?))
}

fn lines(what: &str, problems: &[String]) -> String {
    let lines = problems.iter().map(|problem| format!("  {problem}\n"));
    format!("{} {what}\n{}", ui::paint(ui::BAD, ui::marks().bad), lines.collect::<String>())
}

/// The problems of a message, one sentence each.
fn problems(message: &str) -> Vec<String> {
    let mut problems = Vec::new();
    let mut lines = message.trim_end().lines();
    let subject = lines.next().unwrap_or_default().trim();
    let length = subject.chars().count();
    if subject.is_empty() {
        problems.push("the subject is empty: say in one line what is different now".to_string());
        return problems;
    }
    if length > MAX_SUBJECT {
        problems
            .push(format!("the subject has {length} characters; {MAX_SUBJECT} fit into one line"));
    }
    if subject.ends_with('.') {
        problems.push("the subject ends in a period; it is a title".to_string());
    }
    let first = subject.split([' ', ':']).next().unwrap_or_default().to_lowercase();
    if first == "wip" || UNFINISHED.contains(&first.as_str()) {
        problems.push(format!("`{first}` says that it is not finished: squash or reword it"));
    }
    let second = lines.next();
    if second.is_some_and(|line| !line.trim().is_empty()) {
        problems.push("the second line is not empty; the text begins below it".to_string());
    }
    let is_text = |line: &&str| !line.trim().is_empty() && !is_signature(line);
    if second.into_iter().chain(lines).find(is_text).is_none() {
        problems.push(
            "it has no text: the diff shows what has changed, and only the text can say why, and how the \
             mistake was seen"
                .to_string(),
        );
    }
    problems
}

/// Whether a line is a trailer such as `Signed-off-by: …`, which does not describe the change.
fn is_signature(line: &str) -> bool {
    line.split_once(": ").is_some_and(|(name, _)| name.ends_with("-by") && !name.contains(' '))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::plain;
    use crate::workspace::tests::folder_with;

    const GOOD: &str =
        "Cookies: keep the others of a line\n\nOne that is not ASCII hid them all.\n";

    /// Runs git in a repository with one commit on the branch `main`.
    fn repository(folder: &tempfile::TempDir) -> Git {
        let git = Git::at(folder.path());
        git.run(&["init", "-q", "-b", "main"]).unwrap();
        commit(&git, GOOD);
        git
    }

    fn commit(git: &Git, message: &str) {
        git.run(&["commit", "-q", "--allow-empty", "--cleanup=verbatim", "-m", message]).unwrap();
    }

    fn check(git: &Git, range: Option<&str>) -> Report {
        in_range(git, range).unwrap().map(|text| plain(&text)).map_err(|text| plain(&text))
    }

    #[test]
    fn each_rule_has_its_sentence() {
        let body = "\n\nIt was wrong.";
        for (message, told) in [
            (String::new(), "the subject is empty"),
            (format!("{}{body}", "x".repeat(73)), "the subject has 73 characters; 72 fit"),
            (format!("Fix it.{body}"), "ends in a period"),
            (format!("wip: routes{body}"), "`wip` says that it is not finished"),
            (format!("WIP{body}"), "`wip` says that it is not finished"),
            (format!("fixup! Fix it{body}"), "`fixup!` says"),
            (format!("squash! Fix it{body}"), "`squash!` says"),
            ("Fix it\nIt was wrong.".to_string(), "the second line is not empty"),
            ("Fix it".to_string(), "it has no text: the diff shows what"),
            ("Fix it\n\nSigned-off-by: A <a@example.org>".to_string(), "it has no text"),
        ] {
            let problems = problems(&message);
            assert_eq!(problems.len(), 1, "{message}: {problems:?}");
            assert!(problems[0].contains(told), "{message}: {problems:?}");
        }
        for good in [
            "Cookies: keep the others\n\nOne hid them all.",
            "Wipe the slate\n\nIt was full.",
            &format!("{}{body}", "é".repeat(72)),
        ] {
            assert_eq!(problems(good), [""; 0], "{good}");
        }
    }

    #[test]
    fn without_a_range_the_commits_that_main_has_not_are_checked_or_the_last_one() {
        let folder = folder_with(&[]);
        let git = repository(&folder);
        let good = |range: &str| Ok(format!("1 commit checked ({range}): all messages are good\n"));
        assert_eq!(check(&git, None), good("HEAD"));
        git.run(&["checkout", "-q", "-b", "topic"]).unwrap();
        commit(&git, GOOD);
        commit(&git, "Fix it");
        let text = check(&git, None).unwrap_err();
        assert!(text.contains(" Fix it\n  it has no text"), "{text}");
        assert!(text.contains("2 commits checked (main..HEAD): 1 to change."), "{text}");
        assert_eq!(check(&git, Some("HEAD~1")), good("HEAD~1"));
        assert!(in_range(&git, Some("nothing")).is_err());
    }

    #[test]
    fn merges_are_left_out() {
        let folder = folder_with(&[]);
        let git = repository(&folder);
        git.run(&["checkout", "-q", "-b", "topic"]).unwrap();
        commit(&git, GOOD);
        git.run(&["checkout", "-q", "main"]).unwrap();
        commit(&git, GOOD);
        git.run(&["merge", "-q", "--no-ff", "-m", "Merge branch 'topic'.", "topic"]).unwrap();
        let text = check(&git, Some("HEAD~1..HEAD")).unwrap();
        assert!(text.starts_with("1 commit checked"), "{text}");
    }

    #[test]
    fn a_hook_sees_the_message_as_git_will_store_it() {
        let folder = folder_with(&[]);
        let git = repository(&folder);
        let is_good = |text: &str| in_editor(&git, text).unwrap().is_ok();
        assert!(is_good(GOOD));
        assert!(is_good(&format!("\n{GOOD}# Please enter the message.\n{SCISSORS}\ndiff\n")));
        assert!(!is_good("Fix it\n\n# Please enter the message.\n"));
        assert!(is_good("fixup! Fix it\n"), "`git rebase --autosquash` takes it away");
        assert!(is_good("Merge branch 'topic'\n"));
    }
}
