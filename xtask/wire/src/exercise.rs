//! The checks of an exercise. Each is a sentence and a function that acts as a client of the server.
//!
//! A program with checks is run by `cargo xtask check-exercise` as `exercise_02 SERVER [ARGUMENT…]`. For each
//! check it starts a new server on a free port, and it reports the results line by line (see [`Event`]).
//!
//! ```no_run
//! use wire::exercise::{self, Failure, Server, check};
//!
//! fn main() -> std::process::ExitCode {
//!     exercise::main(&[
//!         check("the time is JSON and must not be cached", is_fresh_json)
//!             .rule("RFC 9111 section 5.2.2.5 (no-store)"),
//!     ])
//! }
//!
//! fn is_fresh_json(server: &Server) -> Result<(), Failure> {
//!     let answer = server.get("/api/time")?;
//!     answer.status(200)?.field("Cache-Control", "no-store")?;
//!     let unix = &answer.json()?["unix"];
//!     answer.require(unix.is_u64(), "`unix` is an integer", unix)
//! }
//! ```

mod answer;
mod conversation;
mod leash;
mod report;
mod server;

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::{env, fmt};

pub use answer::Answer;
pub(crate) use answer::first_difference;
pub use conversation::{Conversation, Piece};
pub(crate) use leash::delete_at_end;
pub use leash::{ENDS_WITH_INPUT, end_with_input};
pub use report::{Event, Failure};
pub use server::{Connection, SERVER_FOLDER, STARTS, Server};

/// The environment variable with the sentence of the only check to run. If no check has this sentence, all run.
pub const ONLY: &str = "EXERCISE_ONLY";

/// How many checks may time out before the run gives up. Each waits for [`PATIENCE`](crate::PATIENCE) or longer.
const TIMEOUTS: usize = 2;

/// The environment variable with the directory of the chapter's examples, when an exercise is about one of them.
pub const EXAMPLES: &str = "EXERCISE_EXAMPLES";

/// One requirement for a solution.
#[derive(Clone, Copy)]
pub struct Check {
    /// The requirement, as a sentence without a capital letter and without a full stop.
    pub sentence: &'static str,
    /// The source of the rule, with the title of its section: `RFC 9110 section 9.3.2 (HEAD)`. May be empty.
    pub rule: &'static str,
    /// Checks it. Every wait of a [`Server`] and its connections is bounded.
    pub run: fn(&Server) -> Result<(), Failure>,
}

impl fmt::Debug for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Check({:?})", self.sentence)
    }
}

/// A requirement that has no rule, unless [`Check::rule`] names one.
pub const fn check(sentence: &'static str, run: fn(&Server) -> Result<(), Failure>) -> Check {
    Check { sentence, rule: "", run }
}

impl Check {
    /// Names the source of the rule.
    pub const fn rule(self, rule: &'static str) -> Check {
        Check { rule, ..self }
    }
}

/// Runs all checks against the server that the arguments name, and reports on standard output.
pub fn main(checks: &[Check]) -> ExitCode {
    let words: Vec<String> = env::args().skip(1).collect();
    if words.is_empty() {
        eprintln!(
            "These are the checks of an exercise; run them with `cargo xtask check-exercise`."
        );
        return ExitCode::from(2);
    }
    if let Err(error) = end_with_input() {
        eprintln!("the checks cannot be started: {error}");
        return ExitCode::FAILURE;
    }
    let only = env::var(ONLY).ok();
    run(chosen(checks, only.as_deref()), &words)
}

/// Runs these checks against the server that `words` start, and reports on standard output.
pub fn run(checks: &[Check], words: &[String]) -> ExitCode {
    match report(checks, words, &mut io::stdout().lock()) {
        Ok(()) => ExitCode::SUCCESS,
        // The other end of the pipe is closed.
        Err(_) => ExitCode::FAILURE,
    }
}

/// The check with this sentence, or all checks if there is none.
fn chosen<'a>(checks: &'a [Check], only: Option<&str>) -> &'a [Check] {
    let at = checks.iter().position(|check| Some(check.sentence) == only);
    at.map_or(checks, |at| &checks[at..=at])
}

fn report(checks: &[Check], words: &[String], out: &mut impl Write) -> io::Result<()> {
    let mut timeouts = 0;
    for check in checks {
        let (sentence, rule) = (check.sentence.to_string(), check.rule.to_string());
        writeln!(out, "{}", Event::Start { check: sentence, rule }.to_line())?;
        out.flush()?;
        let (found, conversations) = match Server::start(words, &[]) {
            Err(failure) => (Err(failure), Vec::new()),
            Ok(server) => ((check.run)(&server), server.conversations()),
        };
        timeouts += usize::from(found.as_ref().is_err_and(|failure| failure.timed_out));
        let event = match found {
            Ok(()) => Event::Pass,
            Err(failure) => Event::Fail(failure, conversations),
        };
        writeln!(out, "{}", event.to_line())?;
        out.flush()?;
        if timeouts == TIMEOUTS {
            writeln!(out, "{}", Event::GaveUp.to_line())?;
            return out.flush();
        }
    }
    writeln!(out, "{}", Event::Done.to_line())?;
    out.flush()
}

/// The path of a program in the chapter's directory `examples`, which is built together with the checks. It is in the
/// directory from [`EXAMPLES`], or in the working directory.
pub fn example(name: &str) -> PathBuf {
    let folder = env::var_os(EXAMPLES).map(PathBuf::from).unwrap_or_default();
    folder.join(name).with_extension(env::consts::EXE_EXTENSION)
}

/// Whether the server is a solution in a copy of the repository, the reference solution or a wrong one. There a check
/// can't prompt a user for observations.
pub fn in_copy() -> bool {
    env::var_os("EXERCISE_IN_COPY").is_some()
}

#[cfg(test)]
mod tests;
