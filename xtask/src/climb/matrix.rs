//! Renders the table of stages against starter, steps, chapters and `final` for a page of the book.

use wire::climb::Stage;

use super::climbers::Climber;
use super::steps::{Failing, Mistake, Step};

/// The path of the table from the root.
pub(super) const PAGE: &str = "book/src/generated/climb.md";

const HEAD: &str = "<!-- Written by `cargo xtask prove-climb --write`. Do not edit: `cargo xtask test` compares it. -->\n\n";

/// Renders three tables: the stages against the starter and the chapters, each step with the stages that it passes, and
/// the mistakes.
pub(super) fn render(
    stages: &[Stage],
    columns: &[Climber],
    steps: &[Step],
    added: &[Option<usize>],
    mistakes: &[Mistake],
) -> String {
    let names: Vec<&str> = columns.iter().map(|climber| climber.name.as_str()).collect();
    let lines = ":-:|".repeat(columns.len());
    let chapters = stages.iter().map(|stage| {
        let mut cells = vec![stage.number.to_string(), stage.title.to_string()];
        cells.extend(columns.iter().map(|climber| mark(climber, stage).to_string()));
        cells
    });
    let steps = steps.iter().zip(added).map(|(step, added)| {
        let added = added.map_or("new".to_string(), |added| added.to_string());
        let fails = step.fails.as_ref().map_or(String::new(), |it| failing(stages, it));
        vec![format!("`{}`", step.name()), step.idea.clone(), added, ranges(&step.passes), fails]
    });
    let mistakes = mistakes.iter().map(|Mistake { patch, caught, .. }| {
        let name = patch.trim_start_matches("mistakes/").trim_end_matches(".patch");
        vec![name.replace('_', " "), failing(stages, caught)]
    });
    [
        HEAD.to_string(),
        table(&format!("| | stage | {} |\n|--:|---|{lines}", names.join(" | ")), chapters),
        table(
            "| step | new idea | lines added | passes | then fails |\n|---|---|--:|---|---|",
            steps,
        ),
        table("| mistake | caught by |\n|---|---|", mistakes),
    ]
    .concat()
}

fn table(head: &str, rows: impl Iterator<Item = Vec<String>>) -> String {
    let rows = rows.map(|cells| format!("| {} |\n", cells.join(" | ")));
    format!("{head}\n{}\n", rows.collect::<String>())
}

fn mark(climber: &Climber, stage: &Stage) -> &'static str {
    if climber.passes.contains(&stage.number) {
        return "✓";
    }
    let fails = climber.fails.as_ref().is_some_and(|failing| failing.stage == stage.number);
    if fails { "✗" } else { "" }
}

/// `4 (idle): a client that sends nothing is disconnected`
fn failing(stages: &[Stage], Failing { stage, check }: &Failing) -> String {
    let name = stages.iter().find(|it| it.number == *stage).map_or("", |it| it.name);
    format!("{stage} ({name}): {check}")
}

/// `1 to 4, 9` for 1, 2, 3, 4 and 9.
fn ranges(numbers: &[u8]) -> String {
    let in_a_row = numbers.chunk_by(|one, next| one + 1 == *next);
    let words = in_a_row.map(|row| match row {
        [first, _, .., last] => format!("{first} to {last}"),
        few => few.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
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
