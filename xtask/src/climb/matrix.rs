//! Renders the table of stages against starter, steps, chapters and `final` for a page of the book.

use std::fmt::Write;

use wire::climb::Stage;

use super::climbers::Climber;
use super::steps::{Failing, Mistake, Step};

/// The path of the table from the root.
pub(super) const PAGE: &str = "book/src/generated/climb.md";

/// Renders three tables: the stages against the starter and the chapters, each step with the stages that it passes, and
/// the mistakes.
pub(super) fn render(
    stages: &[Stage],
    columns: &[Climber],
    steps: &[Step],
    added: &[Option<usize>],
    mistakes: &[Mistake],
) -> String {
    let mut text = String::from(
        "<!-- Written by `cargo xtask prove-climb --write`. Do not edit: `cargo xtask test` compares it. -->\n\n",
    );
    chapters(&mut text, stages, columns);
    of_steps(&mut text, stages, steps, added);
    of_mistakes(&mut text, stages, mistakes);
    text
}

fn chapters(text: &mut String, stages: &[Stage], columns: &[Climber]) {
    let titles: Vec<&str> = columns.iter().map(|climber| climber.name.as_str()).collect();
    // Writing to a string cannot fail, here and below.
    let _ = writeln!(text, "| | stage | {} |", titles.join(" | "));
    let _ = writeln!(text, "|--:|---|{}", ":-:|".repeat(columns.len()));
    for stage in stages {
        let mark = |climber: &Climber| {
            let fails = climber.fails.as_ref().is_some_and(|failing| failing.stage == stage.number);
            match climber.passes.contains(&stage.number) {
                true => "✓",
                false if fails => "✗",
                false => "",
            }
        };
        let marks: Vec<&str> = columns.iter().map(mark).collect();
        let _ = writeln!(text, "| {} | {} | {} |", stage.number, stage.title, marks.join(" | "));
    }
    text.push('\n');
}

fn of_steps(text: &mut String, stages: &[Stage], steps: &[Step], added: &[Option<usize>]) {
    if steps.is_empty() {
        return;
    }
    text.push_str(
        "| step | new idea | lines added | passes | then fails |\n|---|---|--:|---|---|\n",
    );
    for (step, added) in steps.iter().zip(added) {
        let added = added.map_or("new".to_string(), |added| added.to_string());
        let fails = step.fails.as_ref().map_or(String::new(), |it| failing(stages, it));
        let (name, idea, passes) = (step.name(), &step.idea, ranges(&step.passes));
        let _ = writeln!(text, "| `{name}` | {idea} | {added} | {passes} | {fails} |");
    }
    text.push('\n');
}

fn of_mistakes(text: &mut String, stages: &[Stage], mistakes: &[Mistake]) {
    if mistakes.is_empty() {
        return;
    }
    text.push_str("| mistake | caught by |\n|---|---|\n");
    for Mistake { patch, caught, .. } in mistakes {
        let name = patch.trim_start_matches("mistakes/").trim_end_matches(".patch");
        let _ = writeln!(text, "| {} | {} |", name.replace('_', " "), failing(stages, caught));
    }
    text.push('\n');
}

/// `4 (idle): a client that sends nothing is disconnected`
fn failing(stages: &[Stage], Failing { stage, check }: &Failing) -> String {
    let name = stages.iter().find(|it| it.number == *stage).map_or("", |it| it.name);
    format!("{stage} ({name}): {check}")
}

/// `1 to 4, 9` for 1, 2, 3, 4 and 9.
fn ranges(numbers: &[u8]) -> String {
    let mut ranges: Vec<(u8, u8)> = Vec::new();
    for &number in numbers {
        match ranges.last_mut() {
            Some((_, last)) if *last + 1 == number => *last = number,
            _ => ranges.push((number, number)),
        }
    }
    let words = ranges.iter().map(|(first, last)| match last - first {
        0 => first.to_string(),
        1 => format!("{first}, {last}"),
        _ => format!("{first} to {last}"),
    });
    words.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_a_row_are_a_range() {
        for (numbers, expected) in [
            (&[][..], ""),
            (&[1], "1"),
            (&[1, 2], "1, 2"),
            (&[1, 2, 3, 9, 12, 13, 14], "1 to 3, 9, 12 to 14"),
        ] {
            assert_eq!(ranges(numbers), expected);
        }
    }
}
