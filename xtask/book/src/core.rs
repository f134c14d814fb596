//! The core path, its size by part, and the elements that each of its pages must have.

use std::collections::BTreeSet;

use anyhow::Result;
use course::MAX_ADDED;

use crate::expand::expand_page;
use crate::front::Path;
use crate::measure::Measure;
use crate::sources::Sources;
use crate::{files, step};

/// The minutes of each part, by the directory of its pages. Parts that are not listed have no budget.
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

/// The row for pages outside of the parts, such as the introduction.
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

/// A measured page of the core path or of the interview.
struct Page {
    path: String,
    row: String,
    measure: Measure,
    /// Whether it introduces a stage, and shows the command for that stage.
    stages: bool,
    climbs: bool,
    /// The steps that it shows, as file names.
    steps: BTreeSet<String>,
}

/// Measures all pages, prints a table by part, and returns the problems. The first line is the summary.
pub(crate) fn check(sources: &Sources, problems: &mut Vec<String>) -> Result<String> {
    let pages = read(sources, problems)?;
    let core: Vec<&Page> = pages.iter().filter(|page| page.row != INTERVIEW).collect();
    print!("{}", table(&pages));
    for page in &core {
        problems.extend(of_page(page));
    }
    for (row, measure, pages) in rows(&pages) {
        let minutes = measure.minutes();
        if let Some(budget) = budget(row).filter(|budget| pages > 0 && minutes > *budget) {
            problems.push(format!("{row}: {minutes} minutes are more than its {budget}"));
        }
    }
    let all = sum(core.iter().copied());
    for ((name, most), value) in WHOLE.into_iter().zip([all.words, all.code, all.minutes()]) {
        if value > most {
            problems.push(format!("the core of the book: {value} {name} are more than {most}"));
        }
    }
    for step in step::all(sources)? {
        if !core.iter().any(|page| page.steps.contains(&step.file)) {
            problems.push(format!("{}/{}: on no core page", step.folder, step.file));
        }
    }
    Ok(format!("{} core pages of {} minutes", core.len(), all.minutes()))
}

/// The core and interview pages, by their front matter.
fn read(sources: &Sources, problems: &mut Vec<String>) -> Result<Vec<Page>> {
    let mut pages = Vec::new();
    for (path, text) in files::pages(sources.root())? {
        let (page, errors) = expand_page(sources, &path, &text);
        problems.extend(errors);
        let row = match page.front.path {
            Some(Path::Core) => row(&path),
            Some(Path::Interview) => INTERVIEW.to_string(),
            Some(Path::Deeper) | None => continue,
        };
        let steps = page.shown.iter().filter_map(|shown| shown.path.strip_prefix("steps/"));
        pages.push(Page {
            row,
            measure: page.measure,
            stages: !page.front.stages.is_empty(),
            climbs: text.contains("cargo xtask climb"),
            steps: steps.map(str::to_string).collect(),
            path,
        });
    }
    Ok(pages)
}

/// The row of a page in the table. That is its part, as in [`BUDGETS`].
pub(crate) fn row(path: &str) -> String {
    let around = BUDGETS.iter().filter(|(part, _)| path.starts_with(&format!("{part}/")));
    // A directory with a budget may be inside another such directory.
    match (around.max_by_key(|(part, _)| part.len()), path.split_once('/')) {
        (Some((part, _)), _) => (*part).to_string(),
        (None, None) => FRONT.to_string(),
        // The page above messages and routing comes before both.
        (None, Some(("part3", _))) => "part3/messages".to_string(),
        (None, Some((folder, _))) => folder.to_string(),
    }
}

fn budget(row: &str) -> Option<usize> {
    BUDGETS.iter().find(|(part, _)| *part == row).map(|(_, minutes)| *minutes)
}

/// The problems of a core page.
fn of_page(page: &Page) -> Vec<String> {
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
    let name = page.path.rsplit('/').next().unwrap_or_default();
    if runs == 0 && !WITHOUT_RUN.contains(&name) {
        problems.push("no transcript: the reader runs nothing here".to_string());
    }
    if page.stages && !page.climbs {
        problems.push("it leads to a stage, and has no `cargo xtask climb`".to_string());
    }
    problems.iter().map(|problem| format!("book/src/{}: {problem}", page.path)).collect()
}

