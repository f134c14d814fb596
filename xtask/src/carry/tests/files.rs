//! Files that are carried, files that stay, and files that carry must report instead of skipping them.

use super::{CHAPTERS, Repository};

const TEXT: &str = "a\nb\nc\nd\ne\nf\ng\nh\n";

/// The same file in three chapters; the last has its own lines at its end.
fn with_a_file(path: &str) -> Repository {
    Repository::with_file(path, &[TEXT, TEXT, &format!("{TEXT}its own\n")])
}

/// The file in each chapter; nothing where it does not exist.
fn in_chapters(repository: &Repository, path: &str) -> [String; 3] {
    CHAPTERS.map(|chapter| repository.read(&format!("{chapter}/{path}")))
}

#[test]
fn a_change_reaches_all_later_chapters() {
    let repository = with_a_file("src/same.rs");
    let changed = TEXT.replace('a', "A");
    repository.write("chapters/02_pool/src/same.rs", &changed);
    assert_eq!(
        repository.carried(),
        "\
src/same.rs
  03_parser        copied
  04_router        merged

Read it with `git diff`, run `cargo xtask test`, and commit everything together.
"
    );
    let third = format!("{changed}its own\n");
    assert_eq!(
        in_chapters(&repository, "src/same.rs"),
        [&changed, &changed, &third].map(Clone::clone)
    );
    // Carrying again changes nothing.
    assert!(repository.carried().contains("up to date"));
}

#[test]
fn a_line_next_to_the_crate_s_name_is_no_conflict() {
    let main = |name: &str, body: &str| format!("use {name}::Server;\nfn main() {{{body}}}\n");
    let [second, third, fourth] = ["ch02_pool", "ch03_parser", "ch04_router"];
    let texts = [second, third, fourth].map(|name| main(name, ""));
    let repository = Repository::with_file("src/main.rs", &texts.each_ref().map(|text| &text[..]));
    let body = " Server::run() ";
    repository.write("chapters/02_pool/src/main.rs", &main(second, body));
    repository.carried();
    assert_eq!(repository.read("chapters/04_router/src/main.rs"), main(fourth, body));
}

#[test]
fn new_and_deleted_files_are_carried_too() {
    let repository = Repository::with_file("src/main.rs", &["1\n"; 3]);
    repository.write("chapters/02_pool/tests/new.rs", "new\n");
    repository.remove("chapters/02_pool/src/main.rs");
    repository.carried();
    assert_eq!(in_chapters(&repository, "tests/new.rs"), ["new\n"; 3]);
    assert!(!repository.exists("chapters/04_router/src/main.rs"));
}

/// A file that a later chapter does not have, and a file that the list says it must not get.
#[test]
fn a_file_that_is_gone_is_not_brought_back() {
    let list = "[\"03_parser\"]\n\"examples/new.rs\" = \"gone: it is of chapter 2\"\n";
    let repository = Repository::with(&[
        ("chapters/02_pool/src/echo.rs", "1\n"),
        ("chapters/03_parser/src/lib.rs", "\n"),
        ("xtask/lessons.toml", list),
    ]);
    let error = repository.refused();
    assert!(error.contains("add `--from REV`"), "{error}");
    repository.write("chapters/02_pool/src/echo.rs", "2\n");
    repository.write("chapters/02_pool/examples/new.rs", "new\n");
    let text = repository.carried();
    assert!(
        text.contains("  03_parser        has no such file (gone: it is of chapter 2)\n"),
        "{text}"
    );
    assert!(text.contains("  03_parser        has no such file\n"), "{text}");
    for path in ["src/echo.rs", "examples/new.rs"] {
        assert!(!repository.exists(&format!("chapters/03_parser/{path}")), "{path}");
    }
}

#[test]
fn targets_of_exercises_stay_in_their_chapter() {
    let manifest = |name: &str, middle: &str| {
        format!(
            "[package]\nname = \"{name}\"\n\n[dependencies]\nanyhow = \"1\"\n\n{middle}[lints]\na = 1\n"
        )
    };
    let target = |number: u8| {
        format!(
            "# The checks.\n[[test]]\nname = \"exercise_{number:02}\"\npath = \"exercises/{number:02}_x/check.rs\"\n\n"
        )
    };
    let [first, second] = ["chapters/02_pool/Cargo.toml", "chapters/03_parser/Cargo.toml"];
    let repository = Repository::with(&[
        (first, &manifest("ch02_pool", "")),
        (second, &manifest("ch03_parser", &target(3))),
        ("final/Cargo.toml", &manifest("final", "")),
    ]);
    repository.write(first, &manifest("ch02_pool", &target(1)));
    let text = repository.carried();
    assert!(text.starts_with("Cargo.toml\n  03_parser        up to date\n"), "{text}");

    let more = |text: String| text.replace("= \"1\"\n", "= \"1\"\nregex = \"2\"\n");
    repository.write(first, &more(manifest("ch02_pool", &target(1))));
    repository.carried();
    assert_eq!(repository.read(second), more(manifest("ch03_parser", &target(3))));
    assert_eq!(repository.read("final/Cargo.toml"), more(manifest("final", "")));
}

