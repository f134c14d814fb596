//! Cases that carry must report instead of skipping them.

use std::fs;

use super::{FIRST, Repository, SECOND, THIRD, start, without_colours};

/// The same file in three chapters; the last has lines of its own at its end.
fn with_a_file(path: &str) -> Repository {
    let text = "a\nb\nc\nd\ne\nf\ng\nh\n";
    Repository::with(&[
        (&format!("{FIRST}/{path}"), text),
        (&format!("{SECOND}/{path}"), text),
        (&format!("{THIRD}/{path}"), &format!("{text}its own\n")),
    ])
}

#[test]
fn a_marker_in_the_changed_chapter_is_not_carried() {
    let repository = with_a_file("src/a.rs");
    repository.write(&format!("{FIRST}/src/a.rs"), "a\n=======\nB\n");
    let error = repository.carry("2").map(|report| report.text).unwrap_err().to_string();
    assert!(
        error.starts_with("chapters/02_pool/src/a.rs: line 2 is left of a conflict"),
        "{error}"
    );
}

#[test]
fn a_line_that_was_committed_like_a_marker_is_none() {
    let text = "Title..\n=======\n\nText.\n";
    let (first, second) = (format!("{FIRST}/notes.md"), format!("{SECOND}/notes.md"));
    let repository = Repository::with(&[(&first, text), (&second, &format!("{text}More.\n"))]);
    repository.write(&first, &text.replace("Title", "Other"));
    let report = repository.carry("2").unwrap();
    assert!(report.conflicts.is_empty(), "{}", report.text);
    assert_eq!(repository.read(&second), "Other..\n=======\n\nText.\nMore.\n");
}

#[cfg(unix)]
#[test]
fn what_is_no_ordinary_file_is_refused_with_the_file_and_the_way_out() {
    use std::os::unix::fs::{PermissionsExt, symlink};

    let repository = with_a_file("src/a.rs");
    let path = repository.folder.path().join(FIRST).join("src/a.rs");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    let refused = |repository: &Repository| repository.carry("2").unwrap_err().to_string();
    let error = refused(&repository);
    assert_eq!(
        error,
        "chapters/02_pool/src/a.rs is a link or executable, and carry carries only text: make this change in every \
         chapter by hand, commit it, and carry the rest"
    );
    let repository = with_a_file("src/a.rs");
    symlink("a.rs", repository.folder.path().join(FIRST).join("src/link.rs")).unwrap();
    let error = refused(&repository);
    assert!(error.starts_with("chapters/02_pool/src/link.rs is a link"), "{error}");
}

/// It used to be called a file with changes that are in no commit.
#[cfg(unix)]
#[test]
fn a_link_in_a_later_chapter_is_kept_and_named() {
    let repository = with_a_file("src/a.rs");
    let link = repository.folder.path().join(SECOND).join("src/a.rs");
    fs::remove_file(&link).unwrap();
    std::os::unix::fs::symlink("../../04_router/src/a.rs", &link).unwrap();
    repository.commit();
    repository.write(&format!("{FIRST}/src/a.rs"), "A\nb\nc\nd\ne\nf\ng\nh\n");
    let error = repository.carry("2").unwrap_err().to_string();
    assert!(error.starts_with("chapters/03_parser/src/a.rs is a link"), "{error}");
    assert!(link.is_symlink());
}

#[test]
fn a_directory_in_place_of_a_file_is_named() {
    let repository = with_a_file("src/a.rs");
    repository.write(&format!("{FIRST}/src/new.rs"), "new\n");
    repository.write(&format!("{SECOND}/src/new.rs/other"), "other\n");
    let error = repository.carry("2").unwrap_err().to_string();
    assert!(
        error.ends_with("new.rs is a directory, and should be a file: move it away"),
        "{error}"
    );
}

