//! Changes files so that a killed process leaves each file either with its old or with its new content.

use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

/// The content of a file; `None` if it does not exist.
pub(crate) fn read(path: &Path) -> anyhow::Result<Option<Vec<u8>>> {
    match fs::read(path) {
        Ok(content) => Ok(Some(content)),
        // If a file is in place of a directory on the path, the requested file does not exist either.
        Err(error) if [ErrorKind::NotFound, ErrorKind::NotADirectory].contains(&error.kind()) => {
            Ok(None)
        }
        Err(error) => Err(error).context(path.display().to_string()),
    }
}

/// Writes a file through a temporary file in the directory `parts`, which must be on the same file system.
pub(crate) fn replace(parts: &Path, full: &Path, content: &[u8]) -> anyhow::Result<()> {
    for folder in [Some(parts), full.parent()].into_iter().flatten() {
        fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    }
    let part: PathBuf = parts.join("part");
    let mut file = File::create(&part).with_context(|| part.display().to_string())?;
    let (first, rest) = content.split_at(content.len() / 2);
    file.write_all(first)?;
    step()?;
    file.write_all(rest)?;
    file.sync_all()?;
    if let Ok(old) = fs::metadata(full) {
        fs::set_permissions(&part, old.permissions())?;
    }
    fs::rename(&part, full)?;
    step()
}

/// Writes a file, or removes it if `content` is `None`.
pub(crate) fn put(parts: &Path, full: &Path, content: Option<&[u8]>) -> anyhow::Result<()> {
    match content {
        Some(content) => replace(parts, full, content),
        None => remove(full),
    }
}

/// Removes a file. A file that does not exist is not an error.
pub(crate) fn remove(full: &Path) -> anyhow::Result<()> {
    match fs::remove_file(full) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error.into()),
        _ => step(),
    }
}

/// Locks a file until the result is dropped, so that only one process writes at a time.
///
/// # Errors
/// Returns an error when another process holds the lock.
pub(crate) fn lock(path: &Path) -> anyhow::Result<File> {
    let lock = File::create(path).with_context(|| path.display().to_string())?;
    // A forked child process also holds the lock until it executes its program.
    let patience = Instant::now() + Duration::from_secs(2);
    while lock.try_lock().is_err() {
        if Instant::now() > patience {
            bail!("another `cargo xtask` is writing files at this moment; wait for it");
        }
        thread::sleep(Duration::from_millis(5));
    }
    Ok(lock)
}

/// A point at which a test can kill the program.
#[cfg(not(test))]
#[expect(clippy::unnecessary_wraps, reason = "in tests it fails, as if the program were killed")]
pub(crate) fn step() -> anyhow::Result<()> {
    Ok(())
}

#[cfg(test)]
pub(crate) use tests::step;

#[cfg(test)]
pub(crate) mod tests {
    use std::cell::Cell;

    thread_local! {
        static STEPS_LEFT: Cell<Option<usize>> = const { Cell::new(None) };
        static KILLED: Cell<bool> = const { Cell::new(false) };
        static BY_SIGNAL: Cell<bool> = const { Cell::new(false) };
    }

    /// From the nth step on, every function that changes a file fails, as if the program had been killed there. `None`
    /// turns this off.
    pub(crate) fn kill_after(steps: Option<usize>) {
        STEPS_LEFT.set(steps);
        KILLED.set(false);
    }

    /// Like [`kill_after`], but the process is really killed.
    #[cfg(unix)]
    pub(crate) fn kill_process_after(steps: usize) {
        kill_after(Some(steps));
        BY_SIGNAL.set(true);
    }

    /// Whether the simulated kill has happened.
    pub(crate) fn killed() -> bool {
        KILLED.get()
    }

    pub(crate) fn step() -> anyhow::Result<()> {
        match STEPS_LEFT.get() {
            Some(0) => {
                #[cfg(unix)]
                if BY_SIGNAL.get() {
                    use rustix::process::{Signal, getpid, kill_process};
                    kill_process(getpid(), Signal::KILL)?;
                }
                KILLED.set(true);
                anyhow::bail!("killed");
            }
            Some(left) => STEPS_LEFT.set(Some(left - 1)),
            None => {}
        }
        Ok(())
    }
}
