//! The conformance ladder: the rules of the [`tables`], tested against every snapshot of the server. A later snapshot
//! must not break a rule that an earlier one keeps.

use std::fmt::Write;

use crate::tables::{self, Outcome, Row, SIDE_BY_SIDE};
use crate::{Program, WireError, side_by_side};

/// Whether a snapshot keeps a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// The snapshot does not have the feature that the rule is about.
    Absent,
    /// The snapshot breaks the rule in at least one row.
    Broken,
    /// The snapshot keeps the rule in all rows.
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
    /// The heading of the column: `3` for chapter 3, `final`.
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

/// Runs all rules against the server that `start` starts. Returns the marks, and the outcomes of all rows, both in the
/// order of the rules. A row that takes all of a server's workers gets a separate server.
///
/// # Errors
/// When the server does not start, or does not respond at all.
pub fn climb(
    rules: &[Rule],
    start: impl Fn() -> Result<Program, WireError> + Sync,
) -> Result<(Vec<Mark>, Vec<Outcome>), WireError> {
    let program = start()?;
    let has = |rule: &Rule| match rule.rows[0].needs {
        Some(path) => crate::get(program.addr(), path).map(|reply| reply.status != 404),
        None => Ok(true),
    };
    let present = rules.iter().map(has).collect::<Result<Vec<_>, _>>()?;
    let tried = rules.iter().zip(&present).filter(|(_, present)| **present);
    let rows: Vec<Row> = tried.flat_map(|(rule, _)| rule.rows.clone()).collect();
    let run = |row: &Row| {
        let own = if row.alone { Some(start()?) } else { None };
        Ok(tables::run_one(own.as_ref().unwrap_or(&program).addr(), row))
    };
    let outcomes =
        side_by_side(SIDE_BY_SIDE, &rows, run).into_iter().collect::<Result<Vec<_>, _>>()?;
    Ok((marks(rules, &present, &outcomes), outcomes))
}

/// The mark of each rule. `outcomes` contains the outcomes of the rows of all `present` rules.
fn marks(rules: &[Rule], present: &[bool], outcomes: &[Outcome]) -> Vec<Mark> {
    let mut outcomes = outcomes.iter();
    let mark = |(rule, present): (&Rule, &bool)| {
        let rows = if *present { rule.rows.len() } else { 0 };
        // All outcomes of the rule are taken, also after a problem.
        let broken = outcomes.by_ref().take(rows).filter(|it| it.problem.is_some()).count();
        match (present, broken) {
            (false, _) => Mark::Absent,
            (true, 0) => Mark::Kept,
            (true, _) => Mark::Broken,
        }
    };
    rules.iter().zip(present).map(mark).collect()
}

/// The rules that a snapshot keeps and a later snapshot breaks, as sentences.
pub fn steps_back(rules: &[Rule], columns: &[Column]) -> Vec<String> {
    let mut found = Vec::new();
    for pair in columns.windows(2) {
        let [before, after] = pair else { continue };
        let marks = before.marks.iter().zip(&after.marks);
        for (rule, (was, is)) in rules.iter().zip(marks) {
            if *was == Mark::Kept && *is != Mark::Kept {
                let Row { rfc, rule, .. } = &rule.rows[0];
                let (before, after) = (&before.title, &after.title);
                found.push(format!("{rule} ({rfc}): kept in {before}, not in {after}"));
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

/// `RFC 9112 section 6.3` as a link to that section.
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
