//! A chapter's `Cargo.toml`, which has its own parts: the targets of its exercises and steps, and the
//! packages that only an exercise or the steps use. These parts are not carried.

/// The part that is carried.
fn carried(text: &str) -> String {
    let carried: String = sections(text).into_iter().filter(|section| !is_own(section)).collect();
    carried.split_inclusive('\n').filter(|line| !is_for_an_exercise(line)).collect()
}

/// A side of a change as another chapter would have it: with the targets of that chapter, where the manifests have them,
/// before the lints or at the end.
pub(super) fn adapted(side: &str, chapter: &str) -> String {
    let own: String = sections(chapter).into_iter().filter(|section| is_own(section)).collect();
    let mut sections = sections(&carried(side));
    let lints = sections.iter().position(|section| section.contains("[lints]\n"));
    sections.insert(lints.unwrap_or(sections.len()), own);
    sections.concat()
}

/// The line of a package that says `# for exercise 7 only` or `# for the steps only`.
fn is_for_an_exercise(line: &str) -> bool {
    let is_named = line.contains("# for exercise ") || line.contains("# for the steps ");
    is_named && line.trim_end().ends_with(" only")
}

/// Whether a table is a target of an exercise or of a step.
fn is_own(section: &str) -> bool {
    section.contains("path = \"exercises/") || section.contains("path = \"steps/")
}

/// Each table with the comment above it.
fn sections(text: &str) -> Vec<String> {
    let (mut sections, mut section) = (Vec::new(), String::new());
    for line in text.split_inclusive('\n') {
        if line.starts_with('[') {
            let comment = section.split_inclusive('\n').rev().take_while(|l| l.starts_with('#'));
            let comment = section.split_off(section.len() - comment.map(str::len).sum::<usize>());
            sections.push(std::mem::replace(&mut section, comment));
        }
        section.push_str(line);
    }
    sections.push(section);
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
    fn a_side_gets_the_targets_of_the_chapter_and_keeps_none_of_its_own() {
        let other = "# Not of an exercise.\n[[test]]\nname = \"other\"\n\n";
        let lints = "[lints]\nworkspace = true\n";
        let without = format!("[dependencies]\nanyhow.workspace = true\n\n{other}{lints}");
        assert_eq!(carried(FILE), without);
        assert_eq!(adapted(FILE, &without), without);
        let own = &FILE[FILE.find("# The checks.").unwrap()..FILE.find(other).unwrap()];
        assert_eq!(adapted(&without, FILE), without.replace(lints, &format!("{own}{lints}")));
        for text in ["[lints]\na = 1\n", "[package]\n", "# A comment.\n", ""] {
            assert_eq!(adapted(text, text), text);
        }
    }
}
