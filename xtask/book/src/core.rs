//! The core path, its size by part, and the elements that each of its pages must have.

use std::collections::BTreeSet;

use anyhow::Result;
use course::MAX_ADDED;

use crate::expand::{Page, expand_page};
use crate::front::Path;
use crate::measure::Measure;
use crate::sources::Sources;
use crate::{files, step};

/// The minutes of each part, by the directory of its pages.
const BUDGETS: [(&str, usize); 9] = [
    (FRONT, 10),
    ("part1", 45),
    ("part2", 60),
    ("part3/messages", 70),
    ("part3/routing", 40),
    ("part4", 60),
    ("part5", 30),
    ("part6", 45),
    ("part6/machines", 15),
];

/// The row for core pages outside of the parts, such as the introduction.
const FRONT: &str = "front";

/// The row for pages with `path: interview`, which have no budget.
const INTERVIEW: &str = "interview";

/// The limits of the whole core path, in words, open lines of code, and minutes.
const WHOLE: [(&str, usize); 3] = [("words", 32_000), ("open lines", 2_300), ("minutes", 360)];

/// The limits of a core page.
const PAGE_WORDS: usize = 1_200;
const PAGE_CODE: usize = 120;
const PAGE_RUN: usize = 60;

/// Names of pages on which a reader runs nothing.
const WITHOUT_RUN: [&str; 4] = ["index.md", "questions.md", "checklist.md", "introduction.md"];

/// A row of the table: the pages of a part.
struct Row {
    name: &'static str,
    /// `None` if it has no budget of minutes.
    budget: Option<usize>,
    pages: usize,
    measure: Measure,
}

/// Measures all pages, prints a table by part, and finds what is over a limit. Returns the summary.
pub(crate) fn check(sources: &Sources, problems: &mut Vec<String>) -> Result<String> {
    let (mut rows, mut steps) = (rows(), BTreeSet::new());
    for (path, text) in files::pages(sources.root())? {
        let (page, errors) = expand_page(sources, &path, &text);
        problems.extend(errors);
        match page.front.path {
            Some(Path::Core) => add(&mut rows, row(&path), page.measure),
            Some(Path::Interview) => add(&mut rows, INTERVIEW, page.measure),
            Some(Path::Deeper) | None => {}
        }
        if page.front.path == Some(Path::Core) {
            problems.extend(of_page(&path, &text, &page));
            steps.extend(page.shown.into_iter().map(|shown| shown.path));
        }
    }
    print!("{}", table(&rows));
    for row in &rows {
        let minutes = row.minutes();
        if let Some(budget) = row.budget.filter(|budget| minutes > *budget) {
            problems.push(format!("{}: {minutes} minutes are more than its {budget}", row.name));
        }
    }
    let whole = whole(&rows);
    let values = [whole.measure.words, whole.measure.code, whole.minutes()];
    for ((name, most), value) in WHOLE.into_iter().zip(values) {
        if value > most {
            problems.push(format!("the core of the book: {value} {name} are more than {most}"));
        }
    }
    for step in step::all(sources)? {
        if !steps.contains(&format!("steps/{}", step.file)) {
            problems.push(format!("{}/{}: on no core page", step.folder, step.file));
        }
    }
    Ok(format!("{} core pages of {} minutes", whole.pages, whole.minutes()))
}

/// The row of a core page. That is its part, as in [`BUDGETS`].
pub(crate) fn row(path: &str) -> &'static str {
    let around = BUDGETS.iter().filter(|(part, _)| path.starts_with(&format!("{part}/")));
    // A directory with a budget may be inside another such directory.
    match around.max_by_key(|(part, _)| part.len()) {
        Some((part, _)) => part,
        // The page above messages and routing comes before both.
        None if path.starts_with("part3/") => "part3/messages",
        None => FRONT,
    }
}

/// The rows of the table, without pages.
fn rows() -> Vec<Row> {
    let budgets = BUDGETS.map(|(name, budget)| (name, Some(budget)));
    let all = budgets.into_iter().chain([(INTERVIEW, None)]);
    all.map(|(name, budget)| Row { name, budget, pages: 0, measure: Measure::default() }).collect()
}

fn add(rows: &mut [Row], name: &str, measure: Measure) {
    for row in rows.iter_mut().filter(|row| row.name == name) {
        row.pages += 1;
        row.measure = row.measure.and(measure);
    }
}

/// The sum of the rows. The interview is not a part of the core.
fn whole(rows: &[Row]) -> Row {
    let core = || rows.iter().filter(|row| row.name != INTERVIEW);
    Row {
        name: "the whole core",
        budget: Some(WHOLE[2].1),
        pages: core().map(|row| row.pages).sum(),
        measure: core().map(|row| row.measure).fold(Measure::default(), Measure::and),
    }
}

