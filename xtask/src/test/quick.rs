//! Selects the checks of `--quick`: the parts that a change can break, for the crates, pages and exercises that it
//! affects.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::rules::{Rule, is_below, rules_for};
use crate::exercise::Exercise;
use crate::workspace::{Chapter, Workspace, is_page};

/// The things that a change affects.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Scope {
    /// The base of the comparison, in words for the summary.
    since: String,
    changed: Vec<String>,
    parts: BTreeSet<&'static str>,
    /// Packages to compile with clippy.
    pub packages: BTreeSet<String>,
    /// Packages whose tests are run.
    pub tested: BTreeSet<String>,
    /// Pages whose transcripts are replayed, from the root.
    pub pages: BTreeSet<String>,
    /// Exercises to prove in full, by number.
    pub exercises: BTreeSet<u8>,
    /// Exercises of a changed chapter: their right solutions still have to pass.
    pub solutions: BTreeSet<u8>,
    /// Checks that only a full run does.
    left: BTreeSet<String>,
}

impl Scope {
    /// The files that differ from the last commit; if there are none, the files of the last commit.
    pub(super) fn of_change(workspace: &Workspace) -> anyhow::Result<Scope> {
        let git = workspace.git();
        let changed = git.changed_since("HEAD", ".")?;
        if changed.is_empty() {
            let last = git.changed_since("HEAD~1", ".")?;
            return Scope::of(workspace, "in the last commit", last);
        }
        Scope::of(workspace, "since the last commit", changed)
    }

    fn of(workspace: &Workspace, since: &str, changed: Vec<String>) -> anyhow::Result<Scope> {
        let mut scope = Scope { since: since.to_string(), ..Scope::default() };
        scope.parts.extend(["fmt", "lessons", "circles", "spelling"]);
        let mut chapters = Vec::new();
        for path in &changed {
            match workspace.chapters().iter().find(|chapter| is_below(path, &chapter.folder)) {
                Some(chapter) => {
                    scope.chapter_file(workspace, chapter, path)?;
                    if !chapters.contains(&chapter) && !path.contains("/exercises/") {
                        chapters.push(chapter);
                    }
                }
                None => scope.other_file(path),
            }
        }
        scope.chapters(workspace, &mut chapters)?;
        scope.changed = changed;
        Ok(scope)
    }

    fn chapter_file(
        &mut self,
        workspace: &Workspace,
        chapter: &Chapter,
        path: &str,
    ) -> anyhow::Result<()> {
        let inside = path.strip_prefix(&format!("{}/", chapter.folder)).unwrap_or(path);
        if let Some(name) = inside.strip_prefix("exercises/") {
            self.parts.extend(["clippy", "exercises", "book"]);
            self.packages.insert(chapter.package.clone());
            let name = name.split('/').next().unwrap_or_default();
            let number = name.split('_').next().and_then(|number| number.parse().ok());
            self.exercises.extend::<Option<u8>>(number);
            return Ok(());
        }
        if inside.starts_with("steps/") {
            self.parts.insert("climb");
        }
        for exercise in Exercise::all(workspace)? {
            let Ok(patch) = exercise.patch(workspace, "solution.patch") else { continue };
            if patch.paths().iter().any(|touched| touched == path) {
                self.parts.insert("exercises");
                self.solutions.insert(exercise.number);
            }
        }
        if inside.starts_with("src/core/") {
            self.parts.insert("loom");
        }
        Ok(())
    }

    /// Selects the checks for whole chapters. Only the first and the last changed chapter are tested: the chapters
    /// between them have the same files.
    fn chapters(&mut self, workspace: &Workspace, chapters: &mut [&Chapter]) -> anyhow::Result<()> {
        let order =
            |chapter: &Chapter| workspace.chapters().iter().position(|other| other == chapter);
        chapters.sort_by_key(|chapter| order(chapter));
        let [first, .., last] = chapters else {
            let Some(only) = chapters.first() else { return Ok(()) };
            return self.add_chapters(workspace, &[only], &[only]);
        };
        let ends = [*first, *last];
        for chapter in &chapters[1..chapters.len() - 1] {
            self.left.insert(format!("the tests of {}", chapter.package));
        }
        self.add_chapters(workspace, chapters, &ends)
    }

    fn add_chapters(
        &mut self,
        workspace: &Workspace,
        changed: &[&Chapter],
        tested: &[&Chapter],
    ) -> anyhow::Result<()> {
        self.parts.extend(["clippy", "tests", "ladder", "coverage", "transcripts", "page"]);
        self.packages.extend(changed.iter().map(|chapter| chapter.package.clone()));
        self.tested.extend(tested.iter().map(|chapter| chapter.package.clone()));
        self.pages.extend(pages_with(workspace, tested)?);
        if changed.iter().any(|chapter| chapter.number.is_none()) {
            // The labs depend on the library of `final`.
            self.packages.insert("labs".to_string());
            self.left.insert("the tests of the labs, which use final".to_string());
            self.left.insert(
                "final on other systems, and its rate limits in Redis (`portable`, `poll`, `foreign`)"
                    .to_string(),
            );
        }
        Ok(())
    }

