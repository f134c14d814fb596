//! Conflicts that a person must resolve, and how a decision is carried.

use super::{CHAPTERS, Repository, done};

const FIRST: &str = "chapters/02_pool/a.rs";
const SECOND: &str = "chapters/03_parser/a.rs";
const THIRD: &str = "chapters/04_router/a.rs";

#[test]
fn a_conflict_stops_where_a_person_must_decide_and_goes_on_from_there() {
    let repository =
        Repository::with_file("a.rs", &["limit = 1\n", "limit = 10\n", "limit = 10\n"]);
    repository.write(FIRST, "limit = 2\n");
    assert_eq!(
        repository.carry("2").unwrap().text,
        "\
a.rs
  03_parser        conflict

decide: chapters/03_parser/a.rs has both sides between <<<<<<< and >>>>>>>
Edit the files above, then continue with `cargo xtask carry --continue`. `cargo xtask carry --abort` undoes everything.
refs/worktree/carry/start has the files as they were.
"
    );
    assert_eq!(
        repository.read(SECOND),
        "\
<<<<<<< chapters/03_parser/a.rs
limit = 10
||||||| before the change
limit = 1
=======
limit = 2
>>>>>>> chapters/02_pool/a.rs
"
    );
    assert_eq!(repository.read(THIRD), "limit = 10\n");
    let error = repository.refused();
    assert!(error.starts_with("a carry from chapters/02_pool is under way; "), "{error}");
    let left = |number| format!("{SECOND}:{number}: leftover conflict marker");
    assert_eq!(repository.go_on().unwrap().conflicts, [left(1)]);

    for marker in ["||||||| before the change", "=======", ">>>>>>> chapters/02_pool/src/a.rs"] {
        repository.write(SECOND, &format!("limit = 20\n{marker}\n"));
        assert_eq!(repository.go_on().unwrap().conflicts, [left(2)]);
        assert_eq!(repository.read(THIRD), "limit = 10\n");
    }
    repository.write(SECOND, "limit = 20\n");
    done(repository.go_on());
    assert_eq!([SECOND, THIRD].map(|path| repository.read(path)), ["limit = 20\n"; 2]);
}

#[test]
fn a_file_that_is_taken_back_counts_as_a_decision() {
    let repository = Repository::with_file("a.rs", &["limit = 1\n", "limit = 10\n"]);
    repository.write(FIRST, "limit = 2\n");
    repository.carry("2").unwrap();
    repository.write(SECOND, "limit = 10\n");
    let text = done(repository.go_on());
    assert!(text.contains("03_parser        up to date"), "{text}");
}

/// Regression test: the decision, which is in no commit, was refused as if it were other work.
#[test]
fn a_better_change_and_a_decision_are_carried_together() {
    let repository = Repository::with_file("a.rs", &["a = 1\nb\n", "a = 10\nb\n", "a = 10\nb\n"]);
    repository.write(FIRST, "a = 2\nb\n");
    assert_eq!(repository.carry("2").unwrap().conflicts.len(), 1);
    repository.write(FIRST, "a = 2\nb\n// better\n");
    repository.write(SECOND, "a = 20\nb\n");
    done(repository.go_on());
    assert_eq!([SECOND, THIRD].map(|path| repository.read(path)), ["a = 20\nb\n// better\n"; 2]);
}

#[test]
fn what_no_marker_can_show_is_as_the_person_leaves_it() {
    let repository = Repository::with_file("a.rs", &["1\n", "2\n", "2\n"]);
    repository.remove(FIRST);
    let conflicts = repository.carry("2").unwrap().conflicts;
    assert_eq!(conflicts, [format!("{SECOND}: {FIRST} was deleted, and this one differs")]);
    repository.remove(SECOND);
    done(repository.go_on());
    assert!(!repository.exists(THIRD));
    repository.abort().unwrap();
    assert_eq!([SECOND, THIRD].map(|path| repository.read(path)), ["2\n"; 2]);
}

