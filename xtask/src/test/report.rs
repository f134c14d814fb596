//! The output of `cargo xtask test`: a line as each part ends, and a summary at the end.

use std::fmt::Write as _;
use std::time::Duration;

use super::part::Outcome;
use super::schedule::Finished;
use crate::ui;

/// The number of slow parts that the summary names.
const SLOWEST: usize = 3;

/// The line of a part, followed by its skipped checks or the reason for its failure. `running` is only shown to a
/// person who waits.
pub(super) fn line(finished: &Finished, running: &[&str]) -> String {
    let name = format!("{:<11}", finished.part.name);
    let seconds = format!("{:>6.1} s", finished.took.as_secs_f32());
    let mut text = match &finished.outcome {
        Outcome::Passed { note, left_out } => {
            let note = if note.is_empty() { String::new() } else { format!("  {note}") };
            let mut text = format!("{name} {} {seconds}{note}\n", ui::paint(ui::GOOD, "ok     "));
            for what in left_out {
                let _ = writeln!(text, "{:<11} {} {what}", "", ui::paint(ui::NOTE, "left out"));
            }
            text
        }
        Outcome::Skipped(why) => format!("{name} {} {why}\n", ui::paint(ui::NOTE, "skipped")),
        Outcome::Failed(output) => {
            let end = if output.ends_with('\n') { "" } else { "\n" };
            format!("{name} {} {seconds}\n\n{output}{end}\n", ui::paint(ui::BAD, "FAILED "))
        }
    };
    if ui::is_terminal() && !running.is_empty() {
        let line = format!("{:<11} running: {}", "", running.join(", "));
        let _ = writeln!(text, "{}", ui::paint(ui::DIM, &line));
    }
    text
}

/// The last lines: the failures and the commands that rerun them, the skipped checks, the time, and the counts.
pub(super) fn summary(finished: &[Finished], took: Duration, strict: bool) -> (String, bool) {
    let names = |wanted: fn(&Outcome) -> bool| -> Vec<&str> {
        let chosen = finished.iter().filter(|finished| wanted(&finished.outcome));
        chosen.map(|finished| finished.part.name).collect()
    };
    let failed = names(Outcome::is_failure);
    let passed = names(|outcome| matches!(outcome, Outcome::Passed { .. }));
    let skipped = names(|outcome| matches!(outcome, Outcome::Skipped(_)));
    let incomplete = names(
        |outcome| matches!(outcome, Outcome::Passed { left_out, .. } if !left_out.is_empty()),
    );

    let mut text = String::from("\n");
    if !failed.is_empty() {
        let names = failed.join(" ");
        let _ = writeln!(text, "failed: {names}; to repeat only that: `cargo xtask test {names}`");
    }
    let not_whole: Vec<&str> = [&skipped[..], &incomplete[..]].concat();
    if !not_whole.is_empty() {
        let style = if strict { ui::BAD } else { ui::NOTE };
        let hint = if strict { "; --strict makes that a failure" } else { "" };
        let line = format!("not everything was checked: {}{hint}", not_whole.join(", "));
        let _ = writeln!(text, "{}", ui::paint(style, &line));
    }
    let _ = writeln!(text, "{}", times(finished, took));
    let skipped =
        if skipped.is_empty() { String::new() } else { format!(", {} skipped", skipped.len()) };
    let _ = writeln!(text, "{} passed, {} failed{skipped}", passed.len(), failed.len());
    (text, failed.is_empty() && (!strict || not_whole.is_empty()))
}

/// `12 min 3 s in all; slowest: exercises 300 s, tests 120 s, book 90 s`
fn times(finished: &[Finished], took: Duration) -> String {
    let mut by_time: Vec<&Finished> = finished.iter().collect();
    by_time.sort_by_key(|finished| std::cmp::Reverse(finished.took));
    let slowest: Vec<String> = by_time
        .iter()
        .take(SLOWEST)
        .map(|finished| format!("{} {:.0} s", finished.part.name, finished.took.as_secs_f32()))
        .collect();
    // Rounded, as those above are.
    let took = (took + Duration::from_millis(500)).as_secs();
    let (minutes, seconds) = (took / 60, took % 60);
    let all =
        if minutes == 0 { format!("{seconds} s") } else { format!("{minutes} min {seconds} s") };
    format!("{all} in all; slowest: {}", slowest.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test::parts::PARTS;
    use crate::ui::plain;

    fn finished(index: usize, outcome: Outcome) -> Finished {
        Finished { part: &PARTS[index], outcome, took: Duration::from_millis(1234) }
    }

    fn left_out() -> Outcome {
        Outcome::Passed { note: String::new(), left_out: vec!["the browser".to_string()] }
    }

    #[test]
    fn a_part_s_line_has_its_time_and_what_it_did() {
        let line = |outcome| plain(&line(&finished(0, outcome), &[]));
        assert_eq!(line(Outcome::passed("34 tests")), "fmt         ok         1.2 s  34 tests\n");
        assert_eq!(
            line(Outcome::Failed("why".to_string())),
            "fmt         FAILED     1.2 s\n\nwhy\n\n"
        );
        assert_eq!(line(Outcome::Skipped("why".to_string())), "fmt         skipped why\n");
    }

    #[test]
    fn what_is_left_out_has_a_line_of_its_own() {
        let text = plain(&line(&finished(0, left_out()), &[]));
        assert_eq!(text, "fmt         ok         1.2 s\n            left out the browser\n");
    }

    #[test]
    fn the_last_line_counts_the_parts() {
        let took = Duration::from_secs(75);
        let (text, good) = summary(&[finished(0, Outcome::passed(""))], took, true);
        assert!(good);
        assert_eq!(text, "\n1 min 15 s in all; slowest: fmt 1 s\n1 passed, 0 failed\n");
        let outcomes = [
            finished(0, Outcome::passed("")),
            finished(1, Outcome::Skipped("`build` failed".to_string())),
            finished(2, Outcome::Failed("warning".to_string())),
        ];
        let (text, good) = summary(&outcomes, took, false);
        assert!(!good);
        let failed = PARTS[2].name;
        assert!(text.contains(&format!(
            "failed: {failed}; to repeat only that: `cargo xtask test {failed}`\n"
        )));
        assert!(text.ends_with("1 passed, 1 failed, 1 skipped\n"), "{text}");
    }

    #[test]
    fn strict_turns_what_is_left_out_into_a_failure() {
        for outcome in [left_out(), Outcome::Skipped("there is no book yet".to_string())] {
            let outcomes = [finished(0, outcome)];
            assert!(summary(&outcomes, Duration::ZERO, false).1);
            let (text, good) = summary(&outcomes, Duration::ZERO, true);
            assert!(
                !good && plain(&text).contains("not everything was checked: fmt; --strict"),
                "{text}"
            );
        }
    }
}
