//! Reads single keys for the commands that watch, without Enter, and restores the terminal's mode at the end.

use std::io::{IsTerminal, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::Duration;

use crate::check::watch::Snapshot;
use crate::ui;

/// The interval at which the files are checked until a key arrives. A user does not notice it.
const INTERVAL: Duration = Duration::from_millis(200);

/// Ctrl-C and Ctrl-D, which are bytes in this mode, and q.
const QUIT: &[u8] = b"\x03\x04q";

/// The next event while a command watches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Event {
    /// A file with this name was saved.
    Saved(String),
    /// A key.
    Key(char),
    /// Ctrl-C, or q.
    Quit,
}

/// Reads the keys that are pressed. Dropping this restores the mode of the terminal.
pub(crate) struct Keys {
    pressed: Receiver<u8>,
    /// Whether no more keys can arrive, as after the end of a pipe.
    ended: bool,
    /// Whether [`Keys::wait`] waits for a key. Otherwise a check is running, which may take minutes.
    waits: Arc<AtomicBool>,
    _mode: Option<Mode>,
}

impl Keys {
    /// Begins to listen.
    pub(crate) fn listen() -> std::io::Result<Keys> {
        let (sender, pressed) = mpsc::channel();
        let mode = std::io::stdin().is_terminal().then(Mode::single_keys).flatten();
        let waits = Arc::new(AtomicBool::new(false));
        let (mut before, is_awaited) = (mode.clone(), Arc::clone(&waits));
        let read = move || {
            for byte in std::io::stdin().lock().bytes().map_while(Result::ok) {
                let quits = QUIT.contains(&byte) && before.is_some();
                if quits && !is_awaited.load(Ordering::SeqCst) {
                    // The main thread waits for a check. The checks and their server end with this process. Dropping
                    // the mode restores the terminal.
                    let _ = before.take();
                    return interrupt();
                }
                if sender.send(byte).is_err() {
                    return;
                }
            }
        };
        std::thread::Builder::new().name("keys".to_string()).spawn(read)?;
        Ok(Keys { pressed, ended: false, waits, _mode: mode })
    }

    /// Waits for a key, or until a file is saved.
    pub(crate) fn wait(&mut self, files: &Snapshot) -> Event {
        self.waits.store(true, Ordering::SeqCst);
        let event = self.next(files);
        self.waits.store(false, Ordering::SeqCst);
        event
    }

    fn next(&mut self, files: &Snapshot) -> Event {
        loop {
            if self.ended {
                std::thread::sleep(INTERVAL);
            } else {
                match self.pressed.recv_timeout(INTERVAL) {
                    Ok(byte) if QUIT.contains(&byte) => return Event::Quit,
                    Ok(byte) if byte.is_ascii_alphabetic() => return Event::Key(char::from(byte)),
                    Ok(_) | Err(RecvTimeoutError::Timeout) => {}
                    Err(RecvTimeoutError::Disconnected) => self.ended = true,
                }
            }
            if let Some(name) = files.settled_change() {
                return Event::Saved(name);
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

/// The line that names the keys.
pub(crate) fn help(folder: &str) -> String {
    let key = |key: &str, what: &str| format!("{} {what}", ui::paint(ui::TITLE, key));
    let keys =
        [key("n", "next"), key("h", "hint"), key("c", "check all"), key("q", "quit")].join("   ");
    format!("\n{keys}\n{}\n", ui::paint(ui::DIM, &format!("Checks again when {folder} changes.")))
}

/// Ends this process, as Ctrl-C does without this mode.
#[cfg(unix)]
fn interrupt() {
    use rustix::process::{Signal, getpid, kill_process};
    // A process may always signal itself.
    let _ = kill_process(getpid(), Signal::INT);
}

/// On this platform, Ctrl-C is never read as a key.
#[cfg(not(unix))]
fn interrupt() {}

/// The previous mode of the terminal.
#[cfg(unix)]
#[derive(Clone)]
struct Mode(rustix::termios::Termios);

#[cfg(unix)]
impl Mode {
    /// Turns on a mode in which each key arrives at once and is not echoed. Ctrl-C is read as a key as well, so that
    /// the previous mode can be restored after it.
    fn single_keys() -> Option<Mode> {
        use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};
        let before = tcgetattr(std::io::stdin()).ok()?;
        let mut mode = before.clone();
        mode.local_modes.remove(LocalModes::ICANON | LocalModes::ECHO | LocalModes::ISIG);
        tcsetattr(std::io::stdin(), OptionalActions::Now, &mode).ok()?;
        Some(Mode(before))
    }
}

#[cfg(unix)]
impl Drop for Mode {
    fn drop(&mut self) {
        use rustix::termios::{OptionalActions, tcsetattr};
        // The terminal may no longer exist.
        let _ = tcsetattr(std::io::stdin(), OptionalActions::Now, &self.0);
    }
}

/// On this platform, a key is read with the Enter that follows it.
#[cfg(not(unix))]
#[derive(Clone)]
struct Mode;

#[cfg(not(unix))]
impl Mode {
    fn single_keys() -> Option<Mode> {
        None
    }
}
