//! `carry`: files are whole, and it compiles what it wrote.

use std::fs;

use super::{killed_at_every_moment, printed, repository, run, text, tree};

#[test]
fn a_kill_at_any_moment_loses_nothing() {
    let shipped = text("line 7");
    let own = shipped.replace("line 1000\n", "a line of its own\n");
    let mut files = vec![(".gitignore".to_string(), "/.carry\n")];
    for chapter in ["chapters/02_a", "chapters/03_b", "chapters/04_c", "final"] {
        let text = if chapter == "chapters/03_b" { &own[..] } else { &shipped };
        files.push((format!("{chapter}/Cargo.toml"), "\n"));
        files.extend((0..10).map(|number| (format!("{chapter}/src/{number}.txt"), text)));
    }
    let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (&path[..], *text)).collect();
    let repository = repository(&files);
    let root = repository.path();
    for number in 0..10 {
        fs::write(root.join(format!("chapters/02_a/src/{number}.txt")), text("a fix")).unwrap();
    }
    let carry = ["carry", "2", "--no-check"];
    let mut number = 0;
    killed_at_every_moment(root, &carry, |before, after| {
        assert_eq!(after[&root.join("final/src/3.txt")], text("a fix").into_bytes());
        let merged = String::from_utf8_lossy(&after[&root.join("chapters/03_b/src/3.txt")]);
        assert!(merged.contains("a fix\n") && merged.contains("a line of its own\n"));
        for (path, content) in tree(root) {
            let is_whole = [before, after].iter().any(|tree| tree.get(&path) == Some(&content));
            assert!(is_whole, "{} is in pieces", path.display());
        }
        number += 1;
        if number % 2 == 0 {
            // The run that was killed is undone, or it was done.
            printed(root, &carry);
            assert!(tree(root) == *after);
        }
        let aborted = run(root, &["carry", "--abort"]);
        let said = String::from_utf8_lossy(&aborted.stderr);
        assert!(aborted.status.success() || said.contains("no carry is under way"), "{said}");
    });
}

/// A function, room for tests, and a function.
const LIBRARY: &str = "pub fn a() {}\n\n// 1\n// 2\n// 3\n// 4\n// 5\n// 6\n\npub fn z() {}\n";
const TESTS: &str = "#[cfg(test)]\nmod tests {}\n\n";

/// Two chapters that compile; the second has tests where the first has none.
fn two_crates() -> tempfile::TempDir {
    let manifest = |name: &str| format!("[package]\nname = \"ch{name}\"\nedition = \"2024\"\n");
    repository(&[
        ("chapters/02_a/Cargo.toml", &manifest("02_a")),
        ("chapters/03_b/Cargo.toml", &manifest("03_b")),
        ("Cargo.toml", "[workspace]\nresolver = \"3\"\nmembers = [\"chapters/*\"]\n"),
        (".gitignore", "/.carry\n/target\n/Cargo.lock\n"),
        ("chapters/02_a/src/lib.rs", LIBRARY),
        ("chapters/03_b/src/lib.rs", &LIBRARY.replace("// 1", &format!("{TESTS}// 1"))),
    ])
}

#[test]
fn a_merge_without_a_conflict_that_does_not_compile_is_a_failure() {
    let repository = two_crates();
    let root = repository.path();
    let library = root.join("chapters/02_a/src/lib.rs");
    fs::write(&library, format!("{LIBRARY}\n{TESTS}")).unwrap();

    let carried = run(root, &["carry", "2"]);
    let said = String::from_utf8(carried.stdout).unwrap();
    assert_eq!(carried.status.code(), Some(1), "{said}");
    let before = "Compiling it: `cargo check --quiet --keep-going --tests -p ch03_b` (`--no-check` skips this)\n";
    assert!(said.contains(before), "{said}");
    assert!(said.contains("does not compile:\n"), "{said}");
    assert!(said.contains("the name `tests` is defined multiple times"), "{said}");
    assert!(!said.contains("commit everything"), "{said}");

    let carried = run(root, &["carry", "2", "--no-check"]);
    let said = String::from_utf8(carried.stdout).unwrap();
    assert!(carried.status.success() && !said.contains("Compiling"), "{said}");

    // After an edit of a carried file, the same command reports whether the chapter compiles.
    let there = root.join("chapters/03_b/src/lib.rs");
    let both = fs::read_to_string(&there).unwrap();
    assert_eq!(both.matches("mod tests").count(), 2);
    fs::write(&there, both.replacen(TESTS, "", 1)).unwrap();
    let carried = run(root, &["carry", "2"]);
    let said = String::from_utf8(carried.stdout).unwrap();
    assert!(carried.status.success(), "{said}");
    assert!(said.ends_with("and commit everything together.\n"), "{said}");
}
