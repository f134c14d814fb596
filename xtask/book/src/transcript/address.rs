//! A loopback address for the programs of one transcript, which no other replay uses.

use std::net::{TcpListener, UdpSocket};

use anyhow::{Result, bail};

/// The ports that transcripts use, for the server and for `cargo xtask trace` in front of it.
const PORTS: [u16; 2] = [8080, 8081];

/// `127.0.0.N` or `127.0.M.N` in place of `127.0.0.1`, so that replays do not use port 8080 of the reader's own server.
/// It has the same length as 127.0.0.1, so that lengths in a transcript are the lengths that a reader sees.
#[derive(Debug)]
pub(super) struct Address {
    pub(super) host: String,
    /// The lock on the address is its UDP port 8080, which no transcript uses. All processes that share the loopback
    /// interface see it, and the kernel releases it when this process ends.
    _lock: UdpSocket,
}

impl Address {
    /// Takes the first free address. There are more addresses than concurrent replays.
    pub(super) fn claim() -> Result<Address> {
        // Each of the last two numbers is one digit. 127.0.N.1 is left out, because on some systems the host's name
        // resolves to it.
        let hosts =
            (0..=9).flat_map(|third| (2..=9).map(move |last| format!("127.0.{third}.{last}")));
        for host in hosts {
            // The UDP port first: it is the lock.
            if let Ok(lock) = UdpSocket::bind((host.as_str(), PORTS[0]))
                && PORTS.iter().all(|port| TcpListener::bind((host.as_str(), *port)).is_ok())
            {
                return Ok(Address { host, _lock: lock });
            }
        }
        bail!(
            "ports 8080 and 8081 are taken at every address from 127.0.0.2 to 127.0.9.9; transcripts need one of them \
             (Linux)"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_at_which_somebody_listens_is_passed_over() {
        let first = Address::claim().unwrap();
        let host = first.host.clone();
        assert_eq!(host.len(), "127.0.0.1".len());
        let server = TcpListener::bind((host.as_str(), 8081)).unwrap();
        drop(first);
        assert_ne!(Address::claim().unwrap().host, host);
        drop(server);
    }
}
