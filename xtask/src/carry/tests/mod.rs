//! Carrying in small repositories, made for each test. The course is a directory of a larger repository, whose paths
//! begin with `course/`; the tests of past fixes and of the command run where it is the whole repository.

mod conflicts;
mod files;
mod history;
mod interrupted;
mod patches;

use std::fs;
use std::path::PathBuf;

use super::*;
use crate::patch::{Files, Patch};
use crate::ui::tests::plain;
use crate::workspace::tests::folder_with;

/// The directories of three chapters.
const CHAPTERS: [&str; 3] = ["chapters/02_pool", "chapters/03_parser", "chapters/04_router"];

struct Repository {
    folder: tempfile::TempDir,
}

impl Repository {
    fn with(files: &[(&str, &str)]) -> Repository {
        let repository = Repository { folder: folder_with(&[("course/.gitignore", "/.carry\n")]) };
        for (path, text) in files {
            repository.write(path, text);
        }
        // Without the examples of hooks there is less to copy.
        repository.git(&["init", "-q", "--template=", ".."]);
        repository.commit();
        repository
    }

    /// A file with these contents in as many chapters.
    fn with_file(path: &str, texts: &[&str]) -> Repository {
        let paths = CHAPTERS.map(|chapter| format!("{chapter}/{path}"));
        let files: Vec<(&str, &str)> =
            paths.iter().zip(texts).map(|(path, text)| (&path[..], *text)).collect();
        Repository::with(&files)
    }

    fn root(&self) -> PathBuf {
        self.folder.path().join("course")
    }

    fn git(&self, args: &[&str]) -> String {
        Git::at(&self.root()).text(args).unwrap()
    }

    fn commit(&self) {
        self.git(&["add", "-A"]);
        self.git(&["commit", "-q", "-m", "a step"]);
    }

    fn write(&self, path: &str, text: &str) {
        crate::patch::write(&self.root(), path, text.as_bytes()).unwrap();
    }

    /// The content of a file, or nothing when there is none.
    fn read(&self, path: &str) -> String {
        fs::read_to_string(self.root().join(path)).unwrap_or_default()
    }

    fn remove(&self, path: &str) {
        fs::remove_file(self.root().join(path)).unwrap();
    }

    fn exists(&self, path: &str) -> bool {
        self.root().join(path).exists()
    }

    fn workspace(&self) -> Workspace {
        Workspace::at(&self.root()).unwrap()
    }

    fn carry(&self, chapter: &str) -> anyhow::Result<Report> {
        start(&self.workspace(), chapter, "HEAD").map(without_colours)
    }

    /// Carries the change of chapter 2, which must succeed without a conflict, and returns the output.
    fn carried(&self) -> String {
        done(self.carry("2"))
    }

    /// The error of a carry of chapter 2.
    fn refused(&self) -> String {
        self.carry("2").unwrap_err().to_string()
    }

    fn go_on(&self) -> anyhow::Result<Report> {
        go_on(&self.workspace()).map(without_colours)
    }

    fn abort(&self) -> anyhow::Result<String> {
        abort(&self.workspace()).map(|report| plain(&report.text))
    }

    /// An edited file that the last abort has kept.
    fn edited(&self, path: &str) -> Option<String> {
        let content = Git::at(&self.root()).show("refs/worktree/carry/undone", path).unwrap();
        content.map(|content| String::from_utf8(content).unwrap())
    }
}

/// The output of a carry without conflicts.
fn done(report: anyhow::Result<Report>) -> String {
    let report = report.unwrap();
    assert!(report.conflicts.is_empty(), "{}", report.text);
    report.text
}

/// A patch of one file, with a text before it.
fn patch(path: &str, lead: &str, texts: [&str; 2]) -> String {
    let [before, after] = texts.map(|text| Files::from([(path.to_string(), Some(text.into()))]));
    Patch::between(lead, &before, &after).unwrap().text()
}

/// The output of a carry with `--no-check`.
fn without_colours(report: Report) -> Report {
    Report { text: plain(&(report.text + &report.closing)), closing: String::new(), ..report }
}
