//! The limits of one input and its report.

use httpserver::http::limits::{KIB, MIB};

/// The maximum number of bytes of input.
pub(crate) const MAX_INPUT: usize = 64 * KIB;

/// The maximum number of bytes of responses in a report.
pub(crate) const MAX_OUTPUT: usize = MIB;

/// The maximum number of requests in one input. The response to the last of them has `Connection: close`.
pub(crate) const MAX_REQUESTS: usize = 64;
