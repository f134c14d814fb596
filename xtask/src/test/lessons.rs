//! A file that a chapter does not teach is byte for byte the same as in the chapter before.
//!
//! What a chapter does teach is listed in `xtask/lessons.toml`, each file with the reason.

use std::collections::BTreeMap;
use std::fs;

use anyhow::Context;

use super::Outcome;
use crate::diff::{SCOPE, read_tree};
use crate::git::Git;
use crate::workspace::{Chapter, Workspace};

/// Chapter, then file, then reason.
type Lessons = BTreeMap<String, BTreeMap<String, String>>;

/// The list, from the root.
const LIST: &str = "xtask/lessons.toml";

/// What every crate has of its own.
const OWN: [&str; 2] = ["Cargo.toml", "src/lib.rs"];

pub(super) fn check(workspace: &Workspace) -> anyhow::Result<Outcome> {
    let text = fs::read_to_string(workspace.path(LIST)).context(LIST)?;
    let lessons: Lessons = toml::from_str(&text).context(LIST)?;
    let (mut problems, mut skipped, mut same) = (Vec::new(), Vec::new(), 0);
    for name in lessons.keys().filter(|name| workspace.chapter(name).is_err()) {
        problems.push(format!("{LIST}: there is no chapter `{name}`"));
    }
    for pair in workspace.chapters().windows(2) {
        let [before, after] = pair else { continue };
        if let Some(worked_in) = with_work(workspace, [before, after])? {
            skipped.push(format!("{} has your work in it", worked_in.folder));
            continue;
        }
        let empty = BTreeMap::new();
        let taught = lessons.get(&after.name).unwrap_or(&empty);
        same += compare(workspace, [before, after], taught, &mut problems)?;
    }
    skipped.dedup();
    Ok(match (problems.is_empty(), skipped.is_empty()) {
        (false, _) => Outcome::Failed(problems.join("\n")),
        (true, true) => Outcome::Passed(format!("{same} files the same")),
        (true, false) if same == 0 => Outcome::Skipped(skipped.join(", ")),
        (true, false) => {
            Outcome::Passed(format!("{same} files the same; skipped: {}", skipped.join(", ")))
        }
    })
}

/// The one of the two in which somebody has work that is not committed.
fn with_work<'a>(
    workspace: &Workspace,
    pair: [&'a Chapter; 2],
) -> anyhow::Result<Option<&'a Chapter>> {
    let git = Git::at(workspace.root());
    for chapter in pair {
        if !git.changed_since("HEAD", &chapter.folder)?.is_empty() {
            return Ok(Some(chapter));
        }
    }
    Ok(None)
}

/// Compares two chapters, and returns how many files are the same.
fn compare(
    workspace: &Workspace,
    [before, after]: [&Chapter; 2],
    taught: &BTreeMap<String, String>,
    problems: &mut Vec<String>,
) -> anyhow::Result<usize> {
    let old = read_tree(&workspace.path(&before.folder), &SCOPE)?;
    let new = read_tree(&workspace.path(&after.folder), &SCOPE)?;
    let mut same = 0;
    for (path, content) in old.iter().filter(|(path, _)| !OWN.contains(&path.as_str())) {
        let now = new.get(path);
        let listed = taught.contains_key(path);
        if now.is_some_and(|now| {
            now == content || only_the_name_differs(path, content, now, [before, after])
        }) {
            same += 1;
            if listed {
                problems.push(format!("{LIST}: {path} is the same in {} as before", after.name));
            }
        } else if !listed {
            let what = if now.is_some() { "differs from" } else { "is gone, it was in" };
            problems.push(format!(
                "{}/{path} {what} {}: carry the change (`cargo xtask carry`), or say in {LIST} why {} teaches it",
                after.folder, before.folder, after.name,
            ));
        }
    }
    for path in taught.keys().filter(|path| !old.contains_key(*path)) {
        problems.push(format!("{LIST}: {} has no {path}", before.folder));
    }
    Ok(same)
}

fn only_the_name_differs(
    path: &str,
    old: &[u8],
    new: &[u8],
    [before, after]: [&Chapter; 2],
) -> bool {
    let text = |bytes| std::str::from_utf8(bytes).ok();
    let may = path == "src/main.rs" || path.starts_with("tests/");
    may && text(old).map(|old| old.replace(before.library(), after.library())).as_deref()
        == text(new)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::tests::folder_with;

    /// Compares two chapters, in which the later teaches `taught`.
    fn problems(files: &[(&str, &str)], taught: &[&str]) -> Vec<String> {
        let folder = folder_with(files);
        let workspace = Workspace::at(folder.path()).unwrap();
        let pair = [&workspace.chapters()[0], &workspace.chapters()[1]];
        let reason = |path: &&str| ((*path).to_string(), "a reason".to_string());
        let taught = taught.iter().map(reason).collect();
        let mut problems = Vec::new();
        compare(&workspace, pair, &taught, &mut problems).unwrap();
        problems
    }

    #[test]
    fn only_what_is_taught_may_differ_or_go() {
        let files = [
            ("chapters/01_a/Cargo.toml", "a"),
            ("chapters/02_b/Cargo.toml", "b"),
            ("chapters/01_a/src/main.rs", "use ch01_a::run;"),
            ("chapters/02_b/src/main.rs", "use ch02_b::run;"),
            ("chapters/01_a/src/taught.rs", "1"),
            ("chapters/02_b/src/taught.rs", "2"),
            ("chapters/01_a/tests/gone.rs", "1"),
            ("chapters/02_b/tests/new.rs", "1"),
        ];
        assert_eq!(problems(&files, &["src/taught.rs", "tests/gone.rs"]), [""; 0]);
        let found = problems(&files, &[]);
        assert_eq!(found.len(), 2);
        assert!(
            found[0].starts_with("chapters/02_b/src/taught.rs differs from chapters/01_a: carry")
        );
        assert!(
            found[1].starts_with("chapters/02_b/tests/gone.rs is gone, it was in chapters/01_a:")
        );
    }

    #[test]
    fn a_listed_file_that_is_the_same_or_missing_is_a_mistake_in_the_list() {
        let files = [
            ("chapters/01_a/src/main.rs", "use ch01_a::run;"),
            ("chapters/02_b/src/main.rs", "use ch02_b::run;"),
        ];
        assert_eq!(
            problems(&files, &["src/main.rs", "src/no.rs"]),
            [
                "xtask/lessons.toml: src/main.rs is the same in 02_b as before",
                "xtask/lessons.toml: chapters/01_a has no src/no.rs",
            ]
        );
    }
}
