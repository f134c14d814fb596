//! Carrying into the patches of exercises, which are rebuilt.

use super::{Repository, done, patch};

#[test]
fn patches_of_exercises_are_rebuilt() {
    let before = "a\nb\nc\nd\ne\nf\ng\nh\n";
    let solved = "a\nb\nc\nd\ne\nf\ng\nsolved\n";
    let wrong = "a\nb\nc\nd\ne\nf\ng\nwrong\n";
    let path = "chapters/03_parser/src/a.rs";
    let make = |lead: &str, from: &str, to: &str| patch(path, lead, [from, to]);
    let exercise = "chapters/03_parser/exercises/01_first";
    let other = format!("{exercise}/alternatives/other.patch");
    let another = "a\nb\nc\nd\ne\nf\ng\nin another way\n";
    let repository = Repository::with(&[
        ("chapters/02_pool/src/a.rs", before),
        (path, before),
        (&format!("{exercise}/solution.patch"), &make("", before, solved)),
        (&other, &make("Two words.\n\n", before, another)),
        (&format!("{exercise}/wrong/two.patch"), &make("Caught-by: it is so\n\n", solved, wrong)),
    ]);
    let (changed, new_context) = ("A\nb\nc\nd\ne\nf\nG\nh\n", " f\n G\n-h\n+solved\n");
    // A patch that changes a line next to a changed one cannot be merged by itself.
    repository.write("chapters/02_pool/src/a.rs", changed);
    let report = repository.carry("2").unwrap();
    assert_eq!(report.conflicts.len(), 2, "{}", report.text);
    let told = format!(
        "{exercise}/solution.patch: edit the solved file \
         .carry/01_first/solution.patch/{path}, which has both sides; the patch is rebuilt from it"
    );
    assert_eq!(report.conflicts[0], told);
    repository.abort().unwrap();
    assert!(!repository.exists(&format!(".carry/01_first/solution.patch/{path}")));
    repository.git(&["checkout", "-q", "."]);

    let (changed, rest) = ("A\nb\nc\nd\nE\nf\ng\nh\n", " E\n f\n g\n-h\n+solved\n");
    repository.write("chapters/02_pool/src/a.rs", changed);
    repository.carried();
    let solution = repository.read(&format!("{exercise}/solution.patch"));
    assert!(solution.ends_with(rest), "{solution}");
    assert!(!solution.contains(new_context));
    let two = repository.read(&format!("{exercise}/wrong/two.patch"));
    assert!(two.starts_with("Caught-by: it is so\n\ndiff --git"), "{two}");
    assert!(two.ends_with("-solved\n+wrong\n"), "{two}");
    let made = repository.read(&other);
    assert!(made.starts_with("Two words.\n\ndiff --git"), "{made}");
    assert!(made.ends_with(" E\n f\n g\n-h\n+in another way\n"), "{made}");
    // Again, and nothing changes.
    let text = repository.carried();
    assert!(!text.contains("rebuilt"), "{text}");
    assert_eq!(repository.read(&format!("{exercise}/solution.patch")), solution);
}

#[test]
fn a_patch_is_made_of_what_a_person_makes_of_the_solved_file() {
    let path = "chapters/02_pool/src/a.rs";
    let make = |lead: &str, from: &str, to: &str| patch(path, lead, [from, to]);
    let exercise = "chapters/02_pool/exercises/01_first";
    let wrong =
        make("Caught-by: it is so\n\n", "a\nsolved\nc\nd\ne\nf\n", "a\nsolved\nc\nd\ne\nwrong\n");
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
    let text = done(repository.go_on());
    assert!(text.contains("prove-exercises 1`"), "{text}");
    let solution = repository.read(&format!("{exercise}/solution.patch"));
    assert!(solution.contains("-B\n+SOLVED\n"), "{solution}");
    let wrong = repository.read(&format!("{exercise}/wrong/one.patch"));
    assert!(wrong.starts_with("Caught-by: it is so\n\ndiff") && wrong.ends_with("-f\n+wrong\n"));
    // A better change: the decision still holds, and gets what is new.
    repository.write(path, "a\nB\nc\nD\ne\nf\n");
    repository.carried();
    let solution = repository.read(&format!("{exercise}/solution.patch"));
    assert!(solution.contains("+SOLVED\n c\n D\n"), "{solution}");
    // The change is committed, and the next carry does not know of it any more.
    repository.commit();
    repository.write(path, "a\nB\nc\nD\ne\nf\ng\n");
    repository.carry("2").unwrap();
    assert!(!repository.exists(&scratch));
}

#[test]
fn a_patch_that_a_person_rebuilt_stays() {
    let path = "chapters/02_pool/src/a.rs";
    let make = |from: &str, to: &str| patch(path, "", [from, to]);
    let solution = "chapters/02_pool/exercises/01_first/solution.patch";
    let repository = Repository::with(&[
        (path, "a\nb\n"),
        (solution, &make("a\nb\n", "a\nsolved\n")),
        ("chapters/02_pool/exercises/01_first/wrong/none.md", ""),
    ]);
    let by_hand = make("a\nB\n", "a\nSolved\n");
    repository.write(path, "a\nB\n");
    repository.write(solution, &by_hand);
    repository.carried();
    assert_eq!(repository.read(solution), by_hand);
    // Another that fits nothing has to be edited by a person.
    repository.write(path, "a\nC\n");
    repository.write(solution, &make("x\n", "y\n"));
    let report = repository.carry("2").unwrap();
    assert_eq!(
        report.conflicts,
        [format!("{solution} fits neither the old nor the new files; edit it")]
    );
    assert_eq!(repository.go_on().unwrap().conflicts, report.conflicts);
    repository.write(solution, &make("a\nC\n", "a\nSolved\n"));
    done(repository.go_on());
}
