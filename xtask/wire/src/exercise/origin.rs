//! The server that sent a response: its arguments, for starting it again by hand, and its last
//! panic.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::output::Output;

/// A panic message and the response after it arrive on different pipes, so the message may be late.
const LATE_WORDS: Duration = Duration::from_millis(500);

/// The server that sent a response. The value outlives that server.
#[derive(Clone, Default)]
pub(super) struct Origin {
    /// The arguments after the address.
    pub(super) arguments: Box<[String]>,
    output: Arc<Output>,
}

impl Origin {
    pub(super) fn new(arguments: Box<[String]>, output: Arc<Output>) -> Origin {
        Origin { arguments, output }
    }

    /// The message of its last panic, as additional lines of a failure, or empty if there was no
    /// panic.
    pub(super) fn last_panic(&self) -> String {
        let text = self.output.wait(LATE_WORDS, |text| panic_in(&text.stderr.text).is_some());
        let panic = panic_in(&text.stderr.text);
        panic.map(|words| format!("\nstandard error of the server:\n{words}")).unwrap_or_default()
    }
}

/// The last panic in the output of a program: its location, and the first lines of its message.
fn panic_in(said: &str) -> Option<String> {
    let lines: Vec<&str> = said.lines().collect();
    let first = lines.iter().rposition(|line| line.contains("panicked at "))?;
    let why = lines[first + 1..]
        .iter()
        .take(3)
        .take_while(|line| !line.starts_with("note: ") && **line != "stack backtrace:");
    let why: Vec<&str> = why.copied().collect();
    // The first line contains only the location.
    (!why.is_empty()).then(|| [&[lines[first].trim_start()], why.as_slice()].concat().join("\n"))
}

impl fmt::Debug for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Origin({:?})", self.arguments)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_panic_is_found_without_the_lines_around_it() {
        let said = "GET / 200\n\nthread 'a' (1) panicked at src/a.rs:1:2:\nfirst\nnote: run with\n\
                    \nthread 'b' (2) panicked at src/b.rs:3:4:\nattempt to subtract with overflow\n";
        let words = "thread 'b' (2) panicked at src/b.rs:3:4:\nattempt to subtract with overflow";
        assert_eq!(panic_in(said).as_deref(), Some(words));
        assert_eq!(panic_in("GET / 200\n"), None);
        assert_eq!(panic_in("thread 'a' (1) panicked at src/a.rs:1:2:\n"), None);
    }
}
