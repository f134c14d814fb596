//! Ends the checks when their parent process ends, for whatever reason: Ctrl-C, a closed terminal, or a kill.
//!
//! The checks and their server are a separate process group, so that both can be killed together. But a terminal sends
//! Ctrl-C to the group of `cargo xtask`. A pipe works in all these cases, even for SIGKILL, because the kernel closes
//! the parent's end.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::thread::Builder;
use std::{env, fs, io};

/// The environment variable that declares that standard input is such a pipe, and that this process is in a separate
/// group, which may be killed. Without the variable, the end of standard input has no effect.
pub const ENDS_WITH_INPUT: &str = "EXERCISE_ENDS_WITH_INPUT";

/// Directories of the checks. A killed process does not drop the values that would delete them.
static FOLDERS: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

/// Deletes this directory when the parent process ends while a check uses it.
pub(crate) fn delete_at_end(folder: &Path) {
    FOLDERS.lock().unwrap_or_else(PoisonError::into_inner).push(folder.to_owned());
}

/// Kills this process group, with every process that it has started, when standard input ends, if [`ENDS_WITH_INPUT`]
/// is set.
///
/// # Errors
/// Returns an error when the thread cannot be spawned.
pub fn end_with_input() -> io::Result<()> {
    if env::var_os(ENDS_WITH_INPUT).is_none() {
        return Ok(());
    }
    let wait = || {
        // No byte is ever written. An error counts as the end, too.
        let _ = io::copy(&mut io::stdin().lock(), &mut io::sink());
        for folder in FOLDERS.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            // Usually the check has already deleted it.
            let _ = fs::remove_dir_all(folder);
        }
        end();
    };
    Builder::new().name("leash".to_string()).spawn(wait).map(drop)
}

#[cfg(unix)]
fn end() {
    use rustix::process::{Signal, kill_current_process_group};
    let _ = kill_current_process_group(Signal::KILL);
}

/// On this platform, Ctrl-C reaches all processes of the console.
#[cfg(not(unix))]
fn end() {}
