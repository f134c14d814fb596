//! The results of the checks.

use wire::exercise::{Conversation, Failure};

/// The result of one check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Checked {
    pub sentence: String,
    /// The rule it checks, or nothing.
    pub rule: String,
    pub failure: Option<Failure>,
    /// The bytes of all its connections, if it failed.
    pub conversations: Vec<Conversation>,
}

/// How the program with the checks ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Ended {
    /// The chapter or the server does not compile. This is the compiler's output, or nothing if it has been shown.
    NotBuilt(String),
    /// All checks have run.
    Done,
    /// Two checks timed out, so the remaining checks did not run.
    GaveUp { seconds: u64 },
    /// The run was stopped after this many seconds, during a check or between two checks.
    TimedOut { seconds: u64, during: Option<String> },
    /// The server did not start for the first check, so no check could run.
    NoServer(Failure),
    /// The program crashed, with this output.
    Early { status: String, during: Option<String>, said: String },
}

/// The results of all checks that have run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Results {
    pub checks: Vec<Checked>,
    pub ended: Ended,
}

impl Results {
    /// No check has run.
    pub(crate) fn none(ended: Ended) -> Results {
        Results { checks: Vec::new(), ended }
    }

    /// How many checks have passed.
    pub(crate) fn passed(&self) -> usize {
        self.checks.iter().filter(|checked| checked.failure.is_none()).count()
    }

    /// Whether all checks have run and passed.
    pub(crate) fn all_passed(&self) -> bool {
        self.ended == Ended::Done && !self.checks.is_empty() && self.passed() == self.checks.len()
    }

    /// The checks that have failed, and how.
    pub(crate) fn failures(&self) -> impl Iterator<Item = (&Checked, &Failure)> {
        self.checks.iter().filter_map(|checked| Some((checked, checked.failure.as_ref()?)))
    }
}

#[cfg(test)]
impl Checked {
    pub(crate) fn of(sentence: &str, failure: Option<Failure>) -> Checked {
        let (sentence, rule) = (sentence.to_string(), String::new());
        Checked { sentence, rule, failure, conversations: Vec::new() }
    }
}
