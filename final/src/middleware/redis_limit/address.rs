//! The address of the store, resolved so that no request waits for it.

use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::Builder;

use crate::core::sync::{Mutex, lock};

/// The name of the store and the addresses that it had at the last look-up.
///
/// The resolver of the OS has no timeout that a caller can set, and waits for several seconds if no
/// name server responds. So a name is looked up at startup and, after a failure, in a separate
/// thread.
#[derive(Debug)]
pub(super) struct Address {
    host: String,
    port: u16,
    known: Mutex<Vec<SocketAddr>>,
    is_looking_up: AtomicBool,
}

impl Address {
    /// Looks the name up. A name without an address is not an error, because it may get one later.
    pub(super) fn look_up(host: &str, port: u16) -> Arc<Address> {
        let known = Mutex::new(addresses(host, port));
        Arc::new(Address {
            host: host.to_string(),
            port,
            known,
            is_looking_up: AtomicBool::new(false),
        })
    }

    /// An address for a test, without a look-up.
    #[cfg(test)]
    pub(super) fn known_as(addresses: impl Into<Vec<SocketAddr>>) -> Arc<Address> {
        let known = Mutex::new(addresses.into());
        let (host, port) = ("127.0.0.1".to_string(), 0);
        Arc::new(Address { host, port, known, is_looking_up: AtomicBool::new(false) })
    }

    /// Returns the addresses of the last look-up that found any.
    pub(super) fn known(&self) -> Vec<SocketAddr> {
        lock(&self.known).clone()
    }

    /// Starts a look-up, unless the name is an IP address or a look-up is still running. The store
    /// may have moved: a managed one changes its DNS entry when a replica takes over.
    pub(super) fn refresh(self: &Arc<Self>) {
        if self.host.parse::<IpAddr>().is_ok() || self.is_looking_up.swap(true, Ordering::AcqRel) {
            return;
        }
        let address = Arc::clone(self);
        let look_up = move || {
            let found = addresses(&address.host, address.port);
            if !found.is_empty() {
                *lock(&address.known) = found;
            }
            address.is_looking_up.store(false, Ordering::Release);
        };
        // Without a thread the addresses stay as they are until the next failure.
        if Builder::new().name("look up store".to_string()).spawn(look_up).is_err() {
            self.is_looking_up.store(false, Ordering::Release);
        }
    }
}

fn addresses(host: &str, port: u16) -> Vec<SocketAddr> {
    (host, port).to_socket_addrs().map(Iterator::collect).unwrap_or_default()
}