#[test]
fn a_conflict_that_is_only_half_resolved_stays_one() {
    let repository = Repository::with(&[
        ("chapters/02_pool/a.rs", "limit = 1\n"),
        ("chapters/03_parser/a.rs", "limit = 10\n"),
        ("chapters/02_pool/b.rs", "limit = 1\n"),
        ("chapters/03_parser/b.rs", "limit = 10\n"),
        ("final/Cargo.toml", "\n"),
        ("final/a.rs", "limit = 10\n"),
        ("final/b.rs", "limit = 100\n"),
    ]);
    for path in ["a.rs", "b.rs"] {
        repository.write(&format!("chapters/02_pool/{path}"), "limit = 2\n");
    }
    assert_eq!(repository.carry("2").unwrap().conflicts.len(), 2);
    // One file gets its old content back, and the other stays as it is: only the first is carried on.
    repository.write("chapters/03_parser/a.rs", "limit = 10\n");
    let conflicts = repository.go_on().unwrap().conflicts;
    assert_eq!(conflicts, ["chapters/03_parser/b.rs:1: leftover conflict marker"]);
    assert_eq!(repository.read("final/a.rs"), "limit = 10\n");
    // The second conflict of the same file is in the next chapter.
    repository.write("chapters/03_parser/b.rs", "limit = 20\n");
    let conflicts = repository.go_on().unwrap().conflicts;
    assert_eq!(conflicts, ["final/b.rs has both sides between <<<<<<< and >>>>>>>"]);
    repository.write("final/b.rs", "limit = 200\n");
    done(repository.go_on());
    assert_eq!(repository.read("chapters/03_parser/b.rs"), "limit = 20\n");
    assert_eq!(repository.go_on().unwrap_err().to_string(), "no carry is under way");
}

#[test]
fn an_abort_keeps_what_a_person_has_edited() {
    let repository = Repository::with(&[
        ("chapters/02_pool/a.rs", "limit = 1\n"),
        ("chapters/03_parser/a.rs", "limit = 10\n"),
        ("chapters/02_pool/b.rs", "1\n"),
        ("chapters/03_parser/b.rs", "1\n"),
    ]);
    repository.write("chapters/02_pool/a.rs", "limit = 2\n");
    repository.write("chapters/02_pool/b.rs", "2\n");
    repository.carry("2").unwrap();
    // Half a decision.
    let half = repository.read(SECOND) + "limit = 20\n";
    repository.write(SECOND, &half);
    assert_eq!(repository.go_on().unwrap().conflicts.len(), 1);
    let told = repository.abort().unwrap();
    let last =
        "refs/worktree/carry/undone has the files with everything that you have edited since.\n";
    assert!(told.ends_with(last), "{told}");
    assert_eq!(repository.edited(SECOND), Some(half));
    assert_eq!(repository.read(SECOND), "limit = 10\n");
    assert_eq!(repository.read("chapters/03_parser/b.rs"), "1\n");
    assert_eq!(repository.read("chapters/02_pool/b.rs"), "2\n");
    assert!(repository.abort().is_err());
}