#[test]
fn a_renamed_file_takes_what_later_chapters_have_changed_along() {
    for changed in [true, false] {
        let repository = with_a_file("src/a.rs");
        let first = repository.folder.path().join(FIRST);
        fs::rename(first.join("src/a.rs"), first.join("src/b.rs")).unwrap();
        if changed {
            repository.write(&format!("{FIRST}/src/b.rs"), "A\nb\nc\nd\ne\nf\ng\nh\n");
        }
        let report = repository.carry("2").unwrap();
        assert!(report.conflicts.is_empty(), "{}", report.text);
        let title = "src/b.rs (was src/a.rs)\n  03_parser        copied\n";
        assert!(report.text.starts_with(title), "{}", report.text);
        let third = repository.read(&format!("{THIRD}/src/b.rs"));
        let start = if changed { "A" } else { "a" };
        assert_eq!(third, format!("{start}\nb\nc\nd\ne\nf\ng\nh\nits own\n"));
        for chapter in [SECOND, THIRD] {
            assert!(!repository.exists(&format!("{chapter}/src/a.rs")), "{chapter}");
        }
        // Once more, and nothing changes.
        let again = repository.carry("2").unwrap();
        assert!(again.conflicts.is_empty(), "{}", again.text);
        assert_eq!(repository.read(&format!("{THIRD}/src/b.rs")), third);
        // What a person makes of it stays.
        repository.write(&format!("{THIRD}/src/b.rs"), &third.replace("its own", "edited"));
        let again = repository.carry("2").unwrap();
        assert!(again.conflicts.is_empty(), "{}", again.text);
        assert_eq!(
            repository.read(&format!("{THIRD}/src/b.rs")),
            third.replace("its own", "edited")
        );
        repository.abort().unwrap();
        let kept = repository.edited(&format!("{THIRD}/src/b.rs"));
        assert_eq!(kept, Some(third.replace("its own", "edited")));
        assert!(repository.read(&format!("{THIRD}/src/a.rs")).ends_with("h\nits own\n"));
        assert!(!repository.exists(&format!("{THIRD}/src/b.rs")));
    }
}

#[test]
fn a_renamed_file_whose_lines_a_later_chapter_changed_is_a_conflict_at_its_new_path() {
    let repository = with_a_file("src/a.rs");
    repository.write(&format!("{THIRD}/src/a.rs"), "mine\nb\nc\nd\ne\nf\ng\nh\n");
    repository.commit();
    let first = repository.folder.path().join(FIRST);
    fs::remove_file(first.join("src/a.rs")).unwrap();
    repository.write(&format!("{FIRST}/src/b.rs"), "A\nb\nc\nd\ne\nf\ng\nh\n");
    let report = repository.carry("2").unwrap();
    assert_eq!(report.conflicts.len(), 1, "{}", report.text);
    repository.write(&format!("{THIRD}/src/b.rs"), "MINE\nb\nc\nd\ne\nf\ng\nh\n");
    assert!(repository.go_on().unwrap().conflicts.is_empty());
    assert!(repository.read(&format!("{THIRD}/src/b.rs")).starts_with("MINE\n"));
    assert!(!repository.exists(&format!("{THIRD}/src/a.rs")));
}

/// Carried with a decision in the last chapter, and committed.
fn carried(decision: &str) -> Repository {
    let repository = Repository::with(&[
        ("chapters/02_pool/src/a.rs", "limit = 1\n"),
        ("chapters/03_parser/src/a.rs", "limit = 1\n"),
        ("chapters/04_router/src/a.rs", "limit = 10\n"),
    ]);
    repository.write("chapters/02_pool/src/a.rs", "limit = 2\n");
    repository.carry("2").unwrap();
    repository.write("chapters/04_router/src/a.rs", decision);
    assert!(repository.go_on().unwrap().conflicts.is_empty());
    repository.commit();
    repository
}

#[test]
fn a_carry_that_is_committed_is_recognised() {
    let repository = carried("limit = 20\n");
    let report = start(&repository.workspace(), "2", "HEAD~1").map(without_colours).unwrap();
    assert!(report.packages.is_empty());
    assert_eq!(
        report.text,
        "src/a.rs\n  03_parser        up to date\n  04_router        kept as it is committed\n\n\
         Nothing is left to carry: the later chapters have it.\n"
    );
    assert_eq!(repository.read("chapters/04_router/src/a.rs"), "limit = 20\n");
}

