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
        // Windows reports that access is denied.
        Err(_) if path.is_dir() => {
            bail!("{} is a directory, and should be a file: move it away", path.display())
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
        /// -1 once the program has been killed.
        static STEPS_LEFT: Cell<Option<i32>> = const { Cell::new(None) };
    }

    /// Kills `run` at each of its steps, on a new copy of `prepared` each time, and then calls `then`: every function
    /// that changes a file fails, as if the program had been killed there. Returns how many steps there were.
    pub(crate) fn at_every_step<T>(
        copy: impl Fn() -> T,
        run: impl Fn(&T) -> anyhow::Result<String>,
        mut then: impl FnMut(&T, i32),
    ) -> i32 {
        for at in 0.. {
            let prepared = copy();
            STEPS_LEFT.set(Some(at));
            let result = run(&prepared);
            if STEPS_LEFT.take() != Some(-1) {
                result.unwrap();
                return at;
            }
            assert!(result.is_err(), "step {at}");
            then(&prepared, at);
        }
        unreachable!()
    }

    pub(crate) fn step() -> anyhow::Result<()> {
        if let Some(left) = STEPS_LEFT.get() {
            STEPS_LEFT.set(Some((left - 1).max(-1)));
            anyhow::ensure!(left > 0, "killed");
        }
        Ok(())
    }
}
