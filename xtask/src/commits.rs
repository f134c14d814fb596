//! `cargo xtask check-commits` checks that commit messages state the change and its reason.

use std::fmt::Write as _;
use std::process::ExitCode;

use anyhow::ensure;

use crate::git::{Git, split_zero};
use crate::process;
use crate::ui;
use crate::workspace::Workspace;

/// The maximum length of a subject that `git log --oneline` and an email show completely.
const MAX_SUBJECT: usize = 72;

/// First words of commits that are not finished; `git rebase --autosquash` squashes most of them into another.
const UNFINISHED: [&str; 4] = ["wip", "fixup!", "squash!", "amend!"];

#[derive(clap::Args)]
pub(crate) struct Args {
    /// The commits, such as `HEAD~3..`, or one commit
    #[arg(default_value = "main..HEAD")]
    range: String,
}

pub(crate) fn run(workspace: &Workspace, args: &Args) -> anyhow::Result<ExitCode> {
    let (text, is_good) = check(workspace.git(), &args.range)?;
    ui::print(&text);
    Ok(process::exit(is_good))
}

/// The report on the messages of these commits, and whether all of them are good.
fn check(git: &Git, range: &str) -> anyhow::Result<(String, bool)> {
    let commits = log(git, range)?;
    let (mut text, mut wrong) = (String::new(), 0);
    for commit in &commits {
        let (id, message) = commit.split_once(' ').unwrap_or_default();
        let problems = problems(message);
        if !problems.is_empty() {
            wrong += 1;
            let mark = ui::paint(ui::BAD, ui::marks().bad);
            let subject = message.lines().next().unwrap_or_default();
            let _ = writeln!(text, "{mark} {id} {subject}\n  {}", problems.join("\n  "));
        }
    }
    let checked = ui::count(commits.len(), "commit");
    let verdict = match wrong {
        0 => "all messages are good".to_string(),
        wrong => format!("{wrong} to change. `git rebase -i` with `reword` changes a message."),
    };
    let _ = writeln!(text, "{checked} checked ({range}): {verdict}");
    Ok((text, wrong == 0))
}

/// The ids and messages of the commits of a range, oldest first. For a single revision, only that commit.
///
/// # Errors
/// When there are none, as after a typing error.
fn log(git: &Git, range: &str) -> anyhow::Result<Vec<String>> {
    let alone: &[&str] = if range.contains("..") { &[] } else { &["-1"] };
    let form = ["log", "-z", "--reverse", "--no-merges", "--format=%h %B"];
    let output = git.output(&[&form[..], alone, &[range, "--"]].concat())?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "`{range}` names no commits: {}", said.trim());
    let commits = split_zero(&output.stdout);
    ensure!(
        !commits.is_empty(),
        "`{range}` has no commit, apart from merges; name others, as in `cargo xtask check-commits HEAD~3..`"
    );
    Ok(commits)
}

/// The problems of a message, one sentence each.
fn problems(message: &str) -> Vec<String> {
    let mut lines = message.trim_end().lines();
    let subject = lines.next().unwrap_or_default().trim();
    let second = lines.next().unwrap_or_default();
    let length = subject.chars().count();
    let first = subject.split([' ', ':']).next().unwrap_or_default().to_lowercase();
    let is_text = |line: &str| !line.trim().is_empty() && !is_signature(line);
    let problems = [
        (
            length > MAX_SUBJECT,
            format!("the subject has {length} characters; {MAX_SUBJECT} fit into one line"),
        ),
        (subject.ends_with('.'), "the subject ends in a period; it is a title".to_string()),
        (
            UNFINISHED.contains(&first.as_str()),
            format!("`{first}` says that it is not finished: squash or reword it"),
        ),
        (
            !second.trim().is_empty(),
            "the second line is not empty; the text begins below it".to_string(),
        ),
        (
            !is_text(second) && !lines.any(is_text),
            "it has no text: the diff shows what has changed, and only the text can say why, and how the mistake was \
             seen"
                .to_string(),
        ),
    ];
    problems.into_iter().filter_map(|(is_there, problem)| is_there.then_some(problem)).collect()
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

    fn commit(git: &Git, message: &str) {
        git.run(&["commit", "-q", "--allow-empty", "--cleanup=verbatim", "-m", message]).unwrap();
    }

    #[test]
    fn each_rule_has_its_sentence() {
        let body = "\n\nIt was wrong.";
        for (message, told) in [
            (String::new(), "it has no text"),
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
    fn the_commits_of_a_range_are_checked_without_merges() {
        let folder = folder_with(&[]);
        let git = Git::at(folder.path());
        git.run(&["init", "-q", "-b", "main"]).unwrap();
        commit(&git, GOOD);
        git.run(&["checkout", "-q", "-b", "topic"]).unwrap();
        commit(&git, GOOD);
        commit(&git, "Fix it");
        let (text, is_good) = check(&git, "main..HEAD").unwrap();
        assert!(plain(&text).contains(" Fix it\n  it has no text"), "{text}");
        assert!(text.contains("2 commits checked (main..HEAD): 1 to change."), "{text}");
        assert!(!is_good);
        let good = |range: &str| {
            let text = format!("1 commit checked ({range}): all messages are good\n");
            assert_eq!(check(&git, range).unwrap(), (text, true));
        };
        good("HEAD~1");
        git.run(&["checkout", "-q", "-b", "merged", "main"]).unwrap();
        commit(&git, GOOD);
        git.run(&["merge", "-q", "--no-ff", "-m", "Merge branch 'topic'.", "topic~1"]).unwrap();
        good("HEAD~1..HEAD");
    }

    #[test]
    fn a_range_without_a_commit_is_an_error_with_the_way_out() {
        let folder = folder_with(&[]);
        let git = Git::at(folder.path());
        git.run(&["init", "-q", "-b", "main"]).unwrap();
        commit(&git, GOOD);
        for (range, told) in [
            ("main..HEAD", "has no commit, apart from merges; name others, as in `cargo xtask"),
            ("nonsense..", "names no commits: fatal: bad revision 'nonsense..'"),
            ("nonsense", "names no commits: fatal: bad revision 'nonsense'"),
        ] {
            let error = check(&git, range).unwrap_err().to_string();
            assert!(error.starts_with(&format!("`{range}` {told}")), "{error}");
        }
    }
}
