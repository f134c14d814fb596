//! Selects the checks of `--quick`: the parts that a change can break, for the crates, pages and exercises that it
//! affects.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crate::workspace::Workspace;

/// The directory of a chapter's exercises, which are no code of the chapter.
pub(super) const EXERCISES: &str = "exercises/";

/// The things that a change affects.
#[derive(Debug, Default)]
pub(crate) struct Scope {
    /// The base of the comparison, in words for the summary.
    since: &'static str,
    /// The changed files, from the root.
    pub changed: Vec<String>,
    /// Packages to compile with clippy.
    pub packages: BTreeSet<String>,
    /// Packages whose tests are run.
    pub tested: BTreeSet<String>,
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
        let package_of = |path: &String| package(workspace, path);
        let code = changed.iter().filter(|path| !path.contains(EXERCISES));
        let mut tested: BTreeSet<String> = code.filter_map(package_of).collect();
        let chapters = workspace.chapters().iter().map(|chapter| &chapter.package);
        let chapters: Vec<&String> = chapters.filter(|name| tested.contains(*name)).collect();
        // The chapters between the first and the last one have the same files.
        if let [_, between @ .., _] = &chapters[..] {
            tested.retain(|name| !between.contains(&name));
        }
        let packages = changed.iter().filter_map(package_of).collect();
        Scope { since, changed, packages, tested }
    }

    /// The pages whose transcripts are replayed, from the root: those that have changed, and those that run a crate.
    pub(super) fn pages(&self, workspace: &Workspace) -> anyhow::Result<Vec<String>> {
        let chapter = |name: &String| name.trim_start_matches("ch").to_string();
        let runs = |name: &String| {
            [format!("cargo run -q -p {name}"), format!("transcript chapter={}\n", chapter(name))]
        };
        let runs: Vec<String> = self.tested.iter().flat_map(runs).collect();
        let mut pages = workspace.pages()?;
        pages.retain(|path, text| {
            self.changed.contains(path) || runs.iter().any(|run| text.contains(run))
        });
        Ok(pages.into_keys().collect())
    }

    /// The changed files, and the parts that do not run.
    pub(super) fn summary(&self, left: &[&str]) -> String {
        let files = match self.changed.as_slice() {
            [] => "nothing has changed".to_string(),
            [only] => format!("{only} has changed"),
            [first, rest @ ..] => format!("{first} and {} more have changed", rest.len()),
        };
        let (since, left) = (self.since, left.join(", "));
        format!(
            "{files} {since}\nleft to a whole run: crates that depend on the changed ones, {left}\n"
        )
    }
}

/// The package of the workspace that has this file.
fn package(workspace: &Workspace, path: &str) -> Option<String> {
    let folders = Path::new(path).ancestors().skip(1);
    let mut manifests = folders.map(|folder| workspace.root().join(folder).join("Cargo.toml"));
    let manifest = fs::read_to_string(manifests.find(|manifest| manifest.is_file())?).ok()?;
    let manifest: toml::Table = manifest.parse().ok()?;
    // The root, and the crates that cargo builds alone.
    if manifest.contains_key("workspace") {
        return None;
    }
    Some(manifest.get("package")?.get("name")?.as_str()?.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test::parts::PARTS;
    use crate::workspace::tests::folder_with;

    /// What these changes affect: the parts, the tested packages, and the pages.
    fn affected(changed: &[&str]) -> [String; 3] {
        let manifests = ["ch03_a", "ch04_b", "ch05_c", "final", "labs"].map(|name| {
            let folder = match name.strip_prefix("ch") {
                Some(name) => format!("chapters/{name}"),
                None => name.replace("labs", "xtask/labs"),
            };
            (format!("{folder}/Cargo.toml"), format!("[package]\nname = \"{name}\"\n"))
        });
        let mut files: Vec<_> =
            manifests.iter().map(|(path, text)| (&path[..], &text[..])).collect();
        files.extend([
            ("Cargo.toml", "[workspace]\n"),
            ("xtask/models/Cargo.toml", "[package]\nname = \"models\"\n[workspace]\n"),
            ("book/src/part3/run.md", "```transcript chapter=04_b\n$ curl\n```\n"),
            ("book/src/part3/other.md", "text\n"),
            ("book/src/labs.md", "```transcript\n$ cargo run -q -p labs\n```\n"),
        ]);
        let folder = folder_with(&files);
        let workspace = Workspace::at(folder.path()).unwrap();
        let changed = changed.iter().map(|path| (*path).to_string()).collect();
        let scope = Scope::of(&workspace, "since the last commit", changed);
        let parts: Vec<_> =
            PARTS.iter().filter(|part| part.is_affected(&scope)).map(|it| it.name).collect();
        let tested: Vec<_> = scope.tested.iter().map(String::as_str).collect();
        [parts.join(" "), tested.join(" "), scope.pages(&workspace).unwrap().join(" ")]
    }

    #[test]
    fn a_change_affects_parts_crates_and_pages() {
        let chapter =
            "fmt lessons circles spelling exercises tests clippy page transcripts coverage ladder";
        let core = &format!("{chapter} loom")[..];
        for (changed, expected) in [
            (
                &["book/src/part3/other.md"][..],
                [
                    "fmt lessons circles spelling book transcripts coverage",
                    "",
                    "book/src/part3/other.md",
                ],
            ),
            (&["chapters/04_b/src/app.rs"], [chapter, "ch04_b", "book/src/part3/run.md"]),
            // Of a carried change, the first and the last chapter are tested.
            (
                &[
                    "chapters/03_a/src/core/x.rs",
                    "chapters/04_b/src/core/x.rs",
                    "final/src/core/x.rs",
                ],
                [core, "ch03_a final", ""],
            ),
            (
                &["chapters/04_b/exercises/02_time/check.rs"],
                ["fmt lessons circles spelling exercises book clippy", "", ""],
            ),
            (
                &["xtask/labs/src/main.rs"],
                [
                    "fmt lessons circles spelling book tests clippy page transcripts",
                    "labs",
                    "book/src/labs.md",
                ],
            ),
            (&["xtask/models/tests/queue.rs"], ["fmt lessons circles spelling loom", "", ""]),
            (&["Cargo.toml"], ["fmt lessons circles spelling", "", ""]),
        ] {
            assert_eq!(affected(changed), expected, "{changed:?}");
        }
    }

    #[test]
    fn the_summary_names_the_files_and_the_parts_that_do_not_run() {
        let scope = |changed: &[&str]| Scope {
            since: "since the last commit",
            changed: changed.iter().map(ToString::to_string).collect(),
            ..Scope::default()
        };
        let left = "\nleft to a whole run: crates that depend on the changed ones, build, doc\n";
        for (changed, expected) in [
            (&[][..], "nothing has changed since the last commit"),
            (&["a"], "a has changed since the last commit"),
            (&["a", "b", "c"], "a and 2 more have changed since the last commit"),
        ] {
            assert_eq!(scope(changed).summary(&["build", "doc"]), format!("{expected}{left}"));
        }
    }
}
