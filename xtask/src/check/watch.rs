//! `--watch`: shows the results again whenever the reader saves a file, and a hint or more for a letter and Enter.

use std::collections::BTreeMap;
use std::env;
use std::fs::{self, Metadata};
use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, SystemTime};

use crate::ui;

/// The interval at which the files are checked until a letter arrives. A user does not notice it. An editor saves in
/// several steps, so the files must also be unchanged for this time.
const INTERVAL: Duration = Duration::from_millis(200);

/// The reason to show something new.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Event {
    Saved,
    Next,
    Hint,
    All,
}

/// The screen of a command that watches, and the letters that are typed there.
pub(crate) struct Screen {
    typed: Receiver<char>,
}

impl Screen {
    /// Begins to listen. The terminal stays in its usual mode, so there is nothing to restore when this process is
    /// interrupted or killed.
    pub(crate) fn open() -> io::Result<Screen> {
        let (sender, typed) = mpsc::channel();
        let read = move || {
            for line in io::stdin().lines().map_while(Result::ok) {
                if line.trim().chars().next().is_some_and(|letter| sender.send(letter).is_err()) {
                    return;
                }
            }
        };
        thread::Builder::new().name("keys".to_string()).spawn(read)?;
        Ok(Screen { typed })
    }

    /// Clears the screen and shows `content`, and waits until a file in this directory is saved or a letter is typed.
    /// `None` for q, or for the end of the input on a terminal.
    pub(crate) fn show(
        &self,
        folder: &Path,
        content: impl FnOnce() -> anyhow::Result<()>,
    ) -> anyhow::Result<Option<Event>> {
        // Taken first, so that a file that is saved during a check counts.
        let before = files(folder);
        if ui::is_terminal() {
            ui::print("\x1b[2J\x1b[3J\x1b[H");
        }
        content()?;
        ui::print(&help(folder, io::stdin().is_terminal()));
        loop {
            match self.typed.recv_timeout(INTERVAL) {
                Ok('q') => return Ok(None),
                Ok('n') => return Ok(Some(Event::Next)),
                Ok('h') => return Ok(Some(Event::Hint)),
                Ok('c') => return Ok(Some(Event::All)),
                Ok(other) => ui::print(&format!("`{other}` is not one of these letters.\n")),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) if io::stdin().is_terminal() => {
                    return Ok(None);
                }
                Err(RecvTimeoutError::Disconnected) => thread::sleep(INTERVAL),
            }
            if is_saved(folder, &before) {
                return Ok(Some(Event::Saved));
            }
        }
    }
}

/// The lines that name the letters, for a reader who can type them, and the watched directory.
fn help(folder: &Path, has_keys: bool) -> String {
    let here = env::current_dir().unwrap_or_default();
    let shown = folder.strip_prefix(&here).unwrap_or(folder);
    let watched = format!("Checks again when {} changes.", shown.display());
    if !has_keys {
        return format!("\n{}\n", ui::paint(ui::DIM, &watched));
    }
    let key = |key: &str, what: &str| format!("{} {what}", ui::paint(ui::TITLE, key));
    let keys =
        [key("n", "next"), key("h", "hint"), key("c", "check all"), key("q", "quit")].join("   ");
    format!("\n{keys}\n{}\n", ui::paint(ui::DIM, &format!("Type a letter and Enter. {watched}")))
}

/// The modification time and the length of each file.
type Files = BTreeMap<PathBuf, (Option<SystemTime>, u64)>;

/// Whether a file has changed. If so, waits until the files stay the same.
fn is_saved(folder: &Path, before: &Files) -> bool {
    let mut now = files(folder);
    if now == *before {
        return false;
    }
    loop {
        thread::sleep(INTERVAL);
        let later = files(folder);
        if later == now {
            return true;
        }
        now = later;
    }
}

/// The files below a directory, or one file.
fn files(path: &Path) -> Files {
    let mut files = Files::new();
    collect(path, fs::metadata(path), &mut files);
    files
}

fn collect(path: &Path, metadata: io::Result<Metadata>, files: &mut Files) {
    // A file that is deleted in the meantime is a change, too.
    let Ok(metadata) = metadata else { return };
    if metadata.is_file() {
        files.insert(path.to_owned(), (metadata.modified().ok(), metadata.len()));
    }
    let entries = metadata.is_dir().then(|| fs::read_dir(path).ok()).flatten();
    for entry in entries.into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        // Files that editors write beside the saved file.
        let scratch = name.starts_with('.') || name.ends_with('~') || name == "4913";
        if !scratch && name != "target" {
            collect(&entry.path(), entry.metadata(), files);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::tests::folder_with;

    #[test]
    fn a_file_that_is_new_gone_or_longer_is_a_change() {
        let folder = folder_with(&[("src/app.rs", "1"), ("src/old.rs", "")]);
        let (all, alone) = (folder.path(), folder.path().join("src/app.rs"));
        let write = |name: &str| fs::write(all.join(name), "more").unwrap();
        let changed = |change: &dyn Fn()| {
            let before = (files(all), files(&alone));
            change();
            (is_saved(all, &before.0), is_saved(&alone, &before.1))
        };
        let scratch = ["src/.app.rs.swp", "src/app.rs~", "src/4913", "target"];
        assert_eq!(changed(&|| scratch.into_iter().for_each(write)), (false, false));
        assert_eq!(changed(&|| write("src/new.rs")), (true, false));
        assert_eq!(changed(&|| fs::remove_file(all.join("src/old.rs")).unwrap()), (true, false));
        assert_eq!(changed(&|| write("src/app.rs")), (true, true));
    }

    #[test]
    fn the_letters_are_named_to_a_reader_who_can_type_them() {
        let shown = |has_keys| ui::plain(&help(Path::new("my_server"), has_keys));
        let keys = "\nn next   h hint   c check all   q quit\nType a letter and Enter. ";
        assert_eq!(shown(true), format!("{keys}Checks again when my_server changes.\n"));
        assert_eq!(shown(false), "\nChecks again when my_server changes.\n");
    }
}
