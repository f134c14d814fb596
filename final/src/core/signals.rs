//! The signals that stop the program, sent by a person or a service manager.

use std::io;

#[cfg(unix)]
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGUSR1, SIGUSR2};

#[cfg(unix)]
use super::stderr::log_stderr;

/// Calls `stop` for each signal that should end the program: SIGINT (Ctrl-C), SIGTERM (`kill`) and
/// SIGHUP (the terminal closes). `stop` runs in a separate thread, so unlike a signal handler it
/// may take locks.
///
/// A signal that was ignored when the program started stays ignored: `nohup` ignores SIGHUP, and a
/// shell without job control ignores SIGINT for a background job.
///
/// # Errors
/// Returns an error when the kernel rejects a handler, or a thread cannot be created.
#[cfg(unix)]
pub fn on_stop(mut stop: impl FnMut() + Send + 'static) -> io::Result<()> {
    handle(&[SIGHUP, SIGINT, SIGTERM], move |_| stop())
}

/// Sets up signal handling like [`on_stop`], for a server that can reload: SIGHUP calls `reload`,
/// as usual for daemons, and does not stop the program.
///
/// SIGUSR1 and SIGUSR2 end a program that does not handle them. Other servers reopen their log or
/// begin an upgrade at these signals, so an operator may send them by mistake. They are reported on
/// standard error and otherwise ignored.
///
/// # Errors
/// Returns the same errors as [`on_stop`].
#[cfg(unix)]
pub fn on_stop_or_reload(
    mut stop: impl FnMut() + Send + 'static,
    mut reload: impl FnMut() + Send + 'static,
) -> io::Result<()> {
    handle(&[SIGHUP, SIGINT, SIGTERM, SIGUSR1, SIGUSR2], move |signal| match signal {
        SIGINT | SIGTERM => stop(),
        SIGHUP => reload(),
        other => {
            log_stderr(format_args!("signal {other} is ignored; SIGHUP reloads, SIGTERM stops"));
        }
    })
}

/// Calls `act` for each of these signals that arrives, in a separate thread.
#[cfg(unix)]
fn handle(signals: &[i32], mut act: impl FnMut(i32) + Send + 'static) -> io::Result<()> {
    let ignored = ignored_signals();
    let handled = signals.iter().filter(|signal| !ignored.contains(signal));
    let mut signals = signal_hook::iterator::Signals::new(handled)?;
    let wait = move || signals.forever().for_each(&mut act);
    std::thread::Builder::new().name("signals".to_string()).spawn(wait)?;
    Ok(())
}

/// Calls `stop` on Ctrl-C and when the console is closed. Windows has no signals, and reports both
/// as console control events.
#[cfg(not(unix))]
pub fn on_stop(stop: impl FnMut() + Send + 'static) -> io::Result<()> {
    ctrlc::set_handler(stop).map_err(io::Error::other)
}

/// Sets up signal handling like [`on_stop`]. Windows has no signal for a reload.
#[cfg(not(unix))]
pub fn on_stop_or_reload(
    stop: impl FnMut() + Send + 'static,
    _reload: impl FnMut() + Send + 'static,
) -> io::Result<()> {
    on_stop(stop)
}

/// Returns the signals that were ignored when the program started. It must be called before a
/// handler is set. Only Linux lists them in a file; on other Unix systems the list is empty, and
/// all three signals stop the program.
#[cfg(unix)]
fn ignored_signals() -> Vec<i32> {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    // The lowest bit is signal 1.
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0);
    (1..=64).filter(|signal| mask >> (signal - 1) & 1 == 1).collect()
}
