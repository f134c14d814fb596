//! Expands `{{#minutes}}` to a table of all parts with their reading times, stages and exercises.
//!
//! The directive is replaced after all pages have been expanded, because the table adds up their minutes.

use std::collections::BTreeSet;

use crate::config::BookPart;
use crate::expand::Page;
use crate::front::Path;
use crate::measure::Measure;

/// A row for pages that belong to no chapter.
const INTERVIEW: &str = "interview/";

/// The table, which grows with each page.
pub(crate) struct Minutes {
    rows: Vec<Row>,
}

#[derive(Debug, Default)]
struct Row {
    folder: String,
    title: String,
    core: Measure,
    deeper: Measure,
    stages: BTreeSet<usize>,
    exercises: usize,
}

impl Minutes {
    pub(crate) fn of(parts: &[BookPart]) -> Minutes {
        let folders = parts.iter().map(|part| part.folder.as_str()).chain([INTERVIEW]);
        let row = |folder: &str| Row { folder: folder.to_string(), ..Row::default() };
        Minutes { rows: folders.map(row).collect() }
    }

    /// Adds a page, with its title in the table of contents.
    pub(crate) fn add(&mut self, path: &str, title: &str, page: &Page) {
        let Some(row) = self.rows.iter_mut().find(|row| path.starts_with(&row.folder)) else {
            return;
        };
        if path == format!("{}index.md", row.folder) {
            row.title = title.to_string();
        }
        match page.front.path {
            Some(Path::Core | Path::Interview) => row.core = row.core.and(page.measure),
            Some(Path::Deeper) => row.deeper = row.deeper.and(page.measure),
            None => {}
        }
        row.stages.extend(page.front.stages.iter().copied().map(usize::from));
        row.exercises += usize::from(path[row.folder.len()..].starts_with("exercise-"));
    }

    pub(crate) fn table(&self) -> String {
        let mut text =
            String::from("| part | core | deeper | stages | exercises |\n|---|--:|--:|--:|--:|\n");
        let mut all = Row { title: "all".to_string(), ..Row::default() };
        for row in &self.rows {
            text += &row.line();
            all.core = all.core.and(row.core);
            all.deeper = all.deeper.and(row.deeper);
            all.exercises += row.exercises;
        }
        text + &all.line()
    }
}

impl Row {
    fn line(&self) -> String {
        let Row { title, exercises, .. } = self;
        let (core, deeper) = (time(self.core), time(self.deeper));
        let stages = ranges(&self.stages, "–");
        let exercises = if *exercises == 0 { String::new() } else { exercises.to_string() };
        format!("| {title} | {core} | {deeper} | {stages} | {exercises} |\n")
    }
}

/// Formats minutes up to an hour and a half, and longer times in half hours. A time without pages is empty.
fn time(measure: Measure) -> String {
    if measure == Measure::default() {
        return String::new();
    }
    match measure.minutes() {
        minutes @ ..=90 => format!("{minutes} min"),
        minutes => {
            let halves = (minutes + 15) / 30;
            format!("{}{} h", halves / 2, if halves % 2 == 1 { "½" } else { "" })
        }
    }
}

/// The numbers as a reader writes them, with consecutive numbers as a range: `1-3, 7`.
pub(crate) fn ranges(numbers: &BTreeSet<usize>, dash: &str) -> String {
    let mut ranges: Vec<(usize, usize)> = Vec::new();
    for number in numbers {
        match ranges.last_mut() {
            Some((_, last)) if *last + 1 == *number => *last = *number,
            _ => ranges.push((*number, *number)),
        }
    }
    let text = |(first, last): &(usize, usize)| {
        if first == last { first.to_string() } else { format!("{first}{dash}{last}") }
    };
    ranges.iter().map(text).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::front::Front;

    #[test]
    fn a_part_has_the_minutes_of_its_pages_and_their_stages() {
        let part = |folder: &str| BookPart { folder: folder.to_string(), chapter: String::new() };
        let mut minutes = Minutes::of(&[part("part1/"), part("part3/routing/")]);
        let page = |path, words, stages: &[u8]| Page {
            front: Front { path, stages: stages.to_vec() },
            measure: Measure { words, ..Measure::default() },
            ..Page::default()
        };
        minutes.add("part1/index.md", "Part 1", &page(Some(Path::Core), 2000, &[2, 1]));
        minutes.add("part1/echo.md", "Echo", &page(Some(Path::Core), 1000, &[4]));
        minutes.add("part1/deeper/a.md", "A", &page(Some(Path::Deeper), 27_000, &[]));
        minutes.add("part3/routing/exercise-2.md", "2", &page(Some(Path::Deeper), 200, &[]));
        minutes.add("appendix/map.md", "Map", &page(None, 9000, &[]));
        assert_eq!(
            minutes.table(),
            "| part | core | deeper | stages | exercises |\n|---|--:|--:|--:|--:|\n\
             | Part 1 | 15 min | 2½ h | 1–2, 4 |  |\n|  |  | 1 min |  | 1 |\n|  |  |  |  |  |\n\
             | all | 15 min | 2½ h |  | 1 |\n"
        );
    }
}
