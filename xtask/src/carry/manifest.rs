//! A chapter's `Cargo.toml`, which has parts of its own: the targets of its exercises and steps, and the
//! packages that only an exercise or the steps use. These parts are not carried.

use std::collections::BTreeSet;

use crate::merge::{self, Merged};

/// Marks the place of the targets while the rest is merged.
const PLACE: &str = "# (the targets of the exercises)\n";

/// Merges the carried part of the change of a manifest into another chapter's: current, old, new.
pub(super) fn merge(sides: [Option<&[u8]>; 3], labels: [&str; 3]) -> anyhow::Result<Merged> {
    let texts = sides.map(|side| side.and_then(|side| std::str::from_utf8(side).ok()));
    let [Some(current), Some(old), Some(new)] = texts else {
        return merge::merge(sides[0], sides[1], sides[2], labels);
    };
    let (rest, close) = open(current);
    let [old, new] = [old, new].map(carried);
    let new = without_known(&new, &old, current);
    if old == new {
        return Ok(Merged::Same);
    }
    let [rest, old, new] = [&rest, &old, &new].map(|text| Some(text.as_bytes()));
    let whole = |merged: &[u8]| close(&String::from_utf8_lossy(merged)).into_bytes();
    Ok(match merge::merge(rest, old, new, labels)? {
        Merged::Clean(Some(merged)) => Merged::Clean(Some(whole(&merged))),
        Merged::Conflict(merged) => Merged::Conflict(whole(&merged)),
        other => other,
    })
}

/// The part that is carried.
pub(super) fn carried(text: &str) -> String {
    let lines = split(text).0;
    lines.split_inclusive('\n').filter(|line| !is_for_an_exercise(line)).collect()
}

/// The new text without the packages that it adds and the chapter has already: that chapter taught them
/// first, and a table may name a package once.
fn without_known(new: &str, old: &str, chapter: &str) -> String {
    let (old, known) = (packages(old), packages(chapter));
    let mut header = "";
    let mut text = String::new();
    for line in new.split_inclusive('\n') {
        if line.starts_with('[') {
            header = line.trim_end();
        }
        let added = |package: &&str| {
            known.contains(&(header, *package)) && !old.contains(&(header, *package))
        };
        if !package(header, line).as_ref().is_some_and(added) {
            text.push_str(line);
        }
    }
    text
}

/// The packages with the headers of their tables.
fn packages(text: &str) -> BTreeSet<(&str, &str)> {
    let mut header = "";
    let mut found = BTreeSet::new();
    for line in text.lines() {
        if line.starts_with('[') {
            header = line.trim_end();
        }
        found.extend(package(header, line).map(|package| (header, package)));
    }
    found
}

fn package<'a>(header: &str, line: &'a str) -> Option<&'a str> {
    let name = line.split(['.', '=', ' ']).next().filter(|_| line.contains('='))?;
    (header.ends_with("dependencies]") && !name.is_empty() && !name.starts_with('#'))
        .then_some(name)
}

/// The chapter's own file as it is merged into, and the function that makes it whole again.
fn open(text: &str) -> (String, impl Fn(&str) -> String + use<>) {
    let (rest, own) = split(text);
    let close = move |merged: &str| match merged.split_once(PLACE) {
        // In a conflict it may be on both sides.
        Some((before, after)) => format!("{before}{own}{}", after.replace(PLACE, "")),
        None => format!("{merged}{own}"),
    };
    (rest, close)
}

/// The line of a package that says `# for exercise 7 only` or `# for the steps only`.
fn is_for_an_exercise(line: &str) -> bool {
    let comment = line.split_once('#').map(|(_, comment)| comment.trim());
    let is_own = |text: &str| text.starts_with("for exercise") || text.starts_with("for the steps");
    comment.is_some_and(|text| is_own(text) && text.ends_with(" only"))
}

/// Takes the targets of the exercises and steps out; [`PLACE`] is where they belong.
fn split(text: &str) -> (String, String) {
    let (mut rest, mut own) = (String::new(), String::new());
    for section in sections(text) {
        let header = section.lines().find(|line| line.starts_with('['));
        let is_own = match header {
            Some("[[test]]") => section.contains("path = \"exercises/"),
            Some("[[example]]") => section.contains("path = \"steps/"),
            _ => false,
        };
        if header == Some("[lints]") {
            rest.push_str(PLACE);
        }
        let part = if is_own { &mut own } else { &mut rest };
        part.push_str(&section);
    }
    if !rest.contains(PLACE) {
        rest.push_str(PLACE);
    }
    (rest, own)
}

/// Each table with the comment above it.
fn sections(text: &str) -> Vec<String> {
    let mut sections = vec![String::new()];
    let mut comment = String::new();
    for line in text.split_inclusive('\n') {
        if line.starts_with('#') {
            comment.push_str(line);
            continue;
        }
        if line.starts_with('[') {
            sections.push(String::new());
        }
        if let Some(section) = sections.last_mut() {
            section.push_str(&comment);
            section.push_str(line);
        }
        comment.clear();
    }
    if let Some(section) = sections.last_mut() {
        section.push_str(&comment);
    }
    sections
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "\
[dependencies]
anyhow.workspace = true
base64.workspace = true # for exercise 7 only
ch02_thread_pool = { path = \"../02_thread_pool\" } # for the steps only

# The checks.
[[test]]
name = \"exercise_01\"
path = \"exercises/01_curl/check.rs\"

[[test]]
name = \"exercise_02\"
path = \"exercises/02_api_time/check.rs\"

# The steps.
[[example]]
name = \"step_01_accept\"
path = \"steps/01_accept.rs\"

# Not of an exercise.
[[test]]
name = \"other\"

[lints]
workspace = true
";

    #[test]
    fn targets_of_exercises_and_steps_are_not_carried() {
        assert_eq!(
            carried(FILE),
            "\
[dependencies]
anyhow.workspace = true

# Not of an exercise.
[[test]]
name = \"other\"

# (the targets of the exercises)
[lints]
workspace = true
"
        );
    }

    #[test]
    fn a_package_that_a_later_chapter_has_is_not_named_twice() {
        let old = "[dependencies]\nwire = 1\n\n[dev-dependencies]\nwire = 1\n";
        let new = "[dependencies]\nregex = 1\nwire = 1\n\n[dev-dependencies]\ntempfile.workspace = true\nwire = 2\n";
        let chapter =
            "[dependencies]\ntempfile = 1\nwire = 1\n[dev-dependencies]\ntempfile = 1\nwire = 1\n";
        assert_eq!(
            without_known(new, old, chapter),
            "[dependencies]\nregex = 1\nwire = 1\n\n[dev-dependencies]\nwire = 2\n"
        );
    }

    #[test]
    fn a_file_is_whole_again() {
        let file = FILE.replace("# Not of an exercise.\n[[test]]\nname = \"other\"\n\n", "");
        let (rest, close) = open(&file);
        assert!(!rest.contains("exercise_01") && rest.contains("base64"));
        assert_eq!(close(&rest), file);
        for without in ["[lints]\na = 1\n", "[package]\n", "# A comment.\n", ""] {
            let (rest, close) = open(without);
            assert_eq!(close(&rest), without);
        }
    }
}
