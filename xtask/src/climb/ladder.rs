//! The progress of a server: a line for each stage, and the picture of the ladder.

use std::fmt::Write;

use wire::climb::{Scheme, Stage, stages};

use crate::check::{Checked, Ended, passed};
use crate::progress::Progress;
use crate::ui;

/// The heading of a stage.
pub(super) fn title(stage: &Stage) -> String {
    let words =
        format!("Stage {} of {}: {} ({})", stage.number, stages().len(), stage.title, stage.name);
    ui::paint(ui::TITLE, &words)
}

/// All stages with their contracts.
pub(super) fn contracts(all: &[Stage]) -> String {
    let (mut text, mut phase) = (String::new(), "");
    for stage in all {
        if stage.phase != phase {
            phase = stage.phase;
            let _ = writeln!(text, "{}\n", ui::paint(ui::NOTE, phase));
        }
        let _ = writeln!(text, "{}\n\n{}\n", title(stage), ui::wrapped(stage.contract));
    }
    text
}

/// Whether all checks of a stage have run and passed.
pub(super) fn is_passed(stage: &Stage, all: &[Checked], ended: &Ended) -> bool {
    *ended == Ended::Done && passed(all) == stage.checks.len()
}

/// The result of a stage in one line.
pub(super) fn line(stage: &Stage, all: &[Checked], ended: &Ended, marks: ui::Marks) -> String {
    let (passed, of) = (passed(all), stage.checks.len());
    let good = is_passed(stage, all, ended);
    let (style, mark) = if good { (ui::GOOD, marks.good) } else { (ui::BAD, marks.bad) };
    let mut text = format!("{} {:>2} {}", ui::paint(style, mark), stage.number, stage.title);
    if !good {
        let _ = write!(text, ": {passed} of {of} checks");
        if let Ended::GaveUp { seconds } | Ended::TimedOut { seconds, .. } = ended {
            let _ = write!(text, ", stopped after {seconds} s");
        }
    }
    text + "\n"
}

/// The line below all stages, with the command for the first failed stage.
pub(super) fn sum(passed: usize, failed: Option<&str>) -> String {
    let mut text = format!("\n{} passed.", ui::count(passed, "stage"));
    if let Some(command) = failed {
        let _ = write!(text, " The first failure: `{command}`");
    }
    text + "\n"
}

/// The ladder of the reader's own server.
pub(crate) fn picture(progress: &mut Progress) -> String {
    let all = stages();
    let marks = ui::marks();
    let is_done: Vec<bool> = all.iter().map(|stage| progress.stage(stage.name).solved).collect();
    let count = is_done.iter().filter(|done| **done).count();
    let next = all.iter().find(|stage| progress.is_open(stage.number, stage.name));
    let rungs: String = is_done.iter().map(|done| if *done { "#" } else { "." }).collect();
    let mut text = format!("[{rungs}] {count} of {}", all.len());
    match next {
        Some(stage) => {
            let _ = write!(text, "; next: {} ({})", stage.title, stage.number);
        }
        None => {
            let _ = write!(text, ": all done {}", marks.good);
        }
    }
    text
}

/// The next stage for the same kind of server.
pub(super) fn next<'s>(all: &'s [Stage], stage: &Stage) -> Option<&'s Stage> {
    all.iter().find(|other| other.number > stage.number && other.scheme == stage.scheme)
}

/// The message when all stages for such a server are done, for the reader's own server or for another server, whose
/// progress is not saved.
pub(super) fn done(scheme: Scheme, is_own: bool) -> String {
    let text = match (scheme, is_own) {
        (Scheme::Echo, true) => {
            "All stages for an echo are done. The next stages are for an HTTP server: `cargo xtask start 3` creates a \
             starter for it."
        }
        (Scheme::Echo, false) => {
            "All stages for an echo are done. The next stages are for an HTTP server, which prints \
             `listening on http://ADDRESS`. Only my_server counts as your progress."
        }
        (Scheme::Http, true) => "All stages are done. `cargo xtask climb --all` runs them again.",
        (Scheme::Http, false) => {
            "All stages for an HTTP server are done. Only my_server counts as your progress."
        }
    };
    ui::wrapped(text) + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::plain;

    /// Regression test: after the last stage, the advice named a stage that does not exist.
    #[test]
    fn only_a_stage_that_exists_and_fits_the_server_is_next() {
        let all = stages();
        let next = |number| next(&all, all.iter().find(|it| it.number == number).unwrap());
        let number = |stage: Option<&Stage>| stage.map(|stage| stage.number);
        assert_eq!(number(next(1)), Some(2));
        assert_eq!(number(next(all.last().unwrap().number)), None);
        let last_echo = all.iter().rfind(|stage| stage.scheme == Scheme::Echo).unwrap();
        assert_eq!(number(next(last_echo.number)), None);
    }

    #[test]
    fn the_picture_has_a_rung_for_each_stage_and_names_the_next() {
        let mut progress = Progress::default();
        progress.stage("echo").solved = true;
        progress.stage("large-stream").solved = true;
        let shown = plain(&picture(&mut progress));
        let rungs = format!("[##{}] 2 of 29", ".".repeat(27));
        assert_eq!(shown, format!("{rungs}; next: survives a client that resets (3)"));
    }

    #[test]
    fn every_contract_is_listed_under_its_phase() {
        let shown = plain(&contracts(&stages()));
        assert!(
            shown.starts_with("Foundation\n\nStage 1 of 29: accepts and echoes (echo)\n"),
            "{shown}"
        );
        assert_eq!(shown.matches("Stage ").count(), 29);
    }
}
