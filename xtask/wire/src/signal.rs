//! The signals that a test sends to a program.

/// A signal that a person or a service manager sends to a program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// SIGINT: Ctrl-C.
    Interrupt,
    /// SIGTERM.
    Terminate,
    /// SIGHUP: the terminal has been closed, or a daemon should reload its configuration.
    Hangup,
}

impl Signal {
    /// The signal's number, which is the same on every Unix.
    pub fn number(self) -> u32 {
        match self {
            Signal::Hangup => 1,
            Signal::Interrupt => 2,
            Signal::Terminate => 15,
        }
    }
}

#[cfg(unix)]
pub(crate) fn send_signal(pid: u32, signal: Signal) -> Result<(), String> {
    let number = i32::try_from(pid).map_err(|error| error.to_string())?;
    let pid = rustix::process::Pid::from_raw(number).ok_or("no process id")?;
    let signal = match signal {
        Signal::Interrupt => rustix::process::Signal::INT,
        Signal::Terminate => rustix::process::Signal::TERM,
        Signal::Hangup => rustix::process::Signal::HUP,
    };
    rustix::process::kill_process(pid, signal).map_err(|error| error.to_string())
}

#[cfg(not(unix))]
pub(crate) fn send_signal(_: u32, _: Signal) -> Result<(), String> {
    Err("this system has no signals".to_string())
}
