//! Carrying in small repositories, made for each test.

use std::fs;

use super::*;
use crate::ui::tests::plain;
use crate::workspace::tests::folder_with;

const FIRST: &str = "chapters/02_pool";
const SECOND: &str = "chapters/03_parser";
const THIRD: &str = "chapters/04_router";

struct Repository {
    folder: tempfile::TempDir,
}

impl Repository {
    fn with(files: &[(&str, &str)]) -> Repository {
        let folder = folder_with(files);
        let repository = Repository { folder };
        fs::write(repository.folder.path().join(".gitignore"), "/target\n").unwrap();
        repository.git(&["init", "-q"]);
        repository.commit();
        repository
    }

    fn git(&self, args: &[&str]) {
        let name = ["-c", "user.name=Test", "-c", "user.email=test@example.org"];
        Git::at(self.folder.path()).run(&[&name[..], args].concat()).unwrap();
    }

    fn commit(&self) {
        self.git(&["add", "-A"]);
        self.git(&["commit", "-q", "-m", "a step"]);
    }

    fn write(&self, path: &str, text: &str) {
        crate::patch::write(self.folder.path(), path, text.as_bytes()).unwrap();
    }

    fn read(&self, path: &str) -> String {
        fs::read_to_string(self.folder.path().join(path)).unwrap()
    }

    fn carry(&self, chapter: &str) -> anyhow::Result<Report> {
        let workspace = Workspace::at(self.folder.path()).unwrap();
        let git = Git::at(self.folder.path());
        let revision = git.run(&["rev-parse", "HEAD"]).unwrap();
        let revision = String::from_utf8(revision).unwrap().trim().to_string();
        let chapter = workspace.chapter(chapter).unwrap();
        let mut report = carry(&Source { workspace: &workspace, git, revision, chapter })?;
        report.text = plain(&report.text);
        Ok(report)
    }
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
    assert!(repository.carry("2").unwrap().text.contains("has it already"));
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
fn a_conflict_stops_where_a_person_must_decide_and_goes_on_from_there() {
    let repository = Repository::with(&[
        ("chapters/02_pool/src/a.rs", "limit = 1\n"),
        ("chapters/03_parser/src/a.rs", "limit = 10\n"),
        ("chapters/04_router/src/a.rs", "limit = 10\n"),
    ]);
    repository.write(&format!("{FIRST}/src/a.rs"), "limit = 2\n");
    let report = repository.carry("2").unwrap();
    assert_eq!(
        report.text,
        "\
src/a.rs
  03_parser        conflict

decide: chapters/03_parser/src/a.rs has both sides between <<<<<<< and >>>>>>>
Edit what is named above, then go on with `cargo xtask carry 3`.
"
    );
    assert_eq!(
        repository.read(&format!("{SECOND}/src/a.rs")),
        "\
<<<<<<< chapters/03_parser/src/a.rs
limit = 10
||||||| before the change
limit = 1
=======
limit = 2
>>>>>>> chapters/02_pool/src/a.rs
"
    );
    assert_eq!(repository.read(&format!("{THIRD}/src/a.rs")), "limit = 10\n");
    let error = repository.carry("2").map(|report| report.text).unwrap_err().to_string();
    assert_eq!(error, "chapters/03_parser/src/a.rs still has conflict markers; edit it first");

    repository.write(&format!("{SECOND}/src/a.rs"), "limit = 20\n");
    let report = repository.carry("2").unwrap();
    assert!(report.text.contains("kept as you resolved it"), "{}", report.text);
    assert!(report.conflicts.is_empty());
    assert_eq!(repository.read(&format!("{SECOND}/src/a.rs")), "limit = 20\n");
    assert_eq!(repository.read(&format!("{THIRD}/src/a.rs")), "limit = 20\n");
}

#[test]
fn patches_of_exercises_are_made_anew() {
    let before = "a\nb\nc\nd\ne\nf\ng\nh\n";
    let solved = "a\nb\nc\nd\ne\nf\ng\nsolved\n";
    let wrong = "a\nb\nc\nd\ne\nf\ng\nwrong\n";
    let path = "chapters/03_parser/src/a.rs";
    let files = |text: &str| Files::from([(path.to_string(), Some(text.as_bytes().to_vec()))]);
    let make = |lead: &str, from: &str, to: &str| {
        crate::patch::Patch::between(lead, &files(from), &files(to)).unwrap().text()
    };
    let exercise = "chapters/03_parser/exercises/01_first";
    let repository = Repository::with(&[
        ("chapters/02_pool/src/a.rs", before),
        (path, before),
        (&format!("{exercise}/solution.patch"), &make("", before, solved)),
        (&format!("{exercise}/wrong/one.patch"), &make("Caught-by: x\n\n", before, wrong)),
        (&format!("{exercise}/wrong/two.patch"), &make("Based-on: solution\n\n", solved, wrong)),
    ]);
    let (changed, new_context) = ("A\nb\nc\nd\ne\nf\nG\nh\n", " f\n G\n-h\n+solved\n");
    // A patch that changes a line next to a changed one cannot be merged by itself.
    repository.write("chapters/02_pool/src/a.rs", changed);
    let report = repository.carry("2").unwrap();
    assert_eq!(report.conflicts.len(), 2, "{}", report.text);
    assert!(
        report.conflicts[0].starts_with(&format!("{exercise}/solution.patch: the solved file"))
    );
    repository.git(&["checkout", "-q", "."]);

    let (changed, rest) = ("A\nb\nc\nd\nE\nf\ng\nh\n", " E\n f\n g\n-h\n+solved\n");
    repository.write("chapters/02_pool/src/a.rs", changed);
    let report = repository.carry("2").unwrap();
    assert!(report.conflicts.is_empty(), "{}", report.text);
    let solution = repository.read(&format!("{exercise}/solution.patch"));
    assert!(solution.ends_with(rest), "{solution}");
    assert!(!solution.contains(new_context));
    assert!(
        repository
            .read(&format!("{exercise}/wrong/one.patch"))
            .starts_with("Caught-by: x\n\ndiff --git")
    );
    assert!(repository.read(&format!("{exercise}/wrong/two.patch")).ends_with("-solved\n+wrong\n"));
    // Again, and nothing changes.
    let report = repository.carry("2").unwrap();
    assert!(!report.text.contains("anew"), "{}", report.text);
    assert_eq!(repository.read(&format!("{exercise}/solution.patch")), solution);
}

#[test]
fn without_a_change_it_says_how_to_name_one() {
    let error = three_chapters().carry("2").map(|report| report.text).unwrap_err();
    assert!(error.to_string().contains("--from REV"), "{error}");
}
