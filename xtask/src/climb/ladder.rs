//! The stages of a server: which one is meant or comes next, their texts, and the picture of the progress.

use std::fmt::Write;

use anyhow::Context;
use wire::climb::{Scheme, Stage, stages};

use super::target::Target;
use crate::check::{Ended, Results, report};
use crate::progress::Progress;
use crate::ui;
use crate::workspace::Workspace;

/// The stage with this number or name.
pub(super) fn find(all: &[Stage], called: &str) -> anyhow::Result<Stage> {
    let same = |stage: &&Stage| stage.name == called || stage.number.to_string() == called;
    all.iter().find(same).copied().with_context(|| {
        format!("there is no stage `{called}`: `cargo xtask climb --list` lists all stages")
    })
}

/// The stages for this server that the reader has not completed. `scheme` is its kind, if it is known.
pub(super) fn open(
    workspace: &Workspace,
    target: &Target,
    all: &[Stage],
    scheme: Option<Scheme>,
) -> anyhow::Result<Vec<Stage>> {
    let mut progress = Progress::load(workspace)?;
    let mut open = all.to_vec();
    open.retain(|stage| {
        let fits = scheme.is_none_or(|scheme| stage.scheme == scheme);
        fits && (!target.is_own() || progress.is_open(stage.number, stage.name))
    });
    Ok(open)
}

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

/// The contract and the hint of a stage.
pub(super) fn hint(stage: &Stage) -> String {
    let (contract, hint) = (ui::wrapped(stage.contract), ui::wrapped(stage.hint));
    format!("{}\n\n{contract}\n\n{hint}\n\nRead: book/src/{}\n", title(stage), stage.page)
}

/// The error for a stage that is for the other kind of server.
pub(super) fn wrong_scheme(stage: &Stage, scheme: Scheme) -> String {
    let (is, needs) = match scheme {
        Scheme::Echo => {
            ("an echo (tcp://)", "HTTP server (it prints `listening on http://ADDRESS`)")
        }
        Scheme::Http => ("an HTTP server", "echo (it prints `listening on tcp://ADDRESS`)"),
    };
    format!("stage {} is for an {needs}, and this server is {is}", stage.number)
}

/// The result of a stage in one line.
pub(super) fn line(stage: &Stage, results: &Results) -> String {
    let good = results.all_passed();
    let mark = report::mark(good, ui::marks());
    let mut text = format!("{mark} {:>2} {}", stage.number, stage.title);
    if !good {
        let _ = write!(text, ": {} of {} checks", results.passed(), stage.checks.len());
        if let Ended::GaveUp { seconds } | Ended::TimedOut { seconds, .. } = results.ended {
            let _ = write!(text, ", stopped after {seconds} s");
        }
    }
    text + "\n"
}

/// The ladder of the reader's own server.
pub(crate) fn picture(progress: &mut Progress) -> String {
    let all = stages();
    let is_done: Vec<bool> = all.iter().map(|stage| progress.stage(stage.name).solved).collect();
    let count = is_done.iter().filter(|done| **done).count();
    let next = all.iter().find(|stage| progress.is_open(stage.number, stage.name));
    let rungs: String = is_done.iter().map(|done| if *done { "#" } else { "." }).collect();
    let then = match next {
        Some(stage) => format!("; next: {} ({})", stage.title, stage.number),
        None => format!(": all done {}", ui::marks().good),
    };
    format!("[{rungs}] {count} of {}{then}", all.len())
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
    ui::wrapped(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::plain;

    #[test]
    fn a_stage_is_called_by_its_number_or_its_name() {
        let all = stages();
        assert_eq!(find(&all, "4").unwrap().name, "idle");
        assert_eq!(find(&all, "keep-alive").unwrap().number, 12);
        let error = find(&all, "99").unwrap_err();
        assert!(error.to_string().contains("climb --list"), "{error}");
        let said = wrong_scheme(&all[0], Scheme::Http);
        assert!(said.contains("stage 1 is for an echo") && said.contains("tcp://"), "{said}");
        let said = wrong_scheme(&all[8], Scheme::Echo);
        assert!(said.contains("stage 9 is for an HTTP server"), "{said}");
    }

    /// Regression test: after the last stage, the advice named a stage that does not exist.
    #[test]
    fn only_a_stage_that_exists_and_fits_the_server_is_next() {
        let all = stages();
        let next = |stage: &Stage| next(&all, stage).map(|stage| stage.number);
        let last_echo = all.iter().rfind(|stage| stage.scheme == Scheme::Echo).unwrap();
        assert_eq!([&all[0], last_echo, all.last().unwrap()].map(next), [Some(2), None, None]);
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
