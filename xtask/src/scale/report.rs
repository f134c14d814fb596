//! The results of `cargo xtask scale` as text.

use std::collections::BTreeMap;

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
pub(super) fn end(demonstration: &Demonstration, outcomes: &[Outcome]) -> String {
    let column = |of: fn(&Outcome) -> &Count| {
        let count = sum(outcomes.iter().map(of));
        if count.requests == 0 {
            return "-".to_string();
        }
        format!("{} of {}", count.failed(), count.requests)
    };
    let (get, post) = (column(|it| &it.counts.get), column(|it| &it.counts.post));
    let mut below = notes(outcomes);
    if outcomes.iter().any(|outcome| !outcome.is_expected) {
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

/// Observations beyond the numbers of failures.
fn notes(outcomes: &[Outcome]) -> Vec<String> {
    let mut notes = Vec::new();
    let both = sum(outcomes.iter().flat_map(|it| [&it.counts.get, &it.counts.post]));
    if both.failed() > 0 {
        let kinds: Vec<String> =
            both.failures.iter().map(|(kind, count)| format!("{count} x {kind}")).collect();
        notes.push(kinds.join(", "));
    }
    for note in outcomes.iter().filter_map(|outcome| outcome.note.as_ref()) {
        if !notes.contains(note) {
            notes.push(note.clone());
        }
    }
    if outcomes.len() > 1 {
        let failed: Vec<String> =
            outcomes.iter().map(|it| it.counts.failed().to_string()).collect();
        notes.push(format!("failed in each round: {}", failed.join(" ")));
    }
    notes
}

fn sum<'a>(counts: impl Iterator<Item = &'a Count>) -> Count {
    let (mut requests, mut failures) = (0, BTreeMap::new());
    for count in counts {
        requests += count.requests;
        for (kind, number) in &count.failures {
            *failures.entry(kind.clone()).or_default() += number;
        }
    }
    Count { requests, failures }
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
        let counts = Counts { get: count(get), post: count(post), ..Counts::default() };
        Outcome { counts, note: None, is_expected: true }
    }

    fn named(name: &str) -> Demonstration {
        let mut all = TOPICS.iter().flat_map(|topic| topic.demonstrations);
        *all.find(|it| it.name == name).unwrap()
    }

    #[test]
    fn a_row_has_both_methods_and_the_kinds_of_failures() {
        let kill = named("rolling-kill");
        let row = plain(&(start(&kill) + &end(&kill, &[outcome(0, 3)])));
        let lines: Vec<&str> = row.lines().collect();
        assert!(lines[0].starts_with("  wrong  SIGKILL in place of SIGTERM  "), "{row}");
        assert!(lines[0].ends_with("    0 of 100    3 of 100"), "{row}");
        assert_eq!(lines[1].trim(), "3 x 502");
        assert!(row.lines().all(|line| line.chars().count() < 80), "{row}");
    }

    #[test]
    fn rounds_are_added_up_and_each_is_shown() {
        let with_note =
            |get, post| Outcome { note: Some("a note".to_string()), ..outcome(get, post) };
        let row = plain(&end(&named("rolling-kill"), &[with_note(1, 3), with_note(0, 4)]));
        assert!(row.contains("1 of 200    7 of 200"), "{row}");
        let notes = "8 x 502\n         a note\n         failed in each round: 4 4\n";
        assert!(row.contains(notes), "{row}");
    }

    #[test]
    fn an_unexpected_result_is_named() {
        let bad = Outcome { is_expected: false, ..outcome(0, 0) };
        let row = plain(&end(&named("rolling-kill"), std::slice::from_ref(&bad)));
        assert!(row.contains("Nothing was lost this time"), "{row}");
        let row = plain(&end(&named("rolling-right"), &[bad]));
        assert!(row.contains("This should not happen."), "{row}");
    }
}
