//! The context of a step: the same for all connections except for the client's address.

use std::net::SocketAddr;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use super::Handler;
use super::limits::Limits;
use super::path_prefix::PathPrefix;
use crate::core::{MemoryBudget, UploadSlots};

/// References that the server lends to a connection for one step.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    /// The application.
    pub handler: &'a dyn Handler,
    /// The limits on one client.
    pub limits: &'a Limits,
    /// The memory budget of all clients.
    pub memory: &'a MemoryBudget,
    /// How many large bodies may be read by their handlers at the same time.
    pub uploads: &'a UploadSlots,
    /// Load shedding: requests are rejected with 503, since every worker is in a handler that blocks.
    pub sheds_load: bool,
    /// Path prefixes that are served even then, such as those of health checks.
    pub always: &'a [PathPrefix],
    /// Whether the server is stopping, so that each response is the last of its connection. It may become true while a
    /// handler runs.
    pub is_stopping: &'a AtomicBool,
    /// The client's address.
    pub peer: SocketAddr,
    /// The time. It is read when a deadline begins, since a handler may have run for long before that.
    pub clock: &'a dyn Fn() -> Instant,
}