/// Each row of the table with its total and its number of pages: first the parts in order, then other pages, and the
/// interview.
fn rows(pages: &[Page]) -> Vec<(&str, Measure, usize)> {
    let names = pages.iter().map(|page| page.row.as_str());
    let others: BTreeSet<&str> =
        names.filter(|row| budget(row).is_none() && *row != INTERVIEW).collect();
    let names = BUDGETS.iter().map(|(part, _)| *part).chain(others).chain([INTERVIEW]);
    let row = |name| {
        let of_row = || pages.iter().filter(|page| page.row == name);
        (name, sum(of_row()), of_row().count())
    };
    names.map(row).collect()
}

fn sum<'a>(pages: impl Iterator<Item = &'a Page>) -> Measure {
    pages.fold(Measure::default(), |sum, page| sum.and(page.measure))
}

/// A row for each part, and the sum.
fn table(pages: &[Page]) -> String {
    let columns = ["pages", "words", "code", "listing", "run", "runs", "minutes"];
    let mut text = line("core", columns.map(str::to_string));
    for (row, measure, count) in rows(pages) {
        text += &numbers(row, measure, count, budget(row));
    }
    let core = || pages.iter().filter(|page| page.row != INTERVIEW);
    text + &numbers("the whole core", sum(core()), core().count(), Some(WHOLE[2].1))
}

fn numbers(name: &str, measure: Measure, pages: usize, budget: Option<usize>) -> String {
    let Measure { words, code, longest, run, transcripts, .. } = measure;
    let minutes = if pages == 0 { 0 } else { measure.minutes() };
    let budget = budget.map_or(String::new(), |budget| format!("/{budget}"));
    let [pages, words, code, longest, run, transcripts] =
        [pages, words, code, longest, run, transcripts].map(|it| it.to_string());
    line(name, [pages, words, code, longest, run, transcripts, format!("{minutes}{budget}")])
}

fn line(name: &str, cells: [String; 7]) -> String {
    let cells = cells.map(|cell| format!("{cell:>8}")).concat();
    format!("{name:<40}{cells}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(path: &str, measure: Measure) -> Page {
        let steps = BTreeSet::new();
        Page { path: path.into(), row: row(path), measure, stages: false, climbs: false, steps }
    }

    #[test]
    fn a_page_belongs_to_its_part() {
        for (path, expected) in [
            ("introduction.md", "front"),
            ("part1/echo.md", "part1"),
            ("part3/index.md", "part3/messages"),
            ("part3/routing/index.md", "part3/routing"),
            ("part6/overload.md", "part6"),
            ("part6/machines/index.md", "part6/machines"),
            ("appendix/a.md", "appendix"),
        ] {
            assert_eq!(row(path), expected);
        }
    }

    #[test]
    fn a_core_page_has_limits_and_a_run() {
        let good =
            Measure { words: 1_200, code: 120, run: 60, longest: 40, runs: 1, transcripts: 1 };
        assert_eq!(of_page(&page("part1/a.md", good)), [""; 0]);
        assert_eq!(of_page(&page("part1/index.md", Measure { runs: 0, ..good })), [""; 0]);
        for (bad, expected) in [
            (Measure { words: 1_201, ..good }, "1201 words are more than 1200"),
            (Measure { code: 121, ..good }, "121 open lines of code are more than 120"),
            (Measure { run: 61, ..good }, "61 lines of code without 25 words between them"),
            (Measure { longest: 41, ..good }, "41 new lines in one listing are more than 40"),
            (Measure { runs: 0, ..good }, "no transcript"),
        ] {
            let problems = of_page(&page("part1/a.md", bad));
            assert_eq!(problems.len(), 1, "{problems:?}");
            assert!(problems[0].starts_with(&format!("book/src/part1/a.md: {expected}")));
        }
        let leads = Page { stages: true, ..page("part1/a.md", good) };
        assert!(of_page(&leads)[0].ends_with("has no `cargo xtask climb`"));
    }

    #[test]
    fn the_table_has_a_row_for_each_part_and_the_interview_is_no_part_of_the_sum() {
        let measure = Measure { words: 400, ..Measure::default() };
        let interview = Page { row: INTERVIEW.to_string(), ..page("part1/b.md", measure) };
        let table = table(&[page("part1/a.md", measure), interview]);
        assert!(table.contains("     400       0       0"), "{table}");
        assert!(table.contains(" 2/45\n") && table.contains(" 0/60\n"), "{table}");
        assert!(table.ends_with(" 2/360\n"), "{table}");
    }
}
