//! Checks that a file which a chapter does not teach is byte-identical to the file in the previous chapter.
//!
//! The files that a chapter teaches are listed in `xtask/lessons.toml`, each with the reason. The chapters are compared as
//! they are on the disk, committed or not.

use anyhow::ensure;

use super::part::{Outcome, Run};
use crate::diff::SCOPE;
use crate::lessons::{LIST, Lessons};
use crate::tree::read_tree;
use crate::workspace::Chapter;

/// Files that differ in every crate.
const OWN: [&str; 2] = ["Cargo.toml", "src/lib.rs"];

pub(super) fn check(run: &Run) -> anyhow::Result<Outcome> {
    let workspace = &run.workspace;
    let lessons = Lessons::load(workspace)?;
    let unknown = lessons.chapters().filter(|name| workspace.chapter(name).is_err());
    let mut problems: Vec<String> =
        unknown.map(|name| format!("{LIST}: there is no chapter `{name}`")).collect();
    let mut same = 0;
    for pair in workspace.chapters().windows(2) {
        let [before, after] = pair else { continue };
        let [old, new] = [before, after].map(|it| read_tree(&workspace.path(&it.folder), &SCOPE));
        let (old, new, taught) = (old?, new?, lessons.of(&after.name));
        for (path, content) in old.iter().filter(|(path, _)| !OWN.contains(&path.as_str())) {
            // final is started with `--addr`, so its tests are never byte-identical.
            if after.number.is_none() && path.starts_with("tests/") && new.contains_key(path) {
                continue;
            }
            let is_taught = taught.contains_key(path);
            let problem = problem([before, after], (path, content), new.get(path), is_taught);
            same += usize::from(problem.is_none() && !is_taught);
            problems.extend(problem);
        }
        for path in taught.keys().filter(|path| !old.contains_key(*path)) {
            problems.push(format!("{LIST}: {} has no {path}", before.folder));
        }
    }
    ensure!(problems.is_empty(), "{}", problems.join("\n"));
    Ok(Outcome::passed(format!("{same} files the same")))
}

/// The problem with a file that was at `path` in the chapter before, and is `now` in the next one.
fn problem(
    [before, after]: [&Chapter; 2],
    (path, content): (&String, &Vec<u8>),
    now: Option<&Vec<u8>>,
    is_taught: bool,
) -> Option<String> {
    let [old, new] = [before, after].map(|chapter| format!("{}/{path}", chapter.folder));
    if path.starts_with("examples/") && now.is_some() {
        return Some(format!("{old}: cargo builds both to the same file: leave out {new}"));
    }
    let renamed = before.rename(content, path, after);
    match (now.is_some_and(|now| now == content || *now == renamed), is_taught) {
        (true, true) => Some(format!("{LIST}: {path} is the same in {} as before", after.name)),
        (false, false) => {
            let what = if now.is_some() { "differs from" } else { "is gone, it was in" };
            let remedy = format!("or say in {LIST} why {} teaches it", after.name);
            let folder = &before.folder;
            Some(format!("{new} {what} {folder}: carry the change (`cargo xtask carry`), {remedy}"))
        }
        (true, false) | (false, true) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::Workspace;
    use crate::workspace::tests::folder_with;

    /// The problems with these files, in a directory without a commit, where the later chapter teaches `taught`.
    fn problems(files: &[(&str, &str)], taught: &[&str]) -> Vec<String> {
        let reasons = taught.iter().map(|path| format!("{path:?} = 'a reason'\n"));
        let list = format!("[02_b]\n{}", reasons.collect::<String>());
        let folder = folder_with(&[files, &[(LIST, &list)]].concat());
        let run = Run { workspace: Workspace::at(folder.path()).unwrap(), scope: None };
        let error = check(&run).err().map(|error| error.to_string()).unwrap_or_default();
        error.lines().map(str::to_string).collect()
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
