//! The signals that stop the program, sent by a person or a service manager.

use std::io;

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
    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

    let ignored = ignored_signals();
    let handled = [SIGHUP, SIGINT, SIGTERM].into_iter().filter(|signal| !ignored.contains(signal));
    let mut signals = signal_hook::iterator::Signals::new(handled)?;
    let wait = move || signals.forever().for_each(|_| stop());
    std::thread::Builder::new().name("signals".to_string()).spawn(wait)?;
    Ok(())
}

/// Calls `stop` on Ctrl-C and when the console is closed. Windows has no signals, and reports both
/// as console control events.
#[cfg(not(unix))]
pub fn on_stop(stop: impl FnMut() + Send + 'static) -> io::Result<()> {
    ctrlc::set_handler(stop).map_err(io::Error::other)
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
