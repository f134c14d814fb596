//! Loopback addresses for the programs of a deployment.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::process;
use std::sync::atomic::{AtomicU8, Ordering};

/// Reserves a block of this process's loopback addresses, which no other deployment uses at the same time.
pub(crate) fn new_block() -> u8 {
    static NEXT: AtomicU8 = AtomicU8::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed) % 16
}

/// An address in a block, from 0 to 15, without a port. Each replica and load balancer has its own loopback address.
/// Outgoing connections get their ports on 127.0.0.1, so they cannot take the port of a replica during its restart.
/// Concurrent processes of this program use different addresses, too.
pub(crate) fn address(block: u8, last: u8) -> SocketAddr {
    let [.., high, low] = process::id().to_be_bytes();
    SocketAddr::new(IpAddr::V4(Ipv4Addr::new(127, 64 + high % 64, low, 16 * block + last)), 0)
}

/// An address with a port that is currently free, for a program that cannot report the port that it was given.
pub(crate) fn free(address: SocketAddr) -> anyhow::Result<SocketAddr> {
    Ok(TcpListener::bind(address)?.local_addr()?)
}
