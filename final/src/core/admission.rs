//! Load shedding: whether the server can serve a request now, or has to reject it.

/// Whether a step may handle the requests that it reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admission {
    /// A worker runs the step: call the handler.
    Serve,
    /// Every worker is in a handler that blocks, and the shedder runs the step: reject with 503.
    Shed,
}
