//! The exercises: their directories and their files.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

use crate::patch::Patch;
use crate::workspace::{Chapter, Workspace};

/// A directory `exercises/NN_name` in a chapter.
#[derive(Debug, Clone)]
pub(crate) struct Exercise {
    pub number: u8,
    /// `02_api_time`
    pub name: String,
    /// From the root: `chapters/04_router/exercises/02_api_time`
    pub folder: String,
    pub chapter: Chapter,
}

impl Exercise {
    /// All exercises by their number.
    ///
    /// # Errors
    /// Returns an error when two directories have the same number, for example after one was copied.
    pub(crate) fn all(workspace: &Workspace) -> anyhow::Result<Vec<Exercise>> {
        let mut exercises = Vec::new();
        for chapter in workspace.chapters() {
            let folder = format!("{}/exercises", chapter.folder);
            // Most chapters have none.
            let Ok(entries) = fs::read_dir(workspace.path(&folder)) else { continue };
            for entry in entries {
                let name = entry?.file_name().to_string_lossy().into_owned();
                let number = name.split_once('_').and_then(|(number, _)| number.parse().ok());
                if let Some(number) = number {
                    let folder = format!("{folder}/{name}");
                    exercises.push(Exercise { number, name, folder, chapter: chapter.clone() });
                }
            }
        }
        exercises.sort_by(|a, b| (a.number, &a.folder).cmp(&(b.number, &b.folder)));
        let mut pairs = exercises.windows(2);
        if let Some([one, other]) = pairs.find(|pair| pair[0].number == pair[1].number) {
            bail!(
                "two directories are exercise {}: {} and {}. Move the copy out of {}/exercises",
                one.number,
                one.folder,
                other.folder,
                other.chapter.folder
            );
        }
        Ok(exercises)
    }

    /// The exercise that a user calls `2`, `02` or `02_api_time`.
    ///
    /// # Errors
    /// Returns an error that lists the existing exercises if there is no such exercise.
    pub(crate) fn find(workspace: &Workspace, called: &str) -> anyhow::Result<Exercise> {
        let all = Exercise::all(workspace)?;
        let known: Vec<String> = all.iter().map(|e| format!("{} ({})", e.number, e.name)).collect();
        all.into_iter()
            .find(|exercise| exercise.name == called || called.parse() == Ok(exercise.number))
            .with_context(|| {
                format!("there is no exercise `{called}`; there are: {}", known.join(", "))
            })
    }

    /// A file of this exercise.
    pub(crate) fn path(&self, workspace: &Workspace, name: &str) -> PathBuf {
        workspace.path(&self.folder).join(name)
    }

    /// Reads one of its patches.
    pub(crate) fn patch(&self, workspace: &Workspace, name: &str) -> anyhow::Result<Patch> {
        Patch::read(&self.path(workspace, name))
    }

    /// The first heading of its task, or its name.
    pub(crate) fn title(&self, workspace: &Workspace) -> String {
        let task = fs::read_to_string(self.path(workspace, "task.md")).unwrap_or_default();
        let heading = task.lines().find_map(|line| line.strip_prefix("# "));
        heading.map_or_else(|| self.name.clone(), |heading| heading.replace('`', ""))
    }

    /// The chapter's tests that the task lists. The exercise changes the expected results, so these tests fail with a
    /// correct solution until they are updated. The names are as `cargo test` prints them.
    pub(crate) fn changed_tests(&self, workspace: &Workspace) -> Vec<String> {
        let task = fs::read_to_string(self.path(workspace, "task.md")).unwrap_or_default();
        changed_tests(&task)
    }

    /// The page of the book that shows its task.
    pub(crate) fn page(&self, workspace: &Workspace) -> Option<String> {
        let directive = format!("{{{{#exercise {}}}}}", self.number);
        let pages = workspace.pages().ok()?;
        pages.into_iter().find_map(|(path, text)| text.contains(&directive).then_some(path))
    }

    /// The cargo target with its checks: `exercise_02`.
    pub(crate) fn target(&self) -> String {
        format!("exercise_{:02}", self.number)
    }

    /// The names of the wrong solutions: `wrong/local_time.patch`, sorted.
    pub(crate) fn wrong(&self, workspace: &Workspace) -> anyhow::Result<Vec<String>> {
        self.patches_in(workspace, "wrong")
    }

