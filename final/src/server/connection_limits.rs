//! The limits on the number of connections.

/// The maximum numbers of connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConnectionLimits {
    /// The maximum in total. Connections over the limit are rejected with 503.
    pub total: u32,
    /// The maximum from one IPv4 address or IPv6 /64 network, or `None` for no limit. Trusted
    /// proxies have no limit of their own: see
    /// [`Server::with_trusted_proxies`](crate::Server::with_trusted_proxies).
    pub by_address: Option<u32>,
}

impl Default for ConnectionLimits {
    fn default() -> ConnectionLimits {
        ConnectionLimits { total: 16_384, by_address: None }
    }
}
