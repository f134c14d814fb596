//! The server behind an answer: how a person starts it to ask the same, and why it made a mistake.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::Server;
use crate::output::Output;

/// The words of a panic and the answer that follows it travel by different pipes.
const LATE_WORDS: Duration = Duration::from_millis(500);

/// Which server an answer is from. It is kept after that server has ended.
#[derive(Clone, Default)]
pub(super) struct Origin {
    /// What stood behind the address when it was started.
    pub(super) arguments: Box<[String]>,
    output: Arc<Output>,
}

impl Origin {
    pub(super) fn of(server: &Server) -> Origin {
        Origin { arguments: server.arguments.clone(), output: server.program.output() }
    }

    /// What it said when it panicked last, as further lines of a failure. Without a panic it is nothing.
    pub(super) fn last_panic(&self) -> String {
        let text = self.output.wait(LATE_WORDS, |text| panic_in(&text.stderr).is_some());
        panic_in(&text.stderr)
            .map(|words| format!("\nstandard error of the server:\n{words}"))
            .unwrap_or_default()
    }
}

/// The last panic in what a program has said: where, and the first lines of why.
fn panic_in(said: &str) -> Option<String> {
    let lines: Vec<&str> = said.lines().collect();
    let first = lines.iter().rposition(|line| line.contains("panicked at "))?;
    let why = lines[first + 1..]
        .iter()
        .take(3)
        .take_while(|line| !line.starts_with("note: ") && **line != "stack backtrace:");
    let why: Vec<&str> = why.copied().collect();
    // The first line says only where.
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
    fn the_last_panic_is_told_without_what_stands_around_it() {
        let said = "GET / 200\n\nthread 'a' (1) panicked at src/a.rs:1:2:\nfirst\nnote: run with\n\
                    \nthread 'b' (2) panicked at src/b.rs:3:4:\nattempt to subtract with overflow\n";
        let words = "thread 'b' (2) panicked at src/b.rs:3:4:\nattempt to subtract with overflow";
        assert_eq!(panic_in(said).as_deref(), Some(words));
        assert_eq!(panic_in("GET / 200\n"), None);
        assert_eq!(panic_in("thread 'a' (1) panicked at src/a.rs:1:2:\n"), None);
    }
}
