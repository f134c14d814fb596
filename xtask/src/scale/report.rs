//! The results of `cargo xtask scale` as text.

use scale::{Count, Demonstration, Outcome, REPLICAS, Setup, Topic};

use crate::ui;

/// The width of the longest title.
const TITLE_WIDTH: usize = 46;

/// The width of a count. With the words before the title, a row fits into 80 columns.
const COUNT_WIDTH: usize = 11;

/// Lines below a row are indented to the row's title.
const INDENT: usize = 9;

pub(super) fn header(setup: &Setup) -> String {
    let (front, directory) = (setup.front.program(), setup.directory.display());
    let text = format!(
        "{REPLICAS} replicas of final (debug build) behind {front}. Clients send GET and POST without a pause. The configurations are in {directory}."
    );
    format!("{}\n", ui::wrapped(&text))
}

pub(super) fn topic(topic: &Topic) -> String {
    let title = format!("{:<width$}", topic.title, width = TITLE_WIDTH + INDENT);
    let title = ui::paint(ui::TITLE, &title);
    format!("\n{title} {:>COUNT_WIDTH$} {:>COUNT_WIDTH$}\n", "GET failed", "POST failed")
}

/// The first part of a row, before there is a result.
pub(super) fn start(demonstration: &Demonstration) -> String {
    let word = if demonstration.is_wrong {
        ui::paint(ui::BAD, "wrong")
    } else {
        ui::paint(ui::GOOD, "right")
    };
    format!("  {word}  {:<TITLE_WIDTH$}", demonstration.title)
}

/// The rest of a row, and the reason below it.
pub(super) fn end(demonstration: &Demonstration, outcome: &Outcome) -> String {
    let column = |count: &Count| match count.requests {
        0 => "-".to_string(),
        requests => format!("{} of {requests}", count.failed()),
    };
    let (get, post) = (column(&outcome.counts.get), column(&outcome.counts.post));
    let mut below = kinds(outcome);
    below.extend(outcome.note.clone());
    if outcome.is_wrong != demonstration.is_wrong {
        let unexpected = if demonstration.is_wrong {
            "Nothing was lost this time, although this is wrong."
        } else {
            "This should not happen."
        };
        below.push(ui::paint(ui::NOTE, unexpected));
    }
    let why = ui::wrapped_to(demonstration.why, ui::width().clamp(40, 80) - INDENT);
    below.extend(why.lines().map(|line| ui::paint(ui::DIM, line)));
    let below: Vec<String> = below.iter().map(|line| format!("{:INDENT$}{line}\n", "")).collect();
    format!(" {get:>COUNT_WIDTH$} {post:>COUNT_WIDTH$}\n{}", below.concat())
}

/// A line with the kinds of failures, if there are any.
fn kinds(outcome: &Outcome) -> Vec<String> {
    let mut kinds = outcome.counts.get.failures.clone();
    for (kind, count) in &outcome.counts.post.failures {
        *kinds.entry(kind.clone()).or_default() += count;
    }
    let kinds: Vec<String> =
        kinds.iter().map(|(kind, count)| format!("{count} x {kind}")).collect();
    if kinds.is_empty() { kinds } else { vec![kinds.join(", ")] }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::plain;
    use scale::{Counts, TOPICS};

    fn outcome(get: u64, post: u64) -> Outcome {
        let count = |failed: u64| Count {
            requests: 100,
            failures: (failed > 0).then(|| ("502".to_string(), failed)).into_iter().collect(),
        };
        let counts = Counts { get: count(get), post: count(post) };
        Outcome { is_wrong: counts.failed() > 0, counts, note: Some("a note".to_string()) }
    }

    /// The row of a demonstration.
    fn row(name: &str, outcome: &Outcome) -> String {
        let mut all = TOPICS.iter().flat_map(|topic| topic.demonstrations);
        let demonstration = all.find(|it| it.name == name).unwrap();
        plain(&(start(demonstration) + &end(demonstration, outcome)))
    }

    #[test]
    fn a_row_has_both_methods_the_kinds_of_failures_and_the_note() {
        let row = row("rolling-kill", &outcome(1, 3));
        let lines: Vec<&str> = row.lines().collect();
        assert!(lines[0].starts_with("  wrong  SIGKILL in place of SIGTERM  "), "{row}");
        assert!(lines[0].ends_with("    1 of 100    3 of 100"), "{row}");
        assert_eq!(lines[1..3], ["         4 x 502", "         a note"]);
        assert!(row.lines().all(|line| line.chars().count() < 80), "{row}");
        assert!(!row.contains("Nothing was lost"), "{row}");
    }

    #[test]
    fn an_unexpected_result_is_named() {
        let nothing = row("rolling-kill", &outcome(0, 0));
        assert!(nothing.contains("Nothing was lost this time"), "{nothing}");
        let lost = row("rolling-right", &outcome(0, 1));
        assert!(lost.contains("This should not happen."), "{lost}");
    }
}
