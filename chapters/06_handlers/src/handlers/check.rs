//! A health check. It runs in its own thread, so that a probe can stop waiting for it.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::Builder;
use std::time::Duration;

use crate::core::Deadline;

/// A named check and its timeout.
pub(super) struct Check {
    name: &'static str,
    timeout: Duration,
    shared: Arc<CheckShared>,
}

struct CheckShared {
    run: Box<dyn Fn() -> Result<(), String> + Send + Sync>,
    state: Mutex<State>,
    ended: Condvar,
}

#[derive(Debug)]
struct State {
    is_running: bool,
    /// The number of finished runs.
    runs: u64,
    last: Result<(), String>,
}

impl Check {
    pub(super) fn new(
        name: &'static str,
        timeout: Duration,
        run: impl Fn() -> Result<(), String> + Send + Sync + 'static,
    ) -> Check {
        let state = Mutex::new(State { is_running: false, runs: 0, last: Ok(()) });
        let shared = CheckShared { run: Box::new(run), state, ended: Condvar::new() };
        Check { name, timeout, shared: Arc::new(shared) }
    }

    pub(super) fn name(&self) -> &'static str {
        self.name
    }

    pub(super) fn timeout(&self) -> Duration {
        self.timeout
    }

    /// Starts the check, or joins a run that is still in progress.
    ///
    /// Only one run exists at a time: a thread that hangs cannot be ended from outside, and another
    /// thread for every probe would exhaust the resources of the program.
    pub(super) fn begin(&self) -> Run<'_> {
        let mut state = self.shared.lock();
        let ticket = state.runs;
        if !state.is_running {
            state.is_running = true;
            let shared = Arc::clone(&self.shared);
            let started = Builder::new().name(format!("check {}", self.name)).spawn(move || {
                let outcome = catch_unwind(AssertUnwindSafe(|| (shared.run)()));
                shared.end(outcome.unwrap_or_else(|_| Err("the check panicked".to_string())));
            });
            if let Err(error) = started {
                drop(state);
                self.shared.end(Err(format!("cannot start a thread: {error}")));
            }
        }
        Run { check: self, ticket }
    }
}

impl fmt::Debug for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Check({}, {:?})", self.name, self.timeout)
    }
}

impl CheckShared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn end(&self, outcome: Result<(), String>) {
        let mut state = self.lock();
        *state = State { is_running: false, runs: state.runs + 1, last: outcome };
        self.ended.notify_all();
    }
}

/// A run of a check that is in progress.
pub(super) struct Run<'a> {
    check: &'a Check,
    /// The number of finished runs when this run was started or joined.
    ticket: u64,
}

impl Run<'_> {
    pub(super) fn name(&self) -> &'static str {
        self.check.name
    }

    /// Waits for the result until `deadline`. A check that has not finished by then has failed.
    pub(super) fn finish(self, deadline: Deadline) -> Result<(), String> {
        let left = deadline.remaining().unwrap_or_default();
        let state = self.check.shared.lock();
        let (state, _) = self
            .check
            .shared
            .ended
            .wait_timeout_while(state, left, |state| state.runs == self.ticket)
            .unwrap_or_else(PoisonError::into_inner);
        if state.runs == self.ticket {
            return Err(format!("no result within {:?}", self.check.timeout));
        }
        state.last.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    const LONG: Duration = Duration::from_secs(20);

    fn run(check: &Check) -> Result<(), String> {
        check.begin().finish(Deadline::after(check.timeout()))
    }

    #[test]
    fn the_result_is_that_of_the_check() {
        assert_eq!(run(&Check::new("good", LONG, || Ok(()))), Ok(()));
        let bad = Check::new("bad", LONG, || Err("no".to_string()));
        assert_eq!(run(&bad), Err("no".to_string()));
        let panics = Check::new("worse", LONG, || panic!("this check was told to panic"));
        assert_eq!(run(&panics), Err("the check panicked".to_string()));
    }

    #[test]
    fn a_hanging_check_fails_and_uses_one_thread_however_often_it_is_run() {
        let (go_on, wait) = mpsc::channel();
        let (begun, beginnings) = mpsc::channel();
        let wait = Mutex::new(wait);
        let check = Check::new("slow", Duration::from_millis(1), move || {
            begun.send(()).unwrap();
            wait.lock().unwrap().recv().map_err(|error| error.to_string())
        });
        for _ in 0..3 {
            assert_eq!(run(&check), Err("no result within 1ms".to_string()));
        }
        beginnings.recv_timeout(LONG).unwrap();
        assert!(beginnings.try_recv().is_err(), "a second run was begun");
        // Once the check returns, the waiting probe gets its result.
        let run = check.begin();
        go_on.send(()).unwrap();
        assert_eq!(run.finish(Deadline::after(LONG)), Ok(()));
    }
}