    /// A file outside of the chapters.
    fn other_file(&mut self, path: &str) {
        if is_below(path, "book/src") && is_page(path) {
            self.parts.extend(["book", "coverage", "transcripts"]);
            self.pages.insert(path.to_string());
            return;
        }
        if is_below(path, "xtask/labs") {
            self.pages.insert("book/src/appendix/labs-endpoint.md".to_string());
        }
        let mut is_known = false;
        for Rule { packages, parts, left, .. } in rules_for(path) {
            is_known = true;
            self.parts.extend(*parts);
            self.packages.extend(packages.iter().map(ToString::to_string));
            if parts.contains(&"tests") {
                self.tested.extend(packages.iter().map(ToString::to_string));
            }
            self.left.extend((!left.is_empty()).then(|| (*left).to_string()));
        }
        if !is_known {
            self.left.insert(format!("what depends on {path}"));
        }
    }

    pub(super) fn has(&self, part: &str) -> bool {
        self.parts.contains(part)
    }

    /// A summary of the selected and the skipped checks.
    pub(super) fn summary(&self) -> String {
        let files = match self.changed.as_slice() {
            [] => "nothing has changed".to_string(),
            [only] => format!("{only} has changed"),
            [first, rest @ ..] => format!("{first} and {} more have changed", rest.len()),
        };
        let mut text = format!("{files} {}\n", self.since);
        for left in &self.left {
            let _ = writeln!(text, "only a whole run checks {left}");
        }
        text
    }
}

/// The pages whose transcripts run one of these chapters.
fn pages_with(workspace: &Workspace, chapters: &[&Chapter]) -> anyhow::Result<Vec<String>> {
    let mut pages = workspace.pages()?;
    pages.retain(|_, text| {
        chapters.iter().any(|chapter| {
            text.contains(&format!("```transcript chapter={}\n", chapter.name))
                || text.contains(&format!("$ cargo run -p {}\n", chapter.package))
        })
    });
    Ok(pages.into_keys().collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::tests::folder_with;

    fn scope(changed: &[&str]) -> Scope {
        let patch = "diff --git a/chapters/04_b/src/app.rs b/chapters/04_b/src/app.rs\n--- a/chapters/04_b/src/app.rs\n+++ b/chapters/04_b/src/app.rs\n@@ -1 +1 @@\n-1\n+2\n";
        let folder = folder_with(&[
            ("chapters/03_a/Cargo.toml", ""),
            ("chapters/04_b/Cargo.toml", ""),
            ("chapters/04_b/exercises/02_time/solution.patch", patch),
            ("chapters/05_c/Cargo.toml", ""),
            ("final/Cargo.toml", ""),
            ("book/src/part3/run.md", "```transcript chapter=04_b\n$ curl\n```\n"),
            ("book/src/part3/other.md", "text\n"),
        ]);
        let workspace = Workspace::at(folder.path()).unwrap();
        let changed = changed.iter().map(|path| (*path).to_string()).collect();
        Scope::of(&workspace, "since the last commit", changed).unwrap()
    }

    fn names<T: ToString>(set: &BTreeSet<T>) -> Vec<String> {
        set.iter().map(T::to_string).collect()
    }

    #[test]
    fn a_page_brings_its_transcripts_and_the_checks_of_the_book() {
        let scope = scope(&["book/src/part3/other.md"]);
        assert_eq!(
            names(&scope.parts),
            ["book", "circles", "coverage", "fmt", "lessons", "spelling", "transcripts"]
        );
        assert_eq!(names(&scope.pages), ["book/src/part3/other.md"]);
        assert_eq!(scope.tested.len(), 0);
    }

    #[test]
    fn a_chapter_brings_its_tests_its_exercises_and_the_pages_that_run_it() {
        let scope = scope(&["chapters/04_b/src/app.rs"]);
        assert!(["clippy", "tests", "ladder", "exercises"].iter().all(|part| scope.has(part)));
        assert_eq!(names(&scope.tested), ["ch04_b"]);
        assert_eq!(names(&scope.solutions), ["2"]);
        assert_eq!(names(&scope.pages), ["book/src/part3/run.md"]);
    }

    #[test]
    fn of_a_carried_change_the_first_and_the_last_chapter_are_tested() {
        let changed = ["03_a", "04_b", "05_c"].map(|name| format!("chapters/{name}/src/core/x.rs"));
        let changed: Vec<&str> =
            changed.iter().map(String::as_str).chain(["final/src/core/x.rs"]).collect();
        let scope = scope(&changed);
        assert_eq!(names(&scope.packages), ["ch03_a", "ch04_b", "ch05_c", "final", "labs"]);
        assert_eq!(names(&scope.tested), ["ch03_a", "final"]);
        assert!(scope.summary().contains("only a whole run checks the tests of ch04_b\n"));
        assert!(scope.has("loom"));
    }

    #[test]
    fn an_exercise_is_proved_in_full_and_its_chapter_is_not_tested() {
        let scope = scope(&["chapters/04_b/exercises/02_time/check.rs"]);
        assert_eq!(names(&scope.exercises), ["2"]);
        assert!(scope.has("exercises") && !scope.has("tests"));
    }

    #[test]
    fn what_it_cannot_judge_is_named() {
        let scope = scope(&["Cargo.toml"]);
        let said = "Cargo.toml has changed since the last commit\nonly a whole run checks what depends on Cargo.toml\n";
        assert_eq!(scope.summary(), said);
    }
}
