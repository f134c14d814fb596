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
