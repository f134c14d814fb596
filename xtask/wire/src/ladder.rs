//! The conformance ladder: the rules of the [`tables`] against every snapshot of the
//! server, side by side. It never goes backwards.

use std::fmt::Write;
use std::net::SocketAddr;

use crate::WireError;
use crate::tables::{self, Row};

/// How a snapshot stands with a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// It does not have what the rule is about.
    Absent,
    /// It breaks the rule in at least one row.
    Broken,
    /// It keeps the rule in all rows.
    Kept,
}

impl Mark {
    fn symbol(self) -> &'static str {
        match self {
            Mark::Absent => "–",
            Mark::Broken => "✗",
            Mark::Kept => "✓",
        }
    }
}

/// A snapshot and its marks, one for each of [`rules`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// What stands above it: `3` for chapter 3, `final`.
    pub title: String,
    /// In the order of [`rules`].
    pub marks: Vec<Mark>,
}

/// A line of the ladder.
#[derive(Debug, Clone)]
pub struct Rule {
    /// The rows that belong to it; never empty.
    pub rows: Vec<Row>,
}

/// All rules, each once, in the order of the tables.
pub fn rules() -> Vec<Rule> {
    let mut rules: Vec<Rule> = Vec::new();
    for row in [tables::all(), tables::load::rows()].concat() {
        let same = |rule: &&mut Rule| {
            let first = &rule.rows[0];
            (first.group, first.rfc, first.rule) == (row.group, row.rfc, row.rule)
        };
        match rules.iter_mut().find(same) {
            Some(rule) => rule.rows.push(row),
            None => rules.push(Rule { rows: vec![row] }),
        }
    }
    rules
}

/// Runs all rules against the server at `address`. What is broken is told to `tell`.
///
/// # Errors
/// When the server does not answer at all.
pub fn climb(
    address: SocketAddr,
    rules: &[Rule],
    mut tell: impl FnMut(&tables::Outcome),
) -> Result<Vec<Mark>, WireError> {
    rules
        .iter()
        .map(|rule| {
            let needs = rule.rows[0].needs;
            if let Some(path) = needs
                && crate::get(address, path)?.status == 404
            {
                return Ok(Mark::Absent);
            }
            let mut mark = Mark::Kept;
            for row in &rule.rows {
                let outcome = tables::run_one(address, row);
                if outcome.problem.is_some() {
                    tell(&outcome);
                    mark = Mark::Broken;
                }
            }
            Ok(mark)
        })
        .collect()
}

/// The rules that a snapshot keeps and a later one does not, as sentences.
pub fn steps_back(rules: &[Rule], columns: &[Column]) -> Vec<String> {
    let mut found = Vec::new();
    for pair in columns.windows(2) {
        let [before, after] = pair else { continue };
        let marks = before.marks.iter().zip(&after.marks);
        for (rule, (was, is)) in rules.iter().zip(marks) {
            if *was == Mark::Kept && *is != Mark::Kept {
                let Row { rfc, rule, .. } = &rule.rows[0];
                found.push(format!(
                    "{rule} ({rfc}): kept in {}, not in {}",
                    before.title, after.title
                ));
            }
        }
    }
    found
}

/// The ladder as a page of the book: a table for each group of rules.
pub fn render(rules: &[Rule], columns: &[Column]) -> String {
    let mut page = String::from(
        "<!-- Written by `cargo run -p wire --bin ladder`. Do not edit: `cargo xtask test` compares it. -->\n",
    );
    let cases: usize = rules.iter().map(|rule| rule.rows.len()).sum();
    // Writing to a string cannot fail, here and below.
    let _ = writeln!(
        page,
        "\n{} rules, {cases} cases: ✓ kept in all its cases, ✗ broken in at least one, – the chapter \
         does not have what the rule is about.",
        rules.len()
    );
    let mut group = "";
    for (place, rule) in rules.iter().enumerate() {
        let first = &rule.rows[0];
        if first.group != group {
            group = first.group;
            let titles: Vec<&str> = columns.iter().map(|column| column.title.as_str()).collect();
            let titles = titles.join(" | ");
            let _ = write!(page, "\n### {group}\n\n| rule | section | cases | {titles} |\n");
            let _ = writeln!(page, "|---|---|--:|{}", ":-:|".repeat(columns.len()));
        }
        let marks: Vec<&str> = columns.iter().map(|column| column.marks[place].symbol()).collect();
        let _ = writeln!(
            page,
            "| {} | {} | {} | {} |",
            first.rule.replace('*', "\\*"),
            link(first.rfc),
            rule.rows.len(),
            marks.join(" | ")
        );
    }
    page
}

/// `RFC 9112 section 6.3` as a link to it.
fn link(rfc: &str) -> String {
    let words: Vec<&str> = rfc.split(' ').collect();
    match words[..] {
        ["RFC", number, "section", section] => format!(
            "[RFC {number}, {section}](https://www.rfc-editor.org/rfc/rfc{number}.html#section-{section})"
        ),
        _ => rfc.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(title: &str, mark: Mark) -> Column {
        Column { title: title.to_string(), marks: vec![mark; rules().len()] }
    }

    #[test]
    fn every_rule_has_one_line() {
        let rules = rules();
        let page = render(&rules, &[column("3", Mark::Kept), column("4", Mark::Broken)]);
        let lines = page.lines().filter(|line| line.ends_with("| ✓ | ✗ |")).count();
        assert_eq!(lines, rules.len());
        assert!(page.contains("rfc9112.html#section-6.3)"));
    }

    #[test]
    fn a_rule_once_kept_must_stay_kept() {
        let rules = rules();
        let up = [Mark::Absent, Mark::Broken, Mark::Kept].map(|mark| column("x", mark));
        assert_eq!(steps_back(&rules, &up), [""; 0]);
        let mut down = up.clone();
        down.reverse();
        assert_eq!(steps_back(&rules, &down).len(), rules.len());
    }
}
