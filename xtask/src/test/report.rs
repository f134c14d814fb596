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
            let line = format!("{name} {} {seconds}  {note}", ui::paint(ui::GOOD, "ok     "));
            let mut text = format!("{}\n", line.trim_end());
            for what in left_out {
                let _ = writeln!(text, "{:<11} {} {what}", "", ui::paint(ui::NOTE, "left out"));
            }
            text
        }
        Outcome::Skipped(why) => format!("{name} {} {why}\n", ui::paint(ui::NOTE, "skipped")),
        Outcome::Failed(output) => {
            let output = output.trim_end();
            format!("{name} {} {seconds}\n\n{output}\n\n", ui::paint(ui::BAD, "FAILED "))
        }
    };
    if ui::is_terminal() && !running.is_empty() {
        let line = format!("{:<11} running: {}", "", running.join(", "));
        let _ = writeln!(text, "{}", ui::paint(ui::DIM, &line));
    }
    text
}

/// The last lines: the failures and the command that reruns them, the skipped checks, the time, and the counts. All is
/// good if nothing has failed, and if nothing was skipped where that is `strict`.
pub(super) fn summary(finished: &[Finished], took: Duration, strict: bool) -> (String, bool) {
    let (mut passed, mut failed, mut skipped, mut incomplete) = (0, vec![], vec![], vec![]);
    for Finished { part, outcome, .. } in finished {
        match outcome {
            Outcome::Failed(_) => failed.push(part.name),
            Outcome::Skipped(_) => skipped.push(part.name),
            Outcome::Passed { left_out, .. } => {
                passed += 1;
                incomplete.extend((!left_out.is_empty()).then_some(part.name));
            }
        }
    }
    let mut text = String::from("\n");
    if !failed.is_empty() {
        let names = failed.join(" ");
        let _ = writeln!(text, "failed: {names}; to repeat only that: `cargo xtask test {names}`");
    }
    let not_whole = [&skipped[..], &incomplete].concat();
    if !not_whole.is_empty() {
        let style = if strict { ui::BAD } else { ui::NOTE };
        let hint = if strict { "; --strict makes that a failure" } else { "" };
        let line = format!("not everything was checked: {}{hint}", not_whole.join(", "));
        let _ = writeln!(text, "{}", ui::paint(style, &line));
    }
    let _ = writeln!(text, "{}", times(finished, took));
    let _ = write!(text, "{passed} passed, {} failed", failed.len());
    if !skipped.is_empty() {
        let _ = write!(text, ", {} skipped", skipped.len());
    }
    text.push('\n');
    (text, failed.is_empty() && (!strict || not_whole.is_empty()))
}

/// `12 min 3 s in all; slowest: exercises 300 s, tests 120 s, book 90 s`
fn times(finished: &[Finished], took: Duration) -> String {
    let mut by_time: Vec<&Finished> = finished.iter().collect();
    by_time.sort_by_key(|finished| std::cmp::Reverse(finished.took));
    by_time.truncate(SLOWEST);
    let time = |it: &&Finished| format!("{} {:.0} s", it.part.name, it.took.as_secs_f32());
    let slowest: Vec<String> = by_time.iter().map(time).collect();
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

    fn finished(outcomes: &[Outcome]) -> Vec<Finished> {
        let took = Duration::from_millis(1234);
        let parts = PARTS.iter().zip(outcomes.iter().cloned());
        parts.map(|(part, outcome)| Finished { part, outcome, took }).collect()
    }

    fn left_out() -> Outcome {
        Outcome::Passed { note: String::new(), left_out: vec!["the browser".to_string()] }
    }

    #[test]
    fn a_part_s_line_has_its_time_and_what_it_did_and_what_it_left_out() {
        for (outcome, expected) in [
            (Outcome::passed("34 tests"), "fmt         ok         1.2 s  34 tests\n"),
            (Outcome::Failed("why".to_string()), "fmt         FAILED     1.2 s\n\nwhy\n\n"),
            (Outcome::Skipped("why".to_string()), "fmt         skipped why\n"),
            (left_out(), "fmt         ok         1.2 s\n            left out the browser\n"),
        ] {
            assert_eq!(plain(&line(&finished(&[outcome])[0], &[])), expected);
        }
    }

    #[test]
    fn the_last_line_counts_the_parts() {
        let took = Duration::from_secs(75);
        let (text, good) = summary(&finished(&[Outcome::passed("")]), took, true);
        assert!(good);
        assert_eq!(text, "\n1 min 15 s in all; slowest: fmt 1 s\n1 passed, 0 failed\n");
        let [skipped, failed] =
            [Outcome::Skipped("`build` failed".to_string()), Outcome::Failed("why".to_string())];
        let outcomes = finished(&[Outcome::passed(""), skipped, failed]);
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
        for outcome in [left_out(), Outcome::Skipped("typos is not installed".to_string())] {
            let outcomes = finished(&[outcome]);
            assert!(summary(&outcomes, Duration::ZERO, false).1);
            let (text, good) = summary(&outcomes, Duration::ZERO, true);
            assert!(
                !good && plain(&text).contains("not everything was checked: fmt; --strict"),
                "{text}"
            );
        }
    }
}
