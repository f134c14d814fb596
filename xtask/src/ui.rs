//! The terminal: colours, width and pager.
//!
//! Text is always made with colours; `anstream` removes them where they would not be visible (a file, a pipe,
//! `NO_COLOR`).

use std::env;
use std::io::{self, IsTerminal, Write};
use std::process::{Command, Stdio};

use anstyle::{AnsiColor, Style};

/// Success, or an added line.
pub(crate) const GOOD: Style = AnsiColor::Green.on_default();
/// An error, or a removed line.
pub(crate) const BAD: Style = AnsiColor::Red.on_default();
/// A warning.
pub(crate) const NOTE: Style = AnsiColor::Yellow.on_default();
/// A position: a line number, the header of a hunk.
pub(crate) const PLACE: Style = AnsiColor::Cyan.on_default();
/// A title.
pub(crate) const TITLE: Style = Style::new().bold();
/// Text that may be skipped.
pub(crate) const DIM: Style = Style::new().dimmed();

/// Surrounds text with the codes of a style.
pub(crate) fn paint(style: Style, text: &str) -> String {
    format!("{style}{text}{style:#}")
}

/// Whether the output goes to a terminal.
pub(crate) fn is_terminal() -> bool {
    io::stdout().is_terminal()
}

/// The signs for a passed and a failed check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Marks {
    pub good: &'static str,
    pub bad: &'static str,
}

/// Marks in Unicode, coloured on a terminal.
pub(crate) const UNICODE: Marks = Marks { good: "✓", bad: "✗" };

/// The marks for standard output: words where the characters may not be visible, as in a file or an old terminal.
pub(crate) fn marks() -> Marks {
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].iter().find_map(|name| env::var(name).ok());
    let utf8 =
        locale.is_some_and(|locale| locale.to_ascii_lowercase().replace('-', "").contains("utf8"));
    if is_terminal() && (utf8 || cfg!(windows)) {
        UNICODE
    } else {
        Marks { good: "ok  ", bad: "FAIL" }
    }
}

/// `1 file`, or `3 files`.
pub(crate) fn count(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

/// The width of the terminal in columns, from `$COLUMNS`, from the terminal itself, or 100.
pub(crate) fn width() -> usize {
    let told = env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
    let asked = || terminal_size::terminal_size().map(|(width, _)| usize::from(width.0));
    told.or_else(asked).filter(|&columns| columns > 0).unwrap_or(100)
}

/// A paragraph in lines of at most 100 columns, or of the terminal's width if that is less.
pub(crate) fn wrapped(text: &str) -> String {
    wrapped_to(text, width().clamp(40, 100))
}

/// A paragraph in lines of at most `width` columns.
pub(crate) fn wrapped_to(text: &str, width: usize) -> String {
    let (mut lines, mut line) = (Vec::new(), String::new());
    for word in text.split_whitespace() {
        if !line.is_empty() && line.chars().count() + 1 + word.chars().count() > width {
            lines.push(std::mem::take(&mut line));
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    lines.push(line);
    lines.join("\n")
}

/// Shows a long text as git does: through `$GIT_PAGER`, `$PAGER` or `less -FRX`, on a terminal only.
pub(crate) fn page(text: &str) {
    if !is_terminal() || !through_pager(text) {
        print(text);
    }
}

/// Prints. A reader that has closed the pipe (`| head`) is not an error.
pub(crate) fn print(text: &str) {
    let mut out = anstream::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

/// Returns whether there was a pager.
fn through_pager(text: &str) -> bool {
    let named = ["GIT_PAGER", "PAGER"].iter().find_map(|name| env::var(name).ok());
    let pager = named.unwrap_or_else(|| "less".to_string());
    let mut words = pager.split_whitespace();
    let Some(program) = words.next().filter(|&program| program != "cat") else {
        return false;
    };
    let mut command = Command::new(program);
    command.args(words).stdin(Stdio::piped());
    if env::var_os("LESS").is_none() {
        // F: exit at once if the text fits on a screen. R: show colours. X: leave the text on the screen.
        command.env("LESS", "FRX");
    }
    let Ok(mut child) = command.spawn() else {
        return false;
    };
    let colours = anstream::AutoStream::choice(&io::stdout()) != anstream::ColorChoice::Never;
    let plain = anstream::adapter::strip_str(text);
    let shown = if colours { text.to_string() } else { plain.to_string() };
    if let Some(mut pipe) = child.stdin.take() {
        // The user may quit the pager before the end.
        let _ = pipe.write_all(shown.as_bytes());
    }
    let _ = child.wait();
    true
}

/// Text without colour codes.
#[cfg(test)]
pub(crate) fn plain(text: &str) -> String {
    anstream::adapter::strip_str(text).to_string()
}

#[cfg(test)]
pub(crate) mod tests {
    pub(crate) use super::plain;
}
