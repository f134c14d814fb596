//! Selects the checks of `--quick`: the parts that a change can break, for the crates, pages and exercises that it
//! affects.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crate::ui;
use crate::workspace::Workspace;

/// The directory of a chapter's exercises, which are no code of the chapter.
pub(super) const EXERCISES: &str = "exercises/";

/// The things that a change affects.
#[derive(Debug)]
pub(crate) struct Scope {
    /// The base of the comparison, in words for the summary.
    since: &'static str,
    /// The changed files, from the root.
    pub changed: Vec<String>,
    /// Packages whose tests are run, and whether they have a library.
    pub tested: BTreeMap<String, bool>,
}

impl Scope {
    /// The files that differ from the last commit; if there are none, the files of the last commit.
    pub(super) fn of_change(workspace: &Workspace) -> anyhow::Result<Scope> {
        let changed = workspace.git().changed_since("HEAD", ".")?;
        if changed.is_empty() {
            let last = workspace.git().changed_since("HEAD~1", ".")?;
            return Ok(Scope::of(workspace, "in the last commit", last));
        }
        Ok(Scope::of(workspace, "since the last commit", changed))
    }

    fn of(workspace: &Workspace, since: &'static str, changed: Vec<String>) -> Scope {
        // `page` is tested by the part of that name, and has no tests of its own.
        let is_tested = |path: &&String| !path.contains(EXERCISES) && !path.contains("xtask/page/");
        let mut tested: BTreeMap<String, bool> =
            changed.iter().filter(is_tested).filter_map(|path| package(workspace, path)).collect();
        let chapters = workspace.chapters().iter().map(|chapter| &chapter.package);
        let chapters: Vec<&String> = chapters.filter(|name| tested.contains_key(*name)).collect();
        // The chapters between the first and the last one have the same files.
        if let [_, between @ .., _] = &chapters[..] {
            tested.retain(|name, _| !between.contains(&name));
        }
        Scope { since, changed, tested }
    }

    /// The pages whose transcripts are replayed, from the root: those that have changed, and those that run a crate.
    pub(super) fn pages(&self, workspace: &Workspace) -> anyhow::Result<Vec<String>> {
        let runs = |name: &String| {
            let chapter = name.trim_start_matches("ch");
            [format!("cargo run -q -p {name}"), format!("transcript chapter={chapter}\n")]
        };
        let runs: Vec<String> = self.tested.keys().flat_map(runs).collect();
        let mut pages = workspace.pages()?;
        pages.retain(|path, text| {
            self.changed.contains(path) || runs.iter().any(|run| text.contains(run))
        });
        Ok(pages.into_keys().collect())
    }

    /// The number of changed files, and the parts that do not run.
    pub(super) fn summary(&self, left: &[&str]) -> String {
        format!(
            "{} changed {}\nleft to a whole run: {}, tests of crates that use the changed ones\n",
            ui::count(self.changed.len(), "file"),
            self.since,
            left.join(", ")
        )
    }
}

/// The package of the workspace that has this file, and whether it has a library.
fn package(workspace: &Workspace, path: &str) -> Option<(String, bool)> {
    // Tests of xtask replay the example of CONTRIBUTING.md, and run jq with this file.
    let is_tested_by_xtask = ["CONTRIBUTING.md", ".github/progress.jq"].contains(&path);
    let path = if is_tested_by_xtask { "xtask/tests" } else { path };
    let mut folders = Path::new(path).ancestors().skip(1).map(|it| workspace.root().join(it));
    let folder = folders.find(|folder| folder.join("Cargo.toml").is_file())?;
    let manifest = fs::read_to_string(folder.join("Cargo.toml")).ok()?;
    let manifest: toml::Table = manifest.parse().ok()?;
    // The root, and the crates that cargo builds alone.
    if manifest.contains_key("workspace") {
        return None;
    }
    let name = manifest.get("package")?.get("name")?.as_str()?.to_string();
    Some((name, folder.join("src/lib.rs").is_file()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test::parts::PARTS;

    /// The scope of a change of these files of the course, which are separated by spaces.
    fn scope(changed: &str) -> (Workspace, Scope) {
        let workspace = Workspace::find().unwrap();
        let changed = changed.split_whitespace().map(str::to_string).collect();
        let scope = Scope::of(&workspace, "since the last commit", changed);
        (workspace, scope)
    }

    #[test]
    fn a_change_affects_parts_and_crates() {
        let chapter = "exercises tests clippy page transcripts coverage ladder";
        for (changed, parts, tested) in [
            ("book/src/introduction.md", "book transcripts coverage", ""),
            ("chapters/04_router/src/app/mod.rs", chapter, "ch04_router"),
            // Of a carried change, the first and the last chapter are tested.
            (
                "chapters/05_middleware/src/core/a.rs chapters/06_handlers/src/core/a.rs final/src/core/a.rs",
                &format!("{chapter} loom"),
                "ch05_middleware final",
            ),
            ("chapters/04_router/exercises/02_api_time/check.rs", "exercises book clippy", ""),
            ("xtask/labs/src/main.rs", "book tests clippy page transcripts", "labs"),
            ("xtask/page/src/lib.rs", "clippy page", ""),
            ("xtask/models/tests/queue.rs", "clippy loom", ""),
            ("CONTRIBUTING.md", "tests", "xtask"),
            ("Cargo.toml", "", ""),
        ] {
            let (_, scope) = scope(changed);
            let affected = PARTS.iter().filter(|part| part.is_affected(&scope));
            let affected: Vec<&str> = affected.map(|part| part.name).collect();
            let expected = format!("fmt lessons circles spelling {parts}");
            assert_eq!(affected.join(" "), expected.trim_end(), "{changed}");
            assert!(scope.tested.keys().eq(tested.split_whitespace()), "{changed}");
        }
    }

    #[test]
    fn the_transcripts_of_changed_pages_and_of_changed_crates_are_replayed() {
        let (workspace, scope) = scope("book/src/introduction.md xtask/labs/src/main.rs");
        let pages = ["book/src/appendix/labs-endpoint.md", "book/src/introduction.md"];
        assert_eq!(scope.pages(&workspace).unwrap(), pages);
    }

    #[test]
    fn the_summary_counts_the_files_and_names_the_parts_that_do_not_run() {
        let summary = "2 files changed since the last commit\n\
            left to a whole run: build, doc, tests of crates that use the changed ones\n";
        assert_eq!(scope("a b").1.summary(&["build", "doc"]), summary);
    }
}
