//! Carrying in small repositories, made for each test.

use std::fs;

use super::*;
use crate::patch::Files;
use crate::ui::tests::plain;
use crate::workspace::tests::folder_with;

const FIRST: &str = "chapters/02_pool";
const SECOND: &str = "chapters/03_parser";
const THIRD: &str = "chapters/04_router";

pub(super) struct Repository {
    pub(super) folder: tempfile::TempDir,
}

impl Repository {
    pub(super) fn with(files: &[(&str, &str)]) -> Repository {
        let folder = folder_with(files);
        let repository = Repository { folder };
        fs::write(repository.folder.path().join(".gitignore"), "/target\n/.carry\n").unwrap();
        repository.git(&["init", "-q"]);
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

    pub(super) fn exists(&self, path: &str) -> bool {
        self.folder.path().join(path).exists()
    }
}

fn without_colours(report: Report) -> Report {
    Report { text: plain(&report.text), ..report }
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
Edit what is named above, then `cargo xtask carry --continue` goes on. `cargo xtask carry --abort` takes everything back.
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
    let error = repository.carry("2").unwrap_err().to_string();
    assert!(error.starts_with("a carry from chapters/02_pool is under way; "), "{error}");
    assert_eq!(repository.go_on().unwrap().text, report.text);

    repository.write(&format!("{SECOND}/src/a.rs"), "limit = 20\n");
    let report = repository.go_on().unwrap();
    assert!(report.text.contains("kept as you resolved it"), "{}", report.text);
    assert!(report.conflicts.is_empty());
    assert_eq!(repository.read(&format!("{SECOND}/src/a.rs")), "limit = 20\n");
    assert_eq!(repository.read(&format!("{THIRD}/src/a.rs")), "limit = 20\n");
}

#[test]
fn a_right_solution_of_another_design_is_made_anew_too() {
    let before = "a\nb\nc\nd\ne\nf\ng\nh\n";
    let path = "chapters/03_parser/src/a.rs";
    let files = |text: &str| Files::from([(path.to_string(), Some(text.as_bytes().to_vec()))]);
    let make = |to: &str| {
        crate::patch::Patch::between("Two words.\n\n", &files(before), &files(to)).unwrap().text()
    };
    let exercise = "chapters/03_parser/exercises/01_first";
    let other = format!("{exercise}/alternatives/other.patch");
    let repository = Repository::with(&[
        ("chapters/02_pool/src/a.rs", before),
        (path, before),
        (&format!("{exercise}/solution.patch"), &make("a\nb\nc\nd\ne\nf\ng\nsolved\n")),
        (&format!("{exercise}/wrong/one.patch"), &make("a\nb\nc\nd\ne\nf\ng\nwrong\n")),
        (&other, &make("a\nb\nc\nd\ne\nf\ng\nin another way\n")),
    ]);
    repository.write("chapters/02_pool/src/a.rs", &before.replace('e', "E"));
    let report = repository.carry("2").unwrap();
    assert!(report.conflicts.is_empty(), "{}", report.text);
    let made = repository.read(&other);
    assert!(made.starts_with("Two words.\n\ndiff --git"), "{made}");
    assert!(made.ends_with(" E\n f\n g\n-h\n+in another way\n"), "{made}");
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
    let told = format!(
        "{exercise}/solution.patch: the solved file with both sides is \
         .carry/01_first/solution.patch/{path}; the patch is made of what you make of it"
    );
    assert_eq!(report.conflicts[0], told);
    assert!(report.text.contains("wrong/two.patch waits for the solution"), "{}", report.text);
    repository.abort().unwrap();
    assert!(!repository.exists(&format!(".carry/01_first/solution.patch/{path}")));
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

#[test]
fn a_patch_is_made_of_what_a_person_makes_of_the_solved_file() {
    let path = "chapters/02_pool/src/a.rs";
    let files = |text: &str| Files::from([(path.to_string(), Some(text.as_bytes().to_vec()))]);
    let make = |lead: &str, from: &str, to: &str| {
        crate::patch::Patch::between(lead, &files(from), &files(to)).unwrap().text()
    };
    let exercise = "chapters/02_pool/exercises/01_first";
    let wrong =
        make("Based-on: solution\n\n", "a\nsolved\nc\nd\ne\nf\n", "a\nsolved\nc\nd\ne\nwrong\n");
    let repository = Repository::with(&[
        (path, "a\nb\nc\nd\ne\nf\n"),
        (
            &format!("{exercise}/solution.patch"),
            &make("", "a\nb\nc\nd\ne\nf\n", "a\nsolved\nc\nd\ne\nf\n"),
        ),
        (&format!("{exercise}/wrong/one.patch"), &wrong),
    ]);
    repository.write(path, "a\nB\nc\nd\ne\nf\n");
    let report = repository.carry("2").unwrap();
    let scratch = format!(".carry/01_first/solution.patch/{path}");
    assert_eq!(report.conflicts.len(), 1, "{}", report.text);
    // Nothing edited, and `--continue` says the same.
    assert_eq!(repository.go_on().unwrap().conflicts, report.conflicts);
    assert!(repository.read(&scratch).contains("<<<<<<< chapters/02_pool/exercises"));

    repository.write(&scratch, "a\nSOLVED\nc\nd\ne\nf\n");
    let report = repository.go_on().unwrap();
    assert!(report.conflicts.is_empty(), "{}", report.text);
    assert!(report.text.contains("prove-exercises --work-tree 1`"), "{}", report.text);
    let solution = repository.read(&format!("{exercise}/solution.patch"));
    assert!(solution.contains("-B\n+SOLVED\n"), "{solution}");
    let wrong = repository.read(&format!("{exercise}/wrong/one.patch"));
    assert!(wrong.starts_with("Based-on: solution\n\ndiff") && wrong.ends_with("-f\n+wrong\n"));
    // A better change: the decision still holds, and gets what is new.
    repository.write(path, "a\nB\nc\nD\ne\nf\n");
    let report = repository.carry("2").unwrap();
    assert!(report.conflicts.is_empty(), "{}", report.text);
    let solution = repository.read(&format!("{exercise}/solution.patch"));
    assert!(solution.contains("+SOLVED\n c\n D\n"), "{solution}");
    // The change is committed, and the next carry does not know of it any more.
    repository.commit();
    repository.write(path, "a\nB\nc\nD\ne\nf\ng\n");
    repository.carry("2").unwrap();
    assert!(!repository.exists(&scratch));
}

#[test]
fn a_patch_that_a_person_made_anew_stays() {
    let path = "chapters/02_pool/src/a.rs";
    let files = |text: &str| Files::from([(path.to_string(), Some(text.as_bytes().to_vec()))]);
    let make = |from: &str, to: &str| {
        crate::patch::Patch::between("", &files(from), &files(to)).unwrap().text()
    };
    let solution = "chapters/02_pool/exercises/01_first/solution.patch";
    let repository = Repository::with(&[
        (path, "a\nb\n"),
        (solution, &make("a\nb\n", "a\nsolved\n")),
        ("chapters/02_pool/exercises/01_first/wrong/none.md", ""),
    ]);
    let by_hand = make("a\nB\n", "a\nSolved\n");
    repository.write(path, "a\nB\n");
    repository.write(solution, &by_hand);
    assert!(repository.carry("2").unwrap().conflicts.is_empty());
    assert_eq!(repository.read(solution), by_hand);
    // Another that fits nothing has to be edited by a person.
    repository.write(path, "a\nC\n");
    let report = repository.carry("2").unwrap();
    assert_eq!(
        report.conflicts,
        [format!("{solution} fits neither the old nor the new files; edit it")]
    );
    assert_eq!(repository.go_on().unwrap().conflicts, report.conflicts);
    repository.write(solution, &make("a\nC\n", "a\nSolved\n"));
    assert!(repository.go_on().unwrap().conflicts.is_empty());
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

#[test]
fn what_no_marker_can_show_is_as_the_person_leaves_it() {
    let repository = Repository::with(&[
        ("chapters/02_pool/src/a.rs", "1\n"),
        ("chapters/03_parser/src/a.rs", "2\n"),
        ("chapters/04_router/src/a.rs", "2\n"),
    ]);
    fs::remove_file(repository.folder.path().join("chapters/02_pool/src/a.rs")).unwrap();
    let report = repository.carry("2").unwrap();
    assert_eq!(report.conflicts.len(), 1, "{}", report.text);
    assert!(report.conflicts[0].contains("was deleted, and this one differs"));
    fs::remove_file(repository.folder.path().join("chapters/03_parser/src/a.rs")).unwrap();
    assert!(repository.go_on().unwrap().conflicts.is_empty());
    assert!(!repository.exists("chapters/04_router/src/a.rs"));
    repository.abort().unwrap();
    assert_eq!(repository.read("chapters/03_parser/src/a.rs"), "2\n");
    assert_eq!(repository.read("chapters/04_router/src/a.rs"), "2\n");
}

#[test]
fn a_conflict_that_is_only_half_resolved_stays_one() {
    let repository = Repository::with(&[
        ("chapters/02_pool/src/a.rs", "limit = 1\n"),
        ("chapters/03_parser/src/a.rs", "limit = 10\n"),
        ("chapters/02_pool/src/b.rs", "limit = 1\n"),
        ("chapters/03_parser/src/b.rs", "limit = 10\n"),
        ("final/Cargo.toml", "\n"),
        ("final/src/a.rs", "limit = 10\n"),
        ("final/src/b.rs", "limit = 100\n"),
    ]);
    repository.write("chapters/02_pool/src/a.rs", "limit = 2\n");
    repository.write("chapters/02_pool/src/b.rs", "limit = 2\n");
    assert_eq!(repository.carry("2").unwrap().conflicts.len(), 2);
    // One is resolved to what it was, and the other one not: the one goes on.
    repository.write("chapters/03_parser/src/a.rs", "limit = 10\n");
    let report = repository.go_on().unwrap();
    assert_eq!(
        report.conflicts,
        ["chapters/03_parser/src/b.rs has both sides between <<<<<<< and >>>>>>>"]
    );
    assert_eq!(repository.read("final/src/a.rs"), "limit = 10\n");
    // The second conflict of the same file is in the next chapter.
    repository.write("chapters/03_parser/src/b.rs", "limit = 20\n");
    let report = repository.go_on().unwrap();
    assert_eq!(report.conflicts, ["final/src/b.rs has both sides between <<<<<<< and >>>>>>>"]);
    repository.write("final/src/b.rs", "limit = 200\n");
    assert!(repository.go_on().unwrap().conflicts.is_empty());
    assert_eq!(repository.read("chapters/03_parser/src/b.rs"), "limit = 20\n");
    assert!(repository.go_on().unwrap_err().to_string().contains("no carry is under way"));
}

#[test]
fn an_abort_keeps_half_a_decision_too() {
    let repository = Repository::with(&[
        ("chapters/02_pool/src/a.rs", "limit = 1\n"),
        ("chapters/03_parser/src/a.rs", "limit = 10\n"),
    ]);
    repository.write("chapters/02_pool/src/a.rs", "limit = 2\n");
    repository.carry("2").unwrap();
    let half = repository.read("chapters/03_parser/src/a.rs") + "half a decision\n";
    repository.write("chapters/03_parser/src/a.rs", &half);
    assert_eq!(repository.go_on().unwrap().conflicts.len(), 1);
    repository.abort().unwrap();
    assert_eq!(repository.read("chapters/03_parser/src/a.rs"), "limit = 10\n");
    assert_eq!(repository.read(".carry/kept/1/chapters/03_parser/src/a.rs"), half);
}

#[test]
fn an_abort_keeps_what_a_person_has_edited() {
    let repository = Repository::with(&[
        ("chapters/02_pool/src/a.rs", "limit = 1\n"),
        ("chapters/03_parser/src/a.rs", "limit = 10\n"),
        ("chapters/02_pool/src/b.rs", "1\n"),
        ("chapters/03_parser/src/b.rs", "1\n"),
    ]);
    // Not committed, and nothing to do with the change.
    repository.write("chapters/03_parser/src/a.rs", "limit = 10 // mine\n");
    repository.write("chapters/02_pool/src/a.rs", "limit = 2\n");
    repository.write("chapters/02_pool/src/b.rs", "2\n");
    repository.carry("2").unwrap();
    repository.write("chapters/03_parser/src/a.rs", "limit = 20\n");
    let told = repository.abort().unwrap();
    assert!(told.ends_with("What you have edited since is in .carry/kept/1.\n"), "{told}");
    assert_eq!(repository.read(".carry/kept/1/chapters/03_parser/src/a.rs"), "limit = 20\n");
    assert_eq!(repository.read("chapters/03_parser/src/a.rs"), "limit = 10 // mine\n");
    assert_eq!(repository.read("chapters/03_parser/src/b.rs"), "1\n");
    assert_eq!(repository.read("chapters/02_pool/src/b.rs"), "2\n");
    assert!(repository.abort().is_err());
}