/// The problems of a core page.
fn of_page(path: &str, text: &str, page: &Page) -> Vec<String> {
    let Measure { words, code, longest, run, runs, .. } = page.measure;
    let mut problems = Vec::new();
    for (what, value, most) in [
        ("words", words, PAGE_WORDS),
        ("open lines of code", code, PAGE_CODE),
        ("lines of code without 25 words between them", run, PAGE_RUN),
        ("new lines in one listing", longest, MAX_ADDED),
    ] {
        if value > most {
            problems.push(format!("{value} {what} are more than {most}"));
        }
    }
    let name = path.rsplit('/').next().unwrap_or_default();
    if runs == 0 && !WITHOUT_RUN.contains(&name) {
        problems.push("no transcript: the reader runs nothing here".to_string());
    }
    if !page.front.stages.is_empty() && !text.contains("cargo xtask climb") {
        problems.push("it leads to a stage, and has no `cargo xtask climb`".to_string());
    }
    problems.iter().map(|problem| format!("book/src/{path}: {problem}")).collect()
}

fn table(rows: &[Row]) -> String {
    let columns = ["pages", "words", "code", "listing", "run", "runs", "minutes"];
    let columns = columns.map(|column| format!("{column:>8}")).concat();
    let lines: String = rows.iter().chain([&whole(rows)]).map(Row::line).collect();
    format!("{:<40}{columns}\n{lines}", "core")
}

impl Row {
    fn minutes(&self) -> usize {
        if self.pages == 0 { 0 } else { self.measure.minutes() }
    }

    fn line(&self) -> String {
        let Row { name, budget, pages, .. } = self;
        let Measure { words, code, longest, run, transcripts, .. } = self.measure;
        let budget = budget.map_or(String::new(), |budget| format!("/{budget}"));
        let minutes = format!("{}{budget}", self.minutes());
        format!(
            "{name:<40}{pages:>8}{words:>8}{code:>8}{longest:>8}{run:>8}{transcripts:>8}{minutes:>8}\n"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::front::Front;

    #[test]
    fn a_page_belongs_to_its_part() {
        for (path, expected) in [
            ("introduction.md", "front"),
            ("part1/echo.md", "part1"),
            ("part3/index.md", "part3/messages"),
            ("part3/routing/index.md", "part3/routing"),
            ("part6/overload.md", "part6"),
            ("part6/machines/index.md", "part6/machines"),
            ("appendix/a.md", "front"),
        ] {
            assert_eq!(row(path), expected);
        }
    }

    #[test]
    fn a_core_page_has_limits_and_a_run() {
        let good =
            Measure { words: 1_200, code: 120, run: 60, longest: 40, runs: 1, transcripts: 1 };
        let problems = |path: &str, measure, stages: &[u8]| {
            let front = Front { path: Some(Path::Core), stages: stages.to_vec() };
            of_page(path, "", &Page { front, measure, ..Page::default() })
        };
        assert_eq!(problems("part1/a.md", good, &[]), [""; 0]);
        assert_eq!(problems("part1/index.md", Measure { runs: 0, ..good }, &[]), [""; 0]);
        for (bad, stages, expected) in [
            (Measure { words: 1_201, ..good }, &[][..], "1201 words are more than 1200"),
            (Measure { code: 121, ..good }, &[], "121 open lines of code are more than 120"),
            (Measure { run: 61, ..good }, &[], "61 lines of code without 25 words between them"),
            (Measure { longest: 41, ..good }, &[], "41 new lines in one listing are more than 40"),
            (Measure { runs: 0, ..good }, &[], "no transcript"),
            (good, &[2], "it leads to a stage, and has no `cargo xtask climb`"),
        ] {
            let problems = problems("part1/a.md", bad, stages);
            assert_eq!(problems.len(), 1, "{problems:?}");
            assert!(problems[0].starts_with(&format!("book/src/part1/a.md: {expected}")));
        }
    }

    #[test]
    fn the_table_has_a_row_for_each_part_and_the_interview_is_no_part_of_the_sum() {
        let mut rows = rows();
        for name in ["part1", INTERVIEW] {
            add(&mut rows, name, Measure { words: 400, ..Measure::default() });
        }
        let table = table(&rows);
        assert!(table.contains("     400       0       0"), "{table}");
        assert!(table.contains(" 2/45\n") && table.contains(" 0/60\n"), "{table}");
        assert!(table.ends_with(" 2/360\n"), "{table}");
    }
}
