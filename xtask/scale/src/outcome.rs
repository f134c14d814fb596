//! The result of a demonstration.

use crate::load::Counts;

/// The observed counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// The requests of the clients.
    pub counts: Counts,
    /// Observations that are not in the counts.
    pub note: Option<String>,
    /// Whether the result is as expected.
    pub is_expected: bool,
}

impl Outcome {
    /// The result when only failures count: whether there are any must be as expected.
    pub(crate) fn of(counts: Counts, are_failures_expected: bool) -> Outcome {
        let is_expected = (counts.failed() > 0) == are_failures_expected;
        Outcome { counts, note: None, is_expected }
    }
}
