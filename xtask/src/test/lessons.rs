//! Checks that a file which a chapter does not teach is byte-identical to the file in the previous chapter.
//!
//! The files that a chapter teaches are listed in `xtask/lessons.toml`, each with the reason.

use std::collections::BTreeMap;

use anyhow::ensure;

use super::part::{Outcome, Run};
use crate::diff::SCOPE;
use crate::lessons::{LIST, Lessons};
use crate::tree::read_tree;
use crate::workspace::{Chapter, Workspace};

/// Files that differ in every crate.
const OWN: [&str; 2] = ["Cargo.toml", "src/lib.rs"];

pub(super) fn check(run: &Run) -> anyhow::Result<Outcome> {
    let workspace = &run.workspace;
    let lessons = Lessons::load(workspace)?;
    let mut found = Found::default();
    for name in lessons.chapters().filter(|name| workspace.chapter(name).is_err()) {
        found.problems.push(format!("{LIST}: there is no chapter `{name}`"));
    }
    for pair in workspace.chapters().windows(2) {
        let [before, after] = pair else { continue };
        compare(workspace, [before, after], &lessons.of(&after.name), &mut found)?;
    }
    let Found { problems, same } = found;
    ensure!(problems.is_empty(), "{}", problems.join("\n"));
    Ok(Outcome::passed(format!("{same} files the same")))
}

/// The results of the comparisons.
#[derive(Debug, Default)]
struct Found {
    problems: Vec<String>,
    same: usize,
}

/// Compares two chapters as they are on the disk, committed or not.
fn compare(
    workspace: &Workspace,
    [before, after]: [&Chapter; 2],
    taught: &BTreeMap<String, String>,
    found: &mut Found,
) -> anyhow::Result<()> {
    let old = read_tree(&workspace.path(&before.folder), &SCOPE)?;
    let new = read_tree(&workspace.path(&after.folder), &SCOPE)?;
    for (path, content) in old.iter().filter(|(path, _)| !OWN.contains(&path.as_str())) {
        let now = new.get(path);
        let full = [before, after].map(|chapter| format!("{}/{path}", chapter.folder));
        if path.starts_with("examples/") && now.is_some() {
            let problem = format!("cargo builds both to the same file: leave out {}", full[1]);
            found.problems.push(format!("{}: {problem}", full[0]));
            continue;
        }
        let renamed = before.rename(content, path, after);
        // final is started with `--addr`, so its tests are never byte-identical.
        if after.number.is_none() && path.starts_with("tests/") && now.is_some() {
            continue;
        }
        match (now.is_some_and(|now| now == content || *now == renamed), taught.contains_key(path))
        {
            (true, false) => found.same += 1,
            (false, true) => {}
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
    use crate::git::tests::repository;
    use crate::workspace::tests::folder_with;

    /// Compares two chapters. The later one teaches `taught`.
    fn problems(files: &[(&str, &str)], taught: &[&str]) -> Vec<String> {
        let folder = folder_with(files);
        let workspace = Workspace::at(folder.path()).unwrap();
        let pair = [&workspace.chapters()[0], &workspace.chapters()[1]];
        let reason = |path: &&str| ((*path).to_string(), "a reason".to_string());
        let taught = taught.iter().map(reason).collect();
        let mut found = Found::default();
        compare(&workspace, pair, &taught, &mut found).unwrap();
        found.problems
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

    /// Differences in files that were not committed yet used to be left out, so the order "test, then commit" hid them.
    #[test]
    fn a_difference_counts_before_it_is_committed() {
        let files =
            [("chapters/01_a/src/server.rs", "1\n"), ("chapters/02_b/src/server.rs", "1\n")];
        let folder = folder_with(&files);
        repository(folder.path());
        let list = folder.path().join(LIST);
        std::fs::create_dir_all(list.parent().unwrap()).unwrap();
        std::fs::write(list, "").unwrap();
        let run = Run { workspace: Workspace::at(folder.path()).unwrap(), scope: None };
        assert!(check(&run).is_ok());
        std::fs::write(folder.path().join("chapters/02_b/src/server.rs"), "2\n").unwrap();
        assert!(check(&run).is_err());
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
