//! What a person has to decide, and what becomes of a decision.

use std::fs;

use super::{FIRST, Repository, SECOND, THIRD};

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
Edit the files above, then continue with `cargo xtask carry --continue`. `cargo xtask carry --abort` undoes everything.
refs/worktree/carry/start has the files as they were.
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

    for left in ["||||||| before the change", "=======", ">>>>>>> chapters/02_pool/src/a.rs"] {
        repository.write(&format!("{SECOND}/src/a.rs"), &format!("limit = 20\n{left}\n"));
        let told = format!("{SECOND}/src/a.rs: line 2 is left of a conflict: {left}");
        assert_eq!(repository.go_on().unwrap().conflicts, [told]);
        assert_eq!(repository.read(&format!("{THIRD}/src/a.rs")), "limit = 10\n");
    }
    repository.write(&format!("{SECOND}/src/a.rs"), "limit = 20\n");
    let report = repository.go_on().unwrap();
    assert!(report.text.contains("up to date"), "{}", report.text);
    assert!(report.conflicts.is_empty());
    assert_eq!(repository.read(&format!("{SECOND}/src/a.rs")), "limit = 20\n");
    assert_eq!(repository.read(&format!("{THIRD}/src/a.rs")), "limit = 20\n");
}

#[test]
fn a_file_that_is_taken_back_counts_as_a_decision() {
    let repository = Repository::with(&[
        ("chapters/02_pool/src/a.rs", "limit = 1\n"),
        ("chapters/03_parser/src/a.rs", "limit = 10\n"),
    ]);
    repository.write(&format!("{FIRST}/src/a.rs"), "limit = 2\n");
    repository.carry("2").unwrap();
    repository.write(&format!("{SECOND}/src/a.rs"), "limit = 10\n");
    let report = repository.go_on().unwrap();
    assert!(report.text.contains("03_parser        up to date"), "{}", report.text);
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
    // One file gets its old content back, and the other stays as it is: only the first is carried on.
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
fn an_abort_keeps_what_a_person_has_edited() {
    let repository = Repository::with(&[
        ("chapters/02_pool/src/a.rs", "limit = 1\n"),
        ("chapters/03_parser/src/a.rs", "limit = 10\n"),
        ("chapters/02_pool/src/b.rs", "1\n"),
        ("chapters/03_parser/src/b.rs", "1\n"),
    ]);
    repository.write("chapters/02_pool/src/a.rs", "limit = 2\n");
    repository.write("chapters/02_pool/src/b.rs", "2\n");
    repository.carry("2").unwrap();
    // Half a decision.
    let half = repository.read("chapters/03_parser/src/a.rs") + "limit = 20\n";
    repository.write("chapters/03_parser/src/a.rs", &half);
    assert_eq!(repository.go_on().unwrap().conflicts.len(), 1);
    let told = repository.abort().unwrap();
    let last =
        "refs/worktree/carry/undone has the files with everything that you have edited since.\n";
    assert!(told.ends_with(last), "{told}");
    let kept = repository.edited("chapters/03_parser/src/a.rs");
    assert_eq!(kept, Some(half));
    assert_eq!(repository.read("chapters/03_parser/src/a.rs"), "limit = 10\n");
    assert_eq!(repository.read("chapters/03_parser/src/b.rs"), "1\n");
    assert_eq!(repository.read("chapters/02_pool/src/b.rs"), "2\n");
    assert!(repository.abort().is_err());
}

/// Work in a file that carry would write is not mixed with it. Other files may have changed.
#[test]
fn uncommitted_changes_in_a_file_that_carry_would_write_are_refused() {
    let repository = Repository::with(&[
        ("chapters/02_pool/src/a.rs", "1\n2\n3\n4\n"),
        ("chapters/03_parser/src/a.rs", "1\n2\n3\n4\n"),
        ("chapters/03_parser/src/b.rs", "1\n"),
        ("chapters/04_router/src/a.rs", "1\n2\n3\n4\n"),
    ]);
    repository.write("chapters/02_pool/src/a.rs", "one\n2\n3\n4\n");
    repository.write("chapters/02_pool/src/new.rs", "new\n");
    let mine = [
        ("chapters/03_parser/src/a.rs", "1\n2\n3\nmine\n"),
        ("chapters/04_router/src/new.rs", "mine\n"),
    ];
    for (path, text) in mine {
        repository.write(path, text);
    }
    repository.write("chapters/03_parser/src/b.rs", "mine\n");
    let error = repository.carry("2").map(|report| report.text).unwrap_err().to_string();
    assert_eq!(
        error,
        "\
carry would write these files, and they have changes that are in no commit:
  chapters/03_parser/src/a.rs
  chapters/04_router/src/new.rs
Commit the changes, or put them aside with `git stash push --include-untracked -- FILES`, and carry again. \
         Nothing was written"
    );
    for (path, text) in mine {
        assert_eq!(repository.read(path), text);
    }
    assert!(repository.go_on().unwrap_err().to_string().contains("no carry is under way"));
    repository.git(&["stash", "push", "-q", "--include-untracked", "--", mine[0].0, mine[1].0]);
    assert!(repository.carry("2").unwrap().conflicts.is_empty());
    assert_eq!(repository.read("chapters/03_parser/src/b.rs"), "mine\n");
    // What carry has written itself is no obstacle, also for the next chapter's own change.
    repository.write("chapters/03_parser/src/a.rs", "one\n2\n3\nfour\n");
    assert!(repository.carry("3").unwrap().conflicts.is_empty());
    assert_eq!(repository.read("chapters/04_router/src/a.rs"), "one\n2\n3\nfour\n");
    repository.abort().unwrap();
    assert_eq!(repository.read("chapters/04_router/src/a.rs"), "one\n2\n3\n4\n");
}