/// Work in a file that carry would write is not mixed with it. Other files may have changed.
#[test]
fn uncommitted_changes_in_a_file_that_carry_would_write_are_refused() {
    let repository = Repository::with_file("a.rs", &["1\n2\n3\n4\n"; 3]);
    repository.write("chapters/03_parser/b.rs", "1\n");
    repository.commit();
    repository.write(FIRST, "one\n2\n3\n4\n");
    repository.write("chapters/02_pool/new.rs", "new\n");
    let mine = [(SECOND, "1\n2\n3\nmine\n"), ("chapters/04_router/new.rs", "mine\n")];
    for (path, text) in mine {
        repository.write(path, text);
    }
    repository.write("chapters/03_parser/b.rs", "mine\n");
    assert_eq!(
        repository.refused(),
        "\
carry would write these files, and they have changes that are in no commit:
  chapters/03_parser/a.rs
  chapters/04_router/new.rs
Commit the changes, or put them aside with `git stash push --include-untracked -- FILES`, and carry again. \
         Nothing was written"
    );
    assert_eq!(mine.map(|(path, _)| repository.read(path)), mine.map(|(_, text)| text));
    assert_eq!(repository.go_on().unwrap_err().to_string(), "no carry is under way");
    repository.git(&["stash", "push", "-q", "--include-untracked", "--", mine[0].0, mine[1].0]);
    repository.carried();
    assert_eq!(repository.read("chapters/03_parser/b.rs"), "mine\n");
    // What carry has written itself is no obstacle, also for the next chapter's own change.
    repository.write(SECOND, "one\n2\n3\nfour\n");
    done(repository.carry("3"));
    assert_eq!(repository.read(THIRD), "one\n2\n3\nfour\n");
    repository.abort().unwrap();
    assert_eq!(repository.read(THIRD), "one\n2\n3\n4\n");
}

/// Only the first run used to look for such changes.
#[test]
fn uncommitted_changes_are_refused_when_a_carry_goes_on_too() {
    let repository = Repository::with_file("a.rs", &["1\n", "2\n", "2\n"]);
    repository.write(FIRST, "one\n");
    repository.carry("2").unwrap();
    repository.write(SECOND, "two\n");
    repository.write(THIRD, "2\nmine\n");
    let error = repository.go_on().unwrap_err().to_string();
    assert!(error.contains(&format!("in no commit:\n  {THIRD}\n")), "{error}");
    repository.write(THIRD, "2\n");
    done(repository.go_on());
    assert_eq!(
        CHAPTERS.map(|chapter| repository.read(&format!("{chapter}/a.rs"))),
        ["one\n", "two\n", "two\n"]
    );
}

/// Carried with a decision in the last chapter, and committed.
fn carried() -> Repository {
    let repository = Repository::with_file("a.rs", &["limit = 1\n", "limit = 1\n", "limit = 10\n"]);
    repository.write(FIRST, "limit = 2\n");
    repository.carry("2").unwrap();
    repository.write(THIRD, "limit = 20\n");
    done(repository.go_on());
    repository.commit();
    repository
}

#[test]
fn a_carry_that_is_committed_is_recognised() {
    let repository = carried();
    let report = super::start(&repository.workspace(), "2", "HEAD~1").map(super::without_colours);
    let report = report.unwrap();
    assert!(report.packages.is_empty());
    assert_eq!(
        report.text,
        "a.rs\n  03_parser        up to date\n  04_router        kept as it is committed\n\n\
         Nothing is left to carry: the later chapters have it.\n"
    );
    assert_eq!(repository.read(THIRD), "limit = 20\n");
    assert_eq!(repository.git(&["status", "--porcelain"]), "");
}

#[test]
fn a_commit_of_the_chapter_alone_is_carried() {
    let repository = carried();
    repository.write(FIRST, "limit = 3\n");
    repository.commit();
    let report = super::start(&repository.workspace(), "2", "HEAD~1").unwrap();
    assert_eq!(report.conflicts.len(), 1, "{}", report.text);
    assert_eq!(repository.read(SECOND), "limit = 3\n");
}

#[test]
fn a_commit_that_some_chapters_have_is_carried_to_the_rest() {
    let repository = Repository::with_file("a.rs", &["a\nb\n", "a\nb\n", "a\nb\nits own\n"]);
    repository.write(FIRST, "A\nb\n");
    repository.write(SECOND, "A\nb\nby hand\n");
    repository.commit();
    let report = super::start(&repository.workspace(), "2", "HEAD~1").map(super::without_colours);
    let report = report.unwrap();
    // The last lines of both are their own, and only a person knows their order.
    let told = format!("{THIRD} has both sides between <<<<<<< and >>>>>>>");
    assert_eq!(report.conflicts, [told]);
    assert!(report.text.contains("03_parser        up to date"), "{}", report.text);
}
