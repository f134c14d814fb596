//! The signals that a test sends to a program.

/// A signal that a person or a service manager sends to a program. Its number is the same on every Unix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// SIGHUP: the terminal has been closed, or a daemon should reload its configuration.
    Hangup = 1,
    /// SIGINT: Ctrl-C.
    Interrupt = 2,
    /// SIGTERM.
    Terminate = 15,
}

impl Signal {
    /// The signal's number.
    pub fn number(self) -> u32 {
        self as u32
    }
}

#[cfg(unix)]
pub(crate) fn send_signal(pid: u32, signal: Signal) -> Result<(), String> {
    use rustix::process::{Pid, Signal as Number, kill_process};
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw).ok_or("no process id")?;
    let signal = Number::from_named_raw(signal as i32).ok_or("no such signal")?;
    kill_process(pid, signal).map_err(|error| error.to_string())
}

#[cfg(not(unix))]
pub(crate) fn send_signal(_: u32, _: Signal) -> Result<(), String> {
    Err("this system has no signals".to_string())
}
