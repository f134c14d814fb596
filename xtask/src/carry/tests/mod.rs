//! Carrying in small repositories, made for each test.

mod conflicts;
mod patches;
mod truth;

use std::fs;

use super::*;
use crate::patch::{Files, Patch};
use crate::ui::tests::plain;
use crate::workspace::tests::folder_with;

const FIRST: &str = "chapters/02_pool";
const SECOND: &str = "chapters/03_parser";
const THIRD: &str = "chapters/04_router";

pub(super) struct Repository {
    pub(super) folder: tempfile::TempDir,
}

/// The course is a directory of a larger repository, whose paths begin with `course/`.
#[test]
fn the_course_may_be_a_folder_of_another_repository() {
    let folder = folder_with(&[
        ("course/chapters/02_pool/src/a.rs", "1\n2\n3\n4\n5\n"),
        ("course/chapters/03_parser/src/a.rs", "1\n2\n3\n4\nfive\n"),
        ("course/.gitignore", "/.carry\n"),
    ]);
    let root = folder.path().join("course");
    let name = ["-c", "user.name=Test", "-c", "user.email=test@example.org"];
    let git = |args: &[&str]| Git::at(&root).run(&[&name[..], args].concat()).unwrap();
    git(&["init", "-q", ".."]);
    git(&["add", "-A"]);
    git(&["commit", "-q", "-m", "a step"]);
    fs::write(root.join("chapters/02_pool/src/a.rs"), "one\n2\n3\n4\n5\n").unwrap();
    let workspace = Workspace::at(&root).unwrap();
    let report = start(&workspace, "2", "HEAD").unwrap();
    assert!(report.conflicts.is_empty(), "{}", report.text);
    let carried = fs::read_to_string(root.join("chapters/03_parser/src/a.rs")).unwrap();
    assert_eq!(carried, "one\n2\n3\n4\nfive\n");
    git(&["commit", "-q", "-a", "-m", "a fix"]);
    let report = start(&workspace, "2", "HEAD~1").unwrap();
    assert!(report.closing.contains("Nothing is left to carry"), "{}", report.closing);
    let status = git(&["status", "--porcelain"]);
    assert_eq!(String::from_utf8_lossy(&status), "");
}

impl Repository {
    pub(super) fn with(files: &[(&str, &str)]) -> Repository {
        let folder = folder_with(files);
        let repository = Repository { folder };
        fs::write(repository.folder.path().join(".gitignore"), "/target\n/.carry\n").unwrap();
        // Without the examples of hooks there is less to copy.
        repository.git(&["init", "-q", "--template="]);
        repository.commit();
        repository
    }

    pub(super) fn git(&self, args: &[&str]) {
        let name = ["-c", "user.name=Test", "-c", "user.email=test@example.org"];
        Git::at(self.folder.path()).run(&[&name[..], args].concat()).unwrap();
    }

    pub(super) fn commit(&self) {
        self.git(&["add", "-A"]);
        self.git(&["commit", "-q", "-m", "a step"]);
    }

    pub(super) fn write(&self, path: &str, text: &str) {
        crate::patch::write(self.folder.path(), path, text.as_bytes()).unwrap();
    }

    pub(super) fn read(&self, path: &str) -> String {
        fs::read_to_string(self.folder.path().join(path)).unwrap()
    }

    pub(super) fn workspace(&self) -> Workspace {
        Workspace::at(self.folder.path()).unwrap()
    }

    pub(super) fn carry(&self, chapter: &str) -> anyhow::Result<Report> {
        start(&self.workspace(), chapter, "HEAD").map(without_colours)
    }

    pub(super) fn go_on(&self) -> anyhow::Result<Report> {
        go_on(&self.workspace()).map(without_colours)
    }

    pub(super) fn abort(&self) -> anyhow::Result<String> {
        abort(&self.workspace()).map(|report| plain(&report.text))
    }