#[test]
fn a_new_test_gets_the_name_of_each_crate_and_the_arguments_of_final() {
    let repository = Repository::with(&[("final/Cargo.toml", "\n"), ("chapters/02_pool/a", "\n")]);
    let test = |library: &str, program: &str, arguments: &str| {
        format!(
            "use {library}::Server;\n\nconst PROGRAM: &str = env!({program});\n\n\
             fn start() {{\n    Program::start(PROGRAM, &[{arguments}]);\n}}\n"
        )
    };
    let program = r#"concat!("CARGO_BIN_EXE_", env!("CARGO_PKG_NAME"))"#;
    let address = r#""127.0.0.1:0""#;
    repository.write("chapters/02_pool/tests/new.rs", &test("ch02_pool", program, address));
    repository.carried();
    let last = test("httpserver", r#""CARGO_BIN_EXE_httpserver""#, r#""--addr", "127.0.0.1:0""#);
    assert_eq!(repository.read("final/tests/new.rs"), last);
}

/// A marker is refused, unless the line was in the file before.
#[test]
fn a_marker_in_the_changed_chapter_is_not_carried() {
    let text = "Title..\n=======\n\nText.\n";
    let repository = Repository::with_file("notes.md", &[text, &format!("{text}More.\n")]);
    repository.write("chapters/02_pool/notes.md", &text.replace("Title", "Other"));
    repository.carried();
    assert_eq!(
        repository.read("chapters/03_parser/notes.md"),
        "Other..\n=======\n\nText.\nMore.\n"
    );
    repository.write("chapters/02_pool/notes.md", &format!("{text}>>>>>>> b\n"));
    let error = repository.refused();
    let start = "chapters/02_pool/notes.md:5: leftover conflict marker; edit it first";
    assert!(error.starts_with(start), "{error}");
}

#[cfg(unix)]
#[test]
fn what_is_no_ordinary_file_is_refused_with_the_file_and_the_way_out() {
    use std::os::unix::fs::{PermissionsExt, symlink};

    let repository = with_a_file("src/a.rs");
    let path = repository.root().join("chapters/02_pool/src/a.rs");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    assert_eq!(
        repository.refused(),
        "chapters/02_pool/src/a.rs is a link or executable, and carry carries only text: make this change in every \
         chapter by hand, commit it, and carry the rest"
    );
    let repository = with_a_file("src/a.rs");
    symlink("a.rs", repository.root().join("chapters/02_pool/src/link.rs")).unwrap();
    let error = repository.refused();
    assert!(error.starts_with("chapters/02_pool/src/link.rs is a link"), "{error}");

    // A link in a later chapter used to be called a file with changes that are in no commit.
    let repository = with_a_file("src/a.rs");
    let link = repository.root().join("chapters/03_parser/src/a.rs");
    std::fs::remove_file(&link).unwrap();
    symlink("../../04_router/src/a.rs", &link).unwrap();
    repository.commit();
    repository.write("chapters/02_pool/src/a.rs", &TEXT.replace('a', "A"));
    let error = repository.refused();
    assert!(error.starts_with("chapters/03_parser/src/a.rs is a link"), "{error}");
    assert!(link.is_symlink());
}

#[test]
fn a_directory_in_place_of_a_file_is_named() {
    let repository = with_a_file("src/a.rs");
    repository.write("chapters/02_pool/src/new.rs", "new\n");
    repository.write("chapters/03_parser/src/new.rs/other", "other\n");
    let error = repository.refused();
    let end = "new.rs is a directory, and should be a file: move it away";
    assert!(error.ends_with(end), "{error}");
}

#[test]
fn a_renamed_file_takes_what_later_chapters_have_changed_along() {
    for start in ["a", "A"] {
        let repository = with_a_file("src/a.rs");
        let text = TEXT.replace('a', start);
        repository.remove("chapters/02_pool/src/a.rs");
        repository.write("chapters/02_pool/src/b.rs", &text);
        let printed = repository.carried();
        let title = "src/b.rs (was src/a.rs)\n  03_parser        copied\n";
        assert!(printed.starts_with(title), "{printed}");
        let third = format!("{text}its own\n");
        assert_eq!(in_chapters(&repository, "src/b.rs"), [&text, &text, &third].map(Clone::clone));
        assert_eq!(in_chapters(&repository, "src/a.rs"), [""; 3]);
        // Once more, and nothing changes. A person's edit of it stays.
        for edited in [third.clone(), third.replace("its own", "edited")] {
            repository.write("chapters/04_router/src/b.rs", &edited);
            repository.carried();
            assert_eq!(repository.read("chapters/04_router/src/b.rs"), edited);
        }
        repository.abort().unwrap();
        let kept = repository.edited("chapters/04_router/src/b.rs");
        assert_eq!(kept, Some(third.replace("its own", "edited")));
        assert!(repository.read("chapters/04_router/src/a.rs").ends_with("h\nits own\n"));
        assert!(!repository.exists("chapters/04_router/src/b.rs"));
    }
}

#[test]
fn a_renamed_file_whose_lines_a_later_chapter_changed_is_a_conflict_at_its_new_path() {
    let mine = TEXT.replace('a', "mine");
    let repository = Repository::with_file("src/a.rs", &[TEXT, TEXT, &mine]);
    repository.remove("chapters/02_pool/src/a.rs");
    repository.write("chapters/02_pool/src/b.rs", &TEXT.replace('a', "A"));
    let conflicts = repository.carry("2").unwrap().conflicts;
    let told = "chapters/04_router/src/b.rs has both sides between <<<<<<< and >>>>>>>";
    assert_eq!(conflicts, [told]);
    let decided = TEXT.replace('a', "MINE");
    repository.write("chapters/04_router/src/b.rs", &decided);
    super::done(repository.go_on());
    assert_eq!(repository.read("chapters/04_router/src/b.rs"), decided);
    assert!(!repository.exists("chapters/04_router/src/a.rs"));
    repository.abort().unwrap();
    assert_eq!(repository.read("chapters/04_router/src/a.rs"), mine);
}

#[test]
fn every_exercise_of_a_changed_chapter_is_named() {
    let path = "chapters/04_router/src/new.rs";
    let adds = format!(
        "diff --git a/{path} b/{path}\nnew file mode 100644\n--- /dev/null\n+++ b/{path}\n@@ -0,0 +1 @@\n+new\n"
    );
    let repository = with_a_file("src/a.rs");
    repository.write("chapters/04_router/exercises/08_adds/solution.patch", &adds);
    repository.write("chapters/04_router/exercises/08_adds/wrong/one.patch", &adds);
    repository.write("chapters/03_parser/exercises/02_other/task.md", "# Other\n");
    repository.write("chapters/03_parser/exercises/02_other/wrong/none.md", "");
    repository.commit();
    repository.write("chapters/02_pool/src/a.rs", &TEXT.replace('a', "A"));
    let report = repository.carry("2").unwrap();
    assert!(report.text.contains("`cargo xtask prove-exercises 2 8`"), "{}", report.text);
    assert_eq!(report.packages, ["ch03_parser", "ch04_router"]);
}

#[test]
fn pages_that_show_a_changed_file_and_old_values_are_named() {
    let code = "const DRAIN: Duration = Duration::from_secs(10);\n";
    let repository = Repository::with(&[
        ("chapters/02_pool/src/server.rs", code),
        ("chapters/03_parser/src/server.rs", code),
        ("final/Cargo.toml", "\n"),
        ("book/src/part2/stop.md", "{{#item 02 src/server.rs DRAIN}}\n"),
        ("book/src/part3/server.md", "{{#diff 02 03 src/server.rs}}\n"),
        ("book/src/part3/other.md", "{{#file 03 src/other.rs}}\n"),
        ("book/src/part4/server.md", "{{#file final src/server.rs}}\n"),
    ]);
    repository.write("chapters/02_pool/src/server.rs", &code.replace("10", "15"));
    assert_eq!(
        repository.carried(),
        "\
src/server.rs
  03_parser        copied
  final            has no such file

Pages that show a changed file:
  book/src/part2/stop.md
  book/src/part3/server.md
DRAIN was 10; `git grep -nwi DRAIN` lists what may quote it.
Read it with `git diff`, run `cargo xtask test`, and commit everything together.
"
    );
}