#[test]
fn a_commit_of_the_chapter_alone_is_carried() {
    let repository = carried("limit = 20\n");
    repository.write("chapters/02_pool/src/a.rs", "limit = 3\n");
    repository.commit();
    let report = start(&repository.workspace(), "2", "HEAD~1").unwrap();
    assert_eq!(report.conflicts.len(), 1, "{}", report.text);
    assert_eq!(repository.read("chapters/03_parser/src/a.rs"), "limit = 3\n");
}

#[test]
fn a_commit_that_some_chapters_have_is_carried_to_the_rest() {
    let repository = with_a_file("src/a.rs");
    let fixed = "A\nb\nc\nd\ne\nf\ng\nh\n";
    repository.write(&format!("{FIRST}/src/a.rs"), fixed);
    repository.write(&format!("{SECOND}/src/a.rs"), &format!("{fixed}by hand\n"));
    repository.commit();
    let report = start(&repository.workspace(), "2", "HEAD~1").map(without_colours).unwrap();
    // The last lines of both are their own, and only a person knows their order.
    assert_eq!(
        report.conflicts,
        ["chapters/04_router/src/a.rs has both sides between <<<<<<< and >>>>>>>"]
    );
    assert!(report.text.contains("03_parser        up to date"), "{}", report.text);
}

#[test]
fn every_exercise_of_a_changed_chapter_is_named() {
    let path = format!("{THIRD}/src/new.rs");
    let adds = format!(
        "diff --git a/{path} b/{path}\nnew file mode 100644\n--- /dev/null\n+++ b/{path}\n@@ -0,0 +1 @@\n+new\n"
    );
    let repository = with_a_file("src/a.rs");
    repository.write(&format!("{THIRD}/exercises/08_adds/solution.patch"), &adds);
    repository.write(&format!("{THIRD}/exercises/08_adds/wrong/one.patch"), &adds);
    repository.write(&format!("{SECOND}/exercises/02_other/task.md"), "# Other\n");
    fs::create_dir_all(repository.folder.path().join(SECOND).join("exercises/02_other/wrong"))
        .unwrap();
    repository.commit();
    repository.write(&format!("{FIRST}/src/a.rs"), "A\nb\nc\nd\ne\nf\ng\nh\n");
    let report = repository.carry("2").unwrap();
    assert!(report.text.contains("`cargo xtask prove-exercises 2 8`"), "{}", report.text);
    assert_eq!(report.packages, ["ch03_parser", "ch04_router"]);
}

#[test]
fn pages_that_show_a_changed_file_and_old_values_are_named() {
    let code = "const DRAIN: Duration = Duration::from_secs(10);\n";
    let (first, second) = (format!("{FIRST}/src/server.rs"), format!("{SECOND}/src/server.rs"));
    let repository = Repository::with(&[
        (&first, code),
        (&second, code),
        ("final/Cargo.toml", "\n"),
        ("book/src/part2/stop.md", "{{#item 02 src/server.rs DRAIN}}\n"),
        ("book/src/part3/server.md", "{{#diff 02 03 src/server.rs}}\n"),
        ("book/src/part3/other.md", "{{#file 03 src/other.rs}}\n"),
        ("book/src/part4/server.md", "{{#file final src/server.rs}}\n"),
    ]);
    repository.write(&first, &code.replace("10", "15"));
    assert_eq!(
        repository.carry("2").unwrap().text,
        "\
src/server.rs
  03_parser        copied
  final            has no such file

Pages that show a changed file:
  book/src/part2/stop.md
  book/src/part3/server.md
DRAIN was 10; `git grep -nwiE '(10|ten)[ -]?(s|seconds?)|DRAIN'` lists what may quote it.
Read it with `git diff`, run `cargo xtask test`, and commit everything together.
"
    );
}
