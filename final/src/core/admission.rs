//! Load shedding: whether a step may serve a request or has to reject it.

/// Whether a step may handle the requests that it reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admission {
    /// A worker runs the step, so the step calls the handler.
    Serve,
    /// Every worker is in a handler that blocks, and the shedder runs the step, which rejects the
    /// request with 503.
    Shed,
}
