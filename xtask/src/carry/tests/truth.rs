//! What carry must not pass over in silence.

use super::{FIRST, Repository, SECOND, THIRD};

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
fn any_marker_that_is_left_of_a_conflict_is_one() {
    let repository = Repository::with(&[
        ("chapters/02_pool/src/a.rs", "limit = 1\n"),
        ("chapters/03_parser/src/a.rs", "limit = 10\n"),
        ("chapters/04_router/src/a.rs", "limit = 10\n"),
    ]);
    repository.write("chapters/02_pool/src/a.rs", "limit = 2\n");
    repository.carry("2").unwrap();
    for left in ["||||||| before the change", "=======", ">>>>>>> chapters/02_pool/src/a.rs"] {
        repository.write("chapters/03_parser/src/a.rs", &format!("limit = 20\n{left}\n"));
        let told = format!("chapters/03_parser/src/a.rs: line 2 is left of a conflict: {left}");
        assert_eq!(repository.go_on().unwrap().conflicts, [told]);
        assert_eq!(repository.read("chapters/04_router/src/a.rs"), "limit = 10\n");
    }
    repository.write("chapters/03_parser/src/a.rs", "limit = 20\n");
    assert!(repository.go_on().unwrap().conflicts.is_empty());
    assert_eq!(repository.read("chapters/04_router/src/a.rs"), "limit = 20\n");
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