    /// An edited file that the last abort has kept.
    pub(super) fn edited(&self, path: &str) -> Option<String> {
        let content = Git::at(self.folder.path()).show("refs/worktree/carry/undone", path).unwrap();
        content.map(|content| String::from_utf8(content).unwrap())
    }

    pub(super) fn exists(&self, path: &str) -> bool {
        self.folder.path().join(path).exists()
    }
}

/// A patch of one file, with a text before it.
pub(super) fn patch(path: &str, lead: &str, texts: [&str; 2]) -> String {
    let [before, after] = texts.map(|text| Files::from([(path.to_string(), Some(text.into()))]));
    Patch::between(lead, &before, &after).unwrap().text()
}

/// What a person reads who carries with `--no-check`.
fn without_colours(report: Report) -> Report {
    let closing = if report.conflicts.is_empty() { report.closing.as_str() } else { "" };
    Report { text: plain(&format!("{}{closing}", report.text)), ..report }
}

/// Three chapters with one file that is the same everywhere and one that the last has changed.
fn three_chapters() -> Repository {
    Repository::with(&[
        ("chapters/02_pool/src/same.rs", "1\n2\n3\n4\n5\n"),
        ("chapters/03_parser/src/same.rs", "1\n2\n3\n4\n5\n"),
        ("chapters/04_router/src/same.rs", "1\n2\n3\n4\nfive\n"),
        ("chapters/02_pool/src/main.rs", "use ch02_pool::Server;\nfn main() {}\n"),
        ("chapters/03_parser/src/main.rs", "use ch03_parser::Server;\nfn main() {}\n"),
        ("chapters/04_router/src/main.rs", "use ch04_router::Server;\nfn main() {}\n"),
    ])
}

#[test]
fn a_change_reaches_all_later_chapters() {
    let repository = three_chapters();
    repository.write(&format!("{FIRST}/src/same.rs"), "one\n2\n3\n4\n5\n");
    let report = repository.carry("2").unwrap();
    assert!(report.conflicts.is_empty());
    assert_eq!(repository.read(&format!("{SECOND}/src/same.rs")), "one\n2\n3\n4\n5\n");
    assert_eq!(repository.read(&format!("{THIRD}/src/same.rs")), "one\n2\n3\n4\nfive\n");
    assert_eq!(
        report.text,
        "\
src/same.rs
  03_parser        copied
  04_router        merged

Read it with `git diff`, run `cargo xtask test`, and commit everything together.
"
    );
    // Carrying again changes nothing.
    assert!(repository.carry("2").unwrap().text.contains("up to date"));
}

#[test]
fn a_line_next_to_the_crate_s_name_is_no_conflict() {
    let repository = three_chapters();
    let changed = "use ch02_pool::Server;\nfn main() { Server::run() }\n";
    repository.write(&format!("{FIRST}/src/main.rs"), changed);
    assert!(repository.carry("2").unwrap().conflicts.is_empty());
    assert_eq!(
        repository.read(&format!("{THIRD}/src/main.rs")),
        "use ch04_router::Server;\nfn main() { Server::run() }\n"
    );
}

#[test]
fn new_and_deleted_files_are_carried_too() {
    let repository = three_chapters();
    repository.write(&format!("{FIRST}/tests/new.rs"), "new\n");
    fs::remove_file(repository.folder.path().join(FIRST).join("src/main.rs")).unwrap();
    fs::write(
        repository.folder.path().join(SECOND).join("src/main.rs"),
        "use ch03_parser::Server;\nfn main() {}\n",
    )
    .unwrap();
    let report = repository.carry("2").unwrap();
    assert!(report.conflicts.is_empty(), "{}", report.text);
    assert_eq!(repository.read(&format!("{THIRD}/tests/new.rs")), "new\n");
    assert!(!repository.folder.path().join(THIRD).join("src/main.rs").exists());
}

