//! The inputs of a load balancer's configuration.

use std::net::SocketAddr;
use std::path::Path;

/// Which requests the load balancer sends to another replica after a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Retries {
    /// None, as with a load balancer for TCP connections (L4).
    Never,
    /// A request that was not sent at all, and GET. This is right.
    Idempotent,
    /// All requests, also after a timeout of 300 ms. This is wrong.
    All,
}

/// The inputs of the configuration.
pub(crate) struct Configuration<'a> {
    pub(crate) directory: &'a Path,
    pub(crate) listen: SocketAddr,
    pub(crate) replicas: &'a [SocketAddr],
    pub(crate) retries: Retries,
}

/// One line for each replica.
pub(crate) fn lines(
    replicas: &[SocketAddr],
    line: impl Fn(usize, &SocketAddr) -> String,
) -> String {
    replicas.iter().enumerate().map(|(index, replica)| line(index + 1, replica)).collect()
}
