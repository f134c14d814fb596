//! A file that a chapter does not teach is byte for byte the same as in the chapter before.
//!
//! What a chapter does teach is listed in `xtask/lessons.toml`, each file with the reason.

use std::collections::{BTreeMap, BTreeSet};

use super::Outcome;
use crate::diff::{SCOPE, read_tree};
use crate::git::Git;
use crate::lessons::{LIST, Lessons};
use crate::workspace::{Chapter, Workspace};

/// What every crate has of its own.
const OWN: [&str; 2] = ["Cargo.toml", "src/lib.rs"];

pub(super) fn check(workspace: &Workspace) -> anyhow::Result<Outcome> {
    let lessons = Lessons::load(workspace)?;
    let git = Git::at(workspace.root());
    let work: BTreeSet<String> = git.changed_since("HEAD", ".")?.into_iter().collect();
    let mut found = Found::default();
    for name in lessons.chapters().filter(|name| workspace.chapter(name).is_err()) {
        found.problems.push(format!("{LIST}: there is no chapter `{name}`"));
    }
    for pair in workspace.chapters().windows(2) {
        let [before, after] = pair else { continue };
        compare(workspace, [before, after], &lessons.of(&after.name), &work, &mut found)?;
    }
    let Found { problems, skipped, same } = found;
    let skipped = match skipped.len() {
        0 => String::new(),
        files => format!(", {files} with your work in it skipped: {}", skipped.join(", ")),
    };
    if !problems.is_empty() {
        return Ok(Outcome::Failed(problems.join("\n")));
    }
    Ok(Outcome::Passed(format!("{same} files the same{skipped}")))
}

/// What the comparisons have found.
#[derive(Debug, Default)]
struct Found {
    problems: Vec<String>,
    /// Files that differ, but somebody is working on them.
    skipped: Vec<String>,
    same: usize,
}

/// Compares two chapters. A difference in a file with `work` that is not committed is a reader's own.
fn compare(
    workspace: &Workspace,
    [before, after]: [&Chapter; 2],
    taught: &BTreeMap<String, String>,
    work: &BTreeSet<String>,
    found: &mut Found,
) -> anyhow::Result<()> {
    let old = read_tree(&workspace.path(&before.folder), &SCOPE)?;
    let new = read_tree(&workspace.path(&after.folder), &SCOPE)?;
    for (path, content) in old.iter().filter(|(path, _)| !OWN.contains(&path.as_str())) {
        let now = new.get(path);
        let full = [before, after].map(|chapter| format!("{}/{path}", chapter.folder));
        let worked_on = full.iter().find(|path| work.contains(*path));
        if path.starts_with("examples/") && now.is_some() && worked_on.is_none() {
            let problem = format!("cargo builds both to the same file: leave out {}", full[1]);
            found.problems.push(format!("{}: {problem}", full[0]));
            continue;
        }
        let renamed = before.rename(content, path, after);
        // final is started by `--addr`, so its tests are never the same byte for byte.
        if after.number.is_none() && path.starts_with("tests/") && now.is_some() {
            continue;
        }
        match (now.is_some_and(|now| now == content || *now == renamed), taught.contains_key(path))
        {
            (true, false) => found.same += 1,
            (false, true) => {}
            _ if worked_on.is_some() => found.skipped.extend(worked_on.cloned()),
            (true, true) => {
                let problem = format!("{LIST}: {path} is the same in {} as before", after.name);
                found.problems.push(problem);
            }
            (false, false) => {
                let what = if now.is_some() { "differs from" } else { "is gone, it was in" };
                found.problems.push(format!(
                    "{} {what} {}: carry the change (`cargo xtask carry`), or say in {LIST} why {} teaches it",
                    full[1], before.folder, after.name,
                ));
            }
        }
    }
    for path in taught.keys().filter(|path| !old.contains_key(*path)) {
        found.problems.push(format!("{LIST}: {} has no {path}", before.folder));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::tests::folder_with;

    /// Compares two chapters, in which the later teaches `taught`.
    fn problems(files: &[(&str, &str)], taught: &[&str]) -> Vec<String> {
        let found = found(files, taught, &[]);
        assert_eq!(found.skipped, [""; 0]);
        found.problems
    }

    fn found(files: &[(&str, &str)], taught: &[&str], work: &[&str]) -> Found {
        let folder = folder_with(files);
        let workspace = Workspace::at(folder.path()).unwrap();
        let pair = [&workspace.chapters()[0], &workspace.chapters()[1]];
        let reason = |path: &&str| ((*path).to_string(), "a reason".to_string());
        let taught = taught.iter().map(reason).collect();
        let work = work.iter().map(|path| (*path).to_string()).collect();
        let mut found = Found::default();
        compare(&workspace, pair, &taught, &work, &mut found).unwrap();
        found
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
    fn an_example_is_in_one_chapter_only() {
        let files = [
            ("chapters/01_a/examples/client.rs", "1"),
            ("chapters/02_b/examples/client.rs", "1"),
            ("chapters/02_b/examples/server.rs", "1"),
        ];
        let found = problems(&files, &[]);
        assert_eq!(found.len(), 1);
        assert!(found[0].ends_with("leave out chapters/02_b/examples/client.rs"), "{found:?}");
    }

    #[test]
    fn a_reader_s_own_work_is_no_problem() {
        let files = [
            ("chapters/01_a/src/server.rs", "1"),
            ("chapters/02_b/src/server.rs", "2"),
            ("chapters/01_a/src/same.rs", "1"),
            ("chapters/02_b/src/same.rs", "1"),
        ];
        let found =
            found(&files, &[], &["chapters/01_a/src/server.rs", "chapters/01_a/src/same.rs"]);
        assert_eq!(found.problems, [""; 0]);
        assert_eq!(found.skipped, ["chapters/01_a/src/server.rs"]);
        assert_eq!(found.same, 1);
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
