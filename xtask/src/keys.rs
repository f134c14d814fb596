//! Reads what a reader types while a command watches the files: a letter and Enter.

use std::io::{self, IsTerminal};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use crate::check::watch::Snapshot;
use crate::ui;

/// The interval at which the files are checked until a key arrives. A user does not notice it.
const INTERVAL: Duration = Duration::from_millis(200);

/// The letters of [`help`], without q.
const LETTERS: [char; 3] = ['n', 'h', 'c'];

/// The next event while a command watches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Event {
    /// A file was saved.
    Saved,
    /// One of [`LETTERS`].
    Key(char),
    /// q, or the end of the input on a terminal.
    Quit,
}

/// The letters that were typed.
pub(crate) struct Keys {
    typed: Receiver<char>,
    /// Whether no more letters can arrive, as after the end of a pipe.
    ended: bool,
}

impl Keys {
    /// Begins to listen. The terminal stays in its usual mode, so there is nothing to restore when this process is
    /// interrupted or killed.
    pub(crate) fn listen() -> io::Result<Keys> {
        let (sender, typed) = mpsc::channel();
        let read = move || {
            for line in io::stdin().lines().map_while(Result::ok) {
                if line.trim().chars().next().is_some_and(|letter| sender.send(letter).is_err()) {
                    return;
                }
            }
        };
        thread::Builder::new().name("keys".to_string()).spawn(read)?;
        Ok(Keys { typed, ended: false })
    }

    /// Waits for a letter, or until a file is saved.
    pub(crate) fn wait(&mut self, files: &Snapshot) -> Event {
        loop {
            if self.ended {
                thread::sleep(INTERVAL);
            } else {
                match self.typed.recv_timeout(INTERVAL) {
                    Ok('q') => return Event::Quit,
                    Ok(letter) if LETTERS.contains(&letter) => return Event::Key(letter),
                    Ok(other) => ui::print(&format!("`{other}` is not one of these letters.\n")),
                    Err(RecvTimeoutError::Timeout) => {}
                    Err(RecvTimeoutError::Disconnected) if io::stdin().is_terminal() => {
                        return Event::Quit;
                    }
                    Err(RecvTimeoutError::Disconnected) => self.ended = true,
                }
            }
            if files.settled_change().is_some() {
                return Event::Saved;
            }
        }
    }
}

/// Clears the screen, on a terminal.
pub(crate) fn clear() {
    if ui::is_terminal() {
        ui::print("\x1b[2J\x1b[3J\x1b[H");
    }
}

/// The line that names the letters.
pub(crate) fn help(folder: &str) -> String {
    let key = |key: &str, what: &str| format!("{} {what}", ui::paint(ui::TITLE, key));
    let keys =
        [key("n", "next"), key("h", "hint"), key("c", "check all"), key("q", "quit")].join("   ");
    let watched = format!("Type a letter and Enter. Checks again when {folder} changes.");
    format!("\n{keys}\n{}\n", ui::paint(ui::DIM, &watched))
}
