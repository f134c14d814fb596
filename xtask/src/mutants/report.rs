//! The report of a run, and the list of mutations that need no test.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;
use std::path::Path;

use anyhow::Context;
use serde::Deserialize;

use super::outcome::{Fate, Tried};
use crate::{table, ui};

/// The mutations that no test can notice, with the reasons.
pub(super) const EQUIVALENT: &str = "xtask/mutants.toml";

/// The content of `xtask/mutants.toml`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Known {
    #[serde(default)]
    equivalent: Vec<Equivalent>,
    /// Mutations that a person has made, which are in no run of cargo-mutants.
    #[serde(default)]
    #[cfg_attr(not(test), expect(dead_code, reason = "only the test of the list reads them"))]
    by_hand: Vec<Equivalent>,
}

/// A mutation without an effect that a test could notice, or with one that is not worth a test.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Equivalent {
    file: String,
    /// The mutation's name without its position.
    mutation: String,
    /// The line of code, if a function has several mutations with this name.
    code: Option<String>,
    /// The reason, for readers of the file.
    #[serde(rename = "why")]
    _why: String,
}

impl Known {
    pub(super) fn read(path: &Path) -> anyhow::Result<Known> {
        let text = fs::read_to_string(path).with_context(|| path.display().to_string())?;
        toml::from_str(&text).with_context(|| path.display().to_string())
    }
}

impl Equivalent {
    fn is(&self, tried: &Tried) -> bool {
        self.file == tried.file
            && self.mutation == tried.mutation()
            && self.code.as_ref().is_none_or(|code| *code == tried.code)
    }
}

/// A table by file, the survivors, and the problems in the list of equivalent mutations. All mutations of `files` were
/// tested, so a listed mutation that did not occur no longer exists.
pub(super) fn report(tried: &[Tried], known: &Known, files: &BTreeSet<String>) -> (String, bool) {
    let is_known = |it: &&Tried| known.equivalent.iter().any(|equivalent| equivalent.is(it));
    let row = |name: &str, rows: &[&Tried]| {
        let of = |fate| rows.iter().filter(|it| it.fate == fate).count();
        let equivalent = rows.iter().filter(|it| it.fate == Fate::Survived && is_known(it)).count();
        let survived = of(Fate::Survived) - equivalent;
        let counts = [rows.len(), of(Fate::Killed), of(Fate::TimedOut), equivalent, survived];
        (name.to_string(), counts.iter().map(usize::to_string).collect())
    };
    let rows_of = |file: &String| tried.iter().filter(|it| it.file == *file).collect::<Vec<_>>();
    let mut rows: Vec<_> = files.iter().map(|file| row(file, &rows_of(file))).collect();
    rows.push(row("all", &tried.iter().collect::<Vec<_>>()));
    let names = ["tried", "killed", "timed out", "equivalent", "survived"];
    let mut text = table::aligned(&names, &rows);
    let survivors: Vec<_> =
        tried.iter().filter(|it| it.fate == Fate::Survived && !is_known(it)).collect();
    if !survivors.is_empty() {
        let _ =
            writeln!(text, "\nNo test notices these. Each needs one, or a line in {EQUIVALENT}:");
    }
    for survivor in &survivors {
        let _ = writeln!(text, "{} {}", ui::paint(ui::BAD, &survivor.name), survivor.code);
    }
    text += &stale(tried, known, files);
    (text, survivors.is_empty())
}

/// A line for each listed mutation that a test notices now, or that no longer exists.
fn stale(tried: &[Tried], known: &Known, files: &BTreeSet<String>) -> String {
    let mut text = String::new();
    for equivalent in known.equivalent.iter().filter(|it| files.contains(&it.file)) {
        let found: Vec<_> = tried.iter().filter(|it| equivalent.is(it)).collect();
        let Equivalent { file, mutation, .. } = equivalent;
        let news = match found.as_slice() {
            [] => "does not exist any more",
            [_, ..] if found.iter().all(|it| it.fate != Fate::Survived) => {
                "is noticed by a test now"
            }
            _ => continue,
        };
        let line = format!("{file}: {mutation}: {news}; take it out of {EQUIVALENT}");
        let _ = writeln!(text, "{}", ui::paint(ui::NOTE, &line));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::super::outcome::Fate;
    use super::*;
    use crate::ui::plain;
    use crate::workspace::Workspace;

    fn tried(line: u32, mutation: &str, fate: Fate) -> Tried {
        let name = format!("chapters/03_parser/src/a.rs:{line}:5: {mutation}");
        let file = "chapters/03_parser/src/a.rs".to_string();
        Tried { name, file, code: format!("code {line}"), fate }
    }

    fn known(mutation: &str, code: Option<&str>) -> Known {
        let file = "chapters/03_parser/src/a.rs".to_string();
        let (mutation, code) = (mutation.to_string(), code.map(ToString::to_string));
        let equivalent = vec![Equivalent { file, mutation, code, _why: String::new() }];
        Known { equivalent, ..Known::default() }
    }

    fn files_of(tried: &[Tried]) -> BTreeSet<String> {
        tried.iter().map(|it| it.file.clone()).collect()
    }

    #[test]
    fn a_survivor_is_named_and_fails_unless_it_is_listed_with_its_line() {
        let all = [
            tried(1, "replace < with <= in f", Fate::Survived),
            tried(2, "replace < with <= in f", Fate::Killed),
            tried(3, "replace < with <= in f", Fate::Survived),
            tried(4, "replace f -> bool with true", Fate::TimedOut),
        ];
        let files = files_of(&all);
        let (text, good) = report(&all, &known("replace < with <= in f", Some("code 1")), &files);
        assert!(!good);
        let (table, survivors) =
            plain(&text).split_once("\n\n").map(|(a, b)| (a.to_string(), b.to_string())).unwrap();
        assert!(table.ends_with(" 4       1          1           1         1"), "{table}");
        assert!(survivors.contains("a.rs:3:5: replace < with <= in f code 3"), "{survivors}");
        assert!(!survivors.contains("a.rs:1:5"), "{survivors}");
        assert!(report(&all, &known("replace < with <= in f", None), &files).1);
    }

    #[test]
    fn a_listed_mutation_that_is_killed_or_gone_is_reported() {
        let all = [tried(1, "replace < with <= in f", Fate::Killed)];
        let files = files_of(&all);
        let (text, good) = report(&all, &known("replace < with <= in f", None), &files);
        assert!(good && text.contains("is noticed by a test now"), "{text}");
        let (text, good) = report(&all, &known("replace f with ()", None), &files);
        assert!(good && text.contains("does not exist any more"), "{text}");
    }

    #[test]
    fn each_line_of_the_list_is_about_a_file_that_is_there() {
        let workspace = Workspace::find().unwrap();
        let known = Known::read(&workspace.path(EQUIVALENT)).unwrap();
        for Equivalent { file, code, .. } in known.equivalent.iter().chain(&known.by_hand) {
            let source = fs::read_to_string(workspace.path(file)).expect(file);
            let has = |code: &String| source.lines().any(|line| line.trim() == code);
            assert!(code.as_ref().is_none_or(has), "{file}: {code:?}");
        }
    }
}
