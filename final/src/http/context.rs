//! The context of a step, which is the same for all connections except for the peer's address.

use std::net::SocketAddr;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use super::limits::Limits;
use super::path_prefix::PathPrefix;
use super::{Handler, TrustedProxies};
use crate::core::{MemoryBudget, UploadSlots};

/// References to the server's data that a connection needs for one step.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    /// The handler of the application.
    pub handler: &'a dyn Handler,
    /// The limits that apply to each client.
    pub limits: &'a Limits,
    /// The memory budget for all clients.
    pub memory: &'a MemoryBudget,
    /// The slots that bound the number of handlers that read large bodies at the same time.
    pub uploads: &'a UploadSlots,
    /// Whether requests are rejected with 503 because every worker is in a handler that blocks
    /// (load shedding).
    pub sheds_load: bool,
    /// The path prefixes that are served even during load shedding, such as the paths of health
    /// checks.
    pub always: &'a [PathPrefix],
    /// Whether the server is stopping, so that each response is the last one on its connection. The
    /// value may become true while a handler runs.
    pub is_stopping: &'a AtomicBool,
    /// The address of the other end of the connection, which may be a proxy.
    pub peer: SocketAddr,
    /// The trusted proxies, whose reports about their clients are used.
    pub proxies: &'a TrustedProxies,
    /// The clock. It is read when a deadline begins, because a handler may have run for a long time
    /// before that.
    pub clock: &'a dyn Fn() -> Instant,
}
