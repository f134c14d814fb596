//! Handles Ctrl-C: every wait ends early, and dropping the values ends the processes and deletes the files.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::bail;

/// A limit for waits, far longer than anything here takes on a busy machine.
pub(crate) const LONG: Duration = Duration::from_secs(20);

/// The interval at which a wait checks its condition.
const TICK: Duration = Duration::from_millis(5);

/// Whether the run has to end early.
#[derive(Debug, Clone, Default)]
pub struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// From now on Ctrl-C, SIGTERM and SIGHUP no longer end this process, but interrupt its waits.
    ///
    /// # Errors
    /// Returns an error when the signal handlers cannot be installed.
    pub fn on_signals() -> anyhow::Result<Interrupt> {
        let interrupt = Interrupt::default();
        #[cfg(unix)]
        for signal in
            [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM, signal_hook::consts::SIGHUP]
        {
            signal_hook::flag::register(signal, Arc::clone(&interrupt.0))?;
        }
        Ok(interrupt)
    }

    /// Whether a signal has arrived.
    pub fn has_arrived(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }

    /// An interrupt in the state after a signal.
    #[cfg(test)]
    pub(crate) fn arrived() -> Interrupt {
        Interrupt(Arc::new(AtomicBool::new(true)))
    }

    /// Waits for this time.
    ///
    /// # Errors
    /// Returns [`Interrupted`] after a signal.
    pub(crate) fn sleep(&self, time: Duration) -> anyhow::Result<()> {
        let end = Instant::now() + time;
        self.wait_until("a pause", Duration::MAX, || Ok(Instant::now() >= end))
    }

    /// Waits until `is_done` returns true.
    ///
    /// # Errors
    /// Returns [`Interrupted`] after a signal, an error of `is_done`, or after `limit` an error that names `what`.
    pub(crate) fn wait_until(
        &self,
        what: &str,
        limit: Duration,
        mut is_done: impl FnMut() -> anyhow::Result<bool>,
    ) -> anyhow::Result<()> {
        let start = Instant::now();
        while !is_done()? {
            if self.has_arrived() {
                bail!(Interrupted);
            }
            if start.elapsed() >= limit {
                bail!("waited {limit:?} for {what}");
            }
            thread::sleep(TICK);
        }
        Ok(())
    }
}

/// A signal has ended the run early.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Interrupted;

impl fmt::Display for Interrupted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("interrupted")
    }
}

impl std::error::Error for Interrupted {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_ends_with_its_condition_its_limit_or_a_signal() {
        let interrupt = Interrupt::default();
        let wait = |limit, is_done| interrupt.wait_until("an event", limit, || Ok(is_done));
        assert!(wait(Duration::ZERO, true).is_ok());
        assert_eq!(wait(Duration::ZERO, false).unwrap_err().to_string(), "waited 0ns for an event");
        let hour = Duration::from_secs(3600);
        let error = Interrupt::arrived().wait_until("an event", hour, || Ok(false)).unwrap_err();
        assert!(error.is::<Interrupted>(), "{error}");
    }
}
