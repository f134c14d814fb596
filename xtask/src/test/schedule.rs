//! Runs parts in parallel, so that some compile while others wait for sockets and timers.

use std::panic::{self, AssertUnwindSafe};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::anyhow;

use super::part::{Outcome, Part, Run};

/// A part that has ended.
pub(super) struct Finished {
    pub part: &'static Part,
    pub outcome: Outcome,
    pub took: Duration,
}

/// Runs the parts in their order, up to `jobs` at a time. `report` is called as each part ends, with the names of the
/// parts that are still running.
pub(super) fn run(
    parts: &[&'static Part],
    jobs: usize,
    run: &Run,
    report: impl Fn(&Finished, &[&str]),
) -> Vec<Finished> {
    let (sender, ended) = mpsc::channel();
    let mut waiting = parts.to_vec();
    let mut running: Vec<&str> = Vec::new();
    let mut finished: Vec<Finished> = Vec::new();
    thread::scope(|scope| {
        while finished.len() < parts.len() {
            while running.len() < jobs
                && let Some(index) = ready(&waiting, &running)
            {
                let part = waiting.remove(index);
                let needed = finished.iter().find(|it| part.after == Some(it.part.name));
                let has_passed =
                    needed.is_none_or(|it| matches!(it.outcome, Outcome::Passed { .. }));
                running.push(part.name);
                let sender = sender.clone();
                scope.spawn(move || sender.send(end(part, run, has_passed)));
            }
            // A part waits only for earlier parts, so at least one is running.
            let Ok(end) = ended.recv() else { break };
            running.retain(|name| *name != end.part.name);
            report(&end, &running);
            finished.push(end);
        }
    });
    finished
}

/// The first part that is ready to run.
fn ready(waiting: &[&Part], running: &[&str]) -> Option<usize> {
    let pending = |name| running.contains(&name) || waiting.iter().any(|part| part.name == name);
    waiting.iter().position(|part| !part.after.is_some_and(pending))
}

/// Runs a part to its end if the part that it needs `has_passed`.
fn end(part: &'static Part, run: &Run, has_passed: bool) -> Finished {
    let start = Instant::now();
    let outcome = if has_passed {
        // Without its result, the scheduler would wait for a part that has panicked.
        let result = panic::catch_unwind(AssertUnwindSafe(|| (part.run)(run)));
        let result = result.unwrap_or_else(|_| Err(anyhow!("the part panicked")));
        result.unwrap_or_else(|error| Outcome::Failed(format!("{error:#}")))
    } else {
        Outcome::Skipped(format!("`{}` failed", part.after.unwrap_or_default()))
    };
    Finished { part, outcome, took: start.elapsed() }
}

#[cfg(test)]
mod tests {
    use std::sync::{Condvar, Mutex};

    use super::*;
    use crate::workspace::Workspace;

    #[expect(clippy::unnecessary_wraps, reason = "it is what a part runs")]
    fn good(_: &Run) -> anyhow::Result<Outcome> {
        Ok(Outcome::passed(""))
    }

    fn bad(_: &Run) -> anyhow::Result<Outcome> {
        anyhow::bail!("broken")
    }

    const fn part(name: &'static str, run: fn(&Run) -> anyhow::Result<Outcome>) -> Part {
        Part::new(name, "", run)
    }

    fn outcomes(parts: &'static [Part], jobs: usize) -> Vec<(&'static str, Outcome)> {
        let everything = Run { workspace: Workspace::find().unwrap(), scope: None };
        let parts: Vec<&Part> = parts.iter().collect();
        let finished = run(&parts, jobs, &everything, |_, _| ());
        finished.into_iter().map(|finished| (finished.part.name, finished.outcome)).collect()
    }

    #[test]
    fn one_at_a_time_they_keep_their_order_and_what_needs_a_failed_part_is_skipped() {
        static PARTS: [Part; 3] =
            [part("build", bad).at_once(), part("tests", good), part("fmt", good).at_once()];
        let failed = Outcome::Failed("broken".to_string());
        let skipped = Outcome::Skipped("`build` failed".to_string());
        let expected = [("build", failed), ("tests", skipped), ("fmt", Outcome::passed(""))];
        assert_eq!(outcomes(&PARTS, 1), expected);
    }

    #[test]
    fn a_part_that_panics_has_failed() {
        static PARTS: [Part; 1] = [part("a", |_| panic!("broken"))];
        let failed = Outcome::Failed("the part panicked".to_string());
        assert_eq!(outcomes(&PARTS, 1), [("a", failed)]);
    }

    #[test]
    fn a_part_is_not_waited_for_if_it_is_not_run() {
        static PARTS: [Part; 1] = [part("tests", good)];
        assert_eq!(outcomes(&PARTS, 3), [("tests", Outcome::passed(""))]);
    }

    /// The first part ends only if the second one has started.
    #[test]
    fn parts_run_side_by_side() {
        static STARTED: (Mutex<bool>, Condvar) = (Mutex::new(false), Condvar::new());
        static PARTS: [Part; 2] = [part("a", wait), part("b", start)];
        fn wait(run: &Run) -> anyhow::Result<Outcome> {
            let (guard, limit) = (STARTED.0.lock().unwrap(), Duration::from_secs(30));
            let (started, _) = STARTED.1.wait_timeout_while(guard, limit, |it| !*it).unwrap();
            if *started { good(run) } else { bad(run) }
        }
        fn start(run: &Run) -> anyhow::Result<Outcome> {
            *STARTED.0.lock().unwrap() = true;
            STARTED.1.notify_one();
            good(run)
        }
        let passed = |(_, outcome)| outcome == Outcome::passed("");
        assert!(outcomes(&PARTS, 2).into_iter().all(passed));
    }
}