    /// The names of the alternative solutions: `alternatives/two_layers.patch`, sorted.
    pub(crate) fn alternatives(&self, workspace: &Workspace) -> anyhow::Result<Vec<String>> {
        self.patches_in(workspace, "alternatives")
    }

    fn patches_in(&self, workspace: &Workspace, folder: &str) -> anyhow::Result<Vec<String>> {
        // Most exercises have no alternative solutions.
        let Ok(entries) = fs::read_dir(self.path(workspace, folder)) else { return Ok(Vec::new()) };
        let mut names = Vec::new();
        for entry in entries {
            let name = entry?.file_name().to_string_lossy().into_owned();
            if Path::new(&name).extension().is_some_and(|extension| extension == "patch") {
                names.push(format!("{folder}/{name}"));
            }
        }
        names.sort();
        Ok(names)
    }
}

/// Begins the paragraph before the list of tests.
const TESTS: &str = "**The chapter's own tests.**";

/// The items of the list, "- `middleware::log_format::tests::name`: why".
fn changed_tests(task: &str) -> Vec<String> {
    let Some((_, list)) = task.split_once(TESTS) else { return Vec::new() };
    let items = list.lines().skip_while(|line| !line.starts_with("- "));
    let items = items.take_while(|line| !line.is_empty());
    let name = |line: &str| Some(line.strip_prefix("- `")?.split_once('`')?.0.to_string());
    items.filter_map(name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::tests::folder_with;

    #[test]
    fn the_tests_that_change_are_a_list_in_the_task() {
        let task = "# T\n\n- `no`: test\n\n**The chapter's own tests.** Two\nfail:\n\n- `a::tests::b`: the old\n  line\n\
                    - `c` (`tests/c.rs`)\n\nThe goal:\n\n- `d`\n";
        assert_eq!(changed_tests(task), ["a::tests::b", "c"]);
        assert_eq!(changed_tests("# T\n\n- `no`\n"), [""; 0]);
    }

    #[test]
    fn an_exercise_is_found_by_number_and_by_name_with_its_patches_and_its_page() {
        let folder = folder_with(&[
            ("chapters/04_router/exercises/02_api_time/task.md", ""),
            ("chapters/04_router/exercises/02_api_time/wrong/b.patch", ""),
            ("chapters/04_router/exercises/02_api_time/wrong/a.patch", ""),
            ("chapters/04_router/exercises/02_api_time/alternatives/c.patch", ""),
            ("chapters/04_router/exercises/01_curl/task.md", ""),
            ("book/src/a.md", "{{#exercise 12}}"),
            ("book/src/part3/exercise-2.md", "Text.\n\n{{#exercise 2}}\n"),
        ]);
        let workspace = Workspace::at(folder.path()).unwrap();
        for called in ["2", "02", "02_api_time"] {
            let exercise = Exercise::find(&workspace, called).unwrap();
            assert_eq!(exercise.folder, "chapters/04_router/exercises/02_api_time", "{called}");
            assert_eq!(exercise.target(), "exercise_02");
            assert_eq!(exercise.wrong(&workspace).unwrap(), ["wrong/a.patch", "wrong/b.patch"]);
            assert_eq!(exercise.alternatives(&workspace).unwrap(), ["alternatives/c.patch"]);
            assert_eq!(exercise.page(&workspace).as_deref(), Some("book/src/part3/exercise-2.md"));
        }
        let exercise = Exercise::find(&workspace, "1").unwrap();
        assert!(exercise.alternatives(&workspace).unwrap().is_empty());
        assert_eq!(
            Exercise::find(&workspace, "7").unwrap_err().to_string(),
            "there is no exercise `7`; there are: 1 (01_curl), 2 (02_api_time)"
        );
        // Regression test: which of the two was used depended on the order of the directories.
        let copy = "chapters/04_router/exercises/02_api_time copy";
        fs::create_dir(folder.path().join(copy)).unwrap();
        assert_eq!(
            Exercise::find(&workspace, "2").unwrap_err().to_string(),
            format!(
                "two directories are exercise 2: chapters/04_router/exercises/02_api_time and {copy}. \
                 Move the copy out of chapters/04_router/exercises"
            )
        );
    }
}