#[test]
fn a_file_that_a_later_chapter_has_not_is_left_out() {
    let repository = Repository::with(&[
        ("chapters/02_pool/src/echo.rs", "1\n"),
        ("chapters/03_parser/src/lib.rs", "\n"),
    ]);
    repository.write(&format!("{FIRST}/src/echo.rs"), "2\n");
    let report = repository.carry("2").unwrap();
    assert!(report.text.contains("03_parser        has no such file"));
    assert!(!repository.folder.path().join(SECOND).join("src/echo.rs").exists());
}

#[test]
fn without_a_change_it_says_how_to_name_one() {
    let error = three_chapters().carry("2").map(|report| report.text).unwrap_err();
    assert!(error.to_string().contains("--from REV"), "{error}");
}

#[test]
fn targets_of_exercises_stay_in_their_chapter() {
    let manifest = |name: &str, middle: &str| {
        format!(
            "[package]\nname = \"{name}\"\n\n[dependencies]\nanyhow = \"1\"\n\n{middle}[lints]\n\
             workspace = true\n"
        )
    };
    let target = |number: u8| {
        format!(
            "# The checks.\n[[test]]\nname = \"exercise_{number:02}\"\n\
             path = \"exercises/{number:02}_x/check.rs\"\n\n"
        )
    };
    let (first, second) = (format!("{FIRST}/Cargo.toml"), format!("{SECOND}/Cargo.toml"));
    let repository = Repository::with(&[
        (&first, &manifest("ch02_pool", "")),
        (&second, &manifest("ch03_parser", &target(3))),
        ("final/Cargo.toml", &manifest("final", "")),
    ]);
    repository.write(&first, &manifest("ch02_pool", &target(1)));
    let report = repository.carry("2").unwrap();
    assert!(
        report.text.contains("about exercises, which stay in their chapter"),
        "{}",
        report.text
    );

    let both = manifest("ch02_pool", &target(1)).replace("= \"1\"\n", "= \"1\"\nregex = \"2\"\n");
    repository.write(&first, &both);
    let report = repository.carry("2").unwrap();
    assert!(report.conflicts.is_empty(), "{}", report.text);
    let more = |text: String| text.replace("= \"1\"\n", "= \"1\"\nregex = \"2\"\n");
    assert_eq!(repository.read(&second), more(manifest("ch03_parser", &target(3))));
    assert_eq!(repository.read("final/Cargo.toml"), more(manifest("final", "")));
}

#[test]
fn a_new_test_gets_the_name_of_each_crate_and_the_arguments_of_final() {
    let repository = three_chapters();
    repository.write("final/Cargo.toml", "\n");
    repository.commit();
    let test = |library: &str, program: &str, arguments: &str| {
        format!(
            "use {library}::Server;\n\nconst PROGRAM: &str = env!({program});\n\n\
             fn start() {{\n    Program::start(PROGRAM, &[{arguments}]);\n}}\n"
        )
    };
    let program = r#"concat!("CARGO_BIN_EXE_", env!("CARGO_PKG_NAME"))"#;
    let address = r#""127.0.0.1:0""#;
    repository.write(&format!("{FIRST}/tests/new.rs"), &test("ch02_pool", program, address));
    repository.carry("2").unwrap();
    let third = repository.read(&format!("{THIRD}/tests/new.rs"));
    assert_eq!(third, test("ch04_router", program, address));
    let last = test("httpserver", r#""CARGO_BIN_EXE_httpserver""#, r#""--addr", "127.0.0.1:0""#);
    assert_eq!(repository.read("final/tests/new.rs"), last);
}

#[test]
fn a_file_that_the_list_says_is_gone_is_not_brought_back() {
    let repository = three_chapters();
    let list = "[\"03_parser\"]\n\"examples/new.rs\" = \"gone: it is of chapter 2\"\n";
    repository.write("xtask/lessons.toml", list);
    repository.write(&format!("{FIRST}/examples/new.rs"), "new\n");
    let report = repository.carry("2").unwrap();
    assert!(
        report.text.contains("03_parser        has no such file (gone: it is of"),
        "{}",
        report.text
    );
    assert!(!repository.exists(&format!("{SECOND}/examples/new.rs")));
}
