//! Runs parts in parallel, so that some compile while others wait for sockets and timers.

use std::sync::{Condvar, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::part::{Outcome, Part, Run};

/// A part that has ended.
pub(super) struct Finished {
    pub part: &'static Part,
    pub outcome: Outcome,
    pub took: Duration,
}

struct State {
    waiting: Vec<&'static Part>,
    running: Vec<&'static str>,
    finished: Vec<Finished>,
}

/// Runs the parts in their order, up to `jobs` at a time. `report` is called as each part ends, with the names of the
/// parts that are still running.
pub(super) fn run(
    parts: &[&'static Part],
    jobs: usize,
    run: &Run,
    report: impl Fn(&Finished, &[&str]) + Sync,
) -> Vec<Finished> {
    let state =
        Mutex::new(State { waiting: parts.to_vec(), running: Vec::new(), finished: Vec::new() });
    let ended = Condvar::new();
    thread::scope(|scope| {
        for _ in 0..jobs.min(parts.len()) {
            scope.spawn(|| work(&state, &ended, run, &report));
        }
    });
    state.into_inner().unwrap_or_else(PoisonError::into_inner).finished
}

fn work(state: &Mutex<State>, ended: &Condvar, run: &Run, report: &impl Fn(&Finished, &[&str])) {
    let mut guard = state.lock().unwrap_or_else(PoisonError::into_inner);
    while !guard.waiting.is_empty() {
        let Some(index) = guard.ready() else {
            // A part waits only for earlier parts, so a part that it waits for is running.
            guard = ended.wait(guard).unwrap_or_else(PoisonError::into_inner);
            continue;
        };
        let part = guard.waiting.remove(index);
        let outcome = guard.without(part);
        guard.running.push(part.name);
        drop(guard);

        let start = Instant::now();
        let outcome = outcome.unwrap_or_else(|| {
            (part.run)(run).unwrap_or_else(|error| Outcome::Failed(format!("{error:#}\n")))
        });
        let finished = Finished { part, outcome, took: start.elapsed() };

        guard = state.lock().unwrap_or_else(PoisonError::into_inner);
        guard.running.retain(|name| *name != part.name);
        report(&finished, &guard.running);
        guard.finished.push(finished);
        ended.notify_all();
    }
}

impl State {
    /// The first part that is ready to run.
    fn ready(&self) -> Option<usize> {
        let pending = |name: &str| {
            self.running.contains(&name) || self.waiting.iter().any(|part| part.name == name)
        };
        self.waiting.iter().position(|part| !part.after.iter().any(|name| pending(name)))
    }

    /// The outcome of a part that does not run because an earlier part failed.
    fn without(&self, part: &Part) -> Option<Outcome> {
        let failed = |finished: &&Finished| {
            part.after.contains(&finished.part.name)
                && !matches!(finished.outcome, Outcome::Passed { .. })
        };
        let before = self.finished.iter().find(failed)?;
        Some(Outcome::Skipped(format!("`{}` failed", before.part.name)))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::Duration;

    use super::*;
    use crate::workspace::Workspace;

    #[expect(clippy::unnecessary_wraps, reason = "it is what a part runs")]
    fn good(_: &Run) -> anyhow::Result<Outcome> {
        Ok(Outcome::passed(""))
    }

    fn bad(_: &Run) -> anyhow::Result<Outcome> {
        anyhow::bail!("broken")
    }

    const fn part(
        name: &'static str,
        after: &'static [&'static str],
        run: fn(&Run) -> anyhow::Result<Outcome>,
    ) -> Part {
        Part { name, about: "", after, run }
    }

    fn everything() -> Run {
        Run { workspace: Workspace::find().unwrap(), scope: None }
    }

    fn outcomes(parts: &[&'static Part], jobs: usize) -> Vec<(&'static str, Outcome)> {
        let finished = run(parts, jobs, &everything(), |_, _| ());
        finished.into_iter().map(|finished| (finished.part.name, finished.outcome)).collect()
    }

    #[test]
    fn one_at_a_time_they_keep_their_order() {
        static PARTS: [Part; 3] = [part("a", &[], good), part("b", &[], bad), part("c", &[], good)];
        let names: Vec<_> = outcomes(&PARTS.iter().collect::<Vec<_>>(), 1)
            .into_iter()
            .map(|(name, _)| name)
            .collect();
        assert_eq!(names, ["a", "b", "c"]);
    }

    #[test]
    fn what_needs_a_part_that_failed_is_skipped_with_the_reason() {
        static PARTS: [Part; 3] =
            [part("build", &[], bad), part("tests", &["build"], good), part("fmt", &[], good)];
        let outcomes = outcomes(&PARTS.iter().collect::<Vec<_>>(), 2);
        let of = |name| &outcomes.iter().find(|(other, _)| *other == name).unwrap().1;
        assert_eq!(*of("build"), Outcome::Failed("broken\n".to_string()));
        assert_eq!(*of("tests"), Outcome::Skipped("`build` failed".to_string()));
        assert_eq!(*of("fmt"), Outcome::passed(""));
    }

    #[test]
    fn a_part_is_not_waited_for_if_it_is_not_run() {
        static PARTS: [Part; 1] = [part("tests", &["build"], good)];
        assert_eq!(outcomes(&[&PARTS[0]], 3), [("tests", Outcome::passed(""))]);
    }

    /// Each of the two parts ends only if the other has started.
    #[test]
    fn parts_run_side_by_side() {
        type Ends = (Mutex<mpsc::Sender<()>>, Mutex<mpsc::Receiver<()>>);
        static ENDS: std::sync::OnceLock<[Ends; 2]> = std::sync::OnceLock::new();
        fn meet(own: usize) -> anyhow::Result<Outcome> {
            let ends = ENDS.get().unwrap();
            ends[own].0.lock().unwrap().send(()).unwrap();
            ends[1 - own].1.lock().unwrap().recv_timeout(Duration::from_secs(30))?;
            Ok(Outcome::passed(""))
        }
        static PARTS: [Part; 2] = [part("a", &[], |_| meet(0)), part("b", &[], |_| meet(1))];
        ENDS.get_or_init(|| {
            [mpsc::channel(), mpsc::channel()]
                .map(|(sender, receiver)| (Mutex::new(sender), Mutex::new(receiver)))
        });
        let outcomes = outcomes(&[&PARTS[0], &PARTS[1]], 2);
        assert!(outcomes.iter().all(|(_, outcome)| !outcome.is_failure()), "{outcomes:?}");
    }
}
