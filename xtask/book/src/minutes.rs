//! `{{#minutes}}`: how long each part takes, and the stages and exercises it has, as a table.
//!
//! The directive is replaced after all pages have been expanded, because the table adds up the minutes of all of them.

use std::fmt::Write;

use crate::coverage::BookPart;
use crate::front::Path;
use crate::preprocess::Page;

/// What the directive becomes at first.
pub(crate) const MARK: &str = "<!-- minutes of all parts -->";

/// Pages of no chapter that have a row too.
const INTERVIEW: &str = "interview/";

/// The table, which grows with each page.
pub(crate) struct Minutes {
    rows: Vec<Row>,
}

#[derive(Debug, Default)]
struct Row {
    folder: String,
    title: String,
    core: usize,
    deeper: usize,
    stages: Vec<u8>,
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
        let minutes = page.measure.minutes();
        match page.front.path {
            Some(Path::Core | Path::Interview) => row.core += minutes,
            Some(Path::Deeper) => row.deeper += minutes,
            None => {}
        }
        row.stages.extend(&page.front.stages);
        row.exercises += usize::from(path[row.folder.len()..].starts_with("exercise-"));
    }

    pub(crate) fn table(&self) -> String {
        let mut text =
            String::from("| part | core | deeper | stages | exercises |\n|---|--:|--:|--:|--:|\n");
        for row in &self.rows {
            // Writing to a string cannot fail.
            let _ = writeln!(
                text,
                "| {} | {} | {} | {} | {} |",
                row.title,
                time(row.core),
                time(row.deeper),
                row.stages(),
                if row.exercises == 0 { String::new() } else { row.exercises.to_string() }
            );
        }
        let sum = |of: fn(&Row) -> usize| self.rows.iter().map(of).sum::<usize>();
        let (core, deeper) = (time(sum(|row| row.core)), time(sum(|row| row.deeper)));
        let _ = writeln!(text, "| all | {core} | {deeper} | | {} |", sum(|row| row.exercises));
        text
    }
}

impl Row {
    /// From the first to the last, such as `5–8`.
    fn stages(&self) -> String {
        match (self.stages.iter().min(), self.stages.iter().max()) {
            (Some(first), Some(last)) if first < last => format!("{first}–{last}"),
            (Some(only), _) => only.to_string(),
            _ => String::new(),
        }
    }
}

/// Minutes up to an hour and a half, and longer times in half hours.
fn time(minutes: usize) -> String {
    match minutes {
        0 => String::new(),
        1..=90 => format!("{minutes} min"),
        _ => {
            let halves = (minutes + 15) / 30;
            format!("{}{} h", halves / 2, if halves % 2 == 1 { "½" } else { "" })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::front::Front;
    use crate::measure::Measure;

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
             | Part 1 | 15 min | 2½ h | 1–4 |  |\n|  |  | 1 min |  | 1 |\n|  |  |  |  |  |\n\
             | all | 15 min | 2½ h | | 1 |\n"
        );
    }
}
