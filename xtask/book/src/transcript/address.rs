//! A loopback address for the programs of one transcript, which no other replay uses.

use std::net::{TcpListener, UdpSocket};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

/// The ports that transcripts use, for the server and for `cargo xtask trace` in front of it.
const PORTS: [u16; 2] = [8080, 8081];

/// How long a replay waits for a free address. There are more addresses than concurrent replays.
const PATIENCE: Duration = Duration::from_secs(120);

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
    /// Takes the first free address, or waits for one if other replays use all of them.
    pub(super) fn claim() -> Result<Address> {
        let until = Instant::now() + PATIENCE;
        loop {
            let mut replays = 0;
            for host in hosts() {
                match UdpSocket::bind((host.as_str(), PORTS[0])) {
                    Ok(lock) if PORTS.iter().all(|port| is_free(&host, *port)) => {
                        return Ok(Address { host, _lock: lock });
                    }
                    Ok(_) => {}
                    Err(_) => replays += 1,
                }
            }
            if replays == 0 || Instant::now() >= until {
                bail!(
                    "ports 8080 and 8081 are taken at every address from 127.0.0.2 to 127.0.9.9; \
                     transcripts need one of them (Linux)"
                );
            }
            thread::sleep(Duration::from_millis(100));
        }
    }
}

/// Each of the last two numbers is one digit. 127.0.N.1 is left out, because on some systems the host's name resolves
/// to it.
fn hosts() -> impl Iterator<Item = String> {
    (0..=9).flat_map(|third| (2..=9).map(move |last| format!("127.0.{third}.{last}")))
}

fn is_free(host: &str, port: u16) -> bool {
    TcpListener::bind((host, port)).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_replays_have_the_same_address() {
        let one = Address::claim().unwrap();
        let other = Address::claim().unwrap();
        assert_ne!(one.host, other.host);
        assert_eq!([one.host.len(), other.host.len()], ["127.0.0.1".len(); 2]);
    }

    #[test]
    fn an_address_at_which_somebody_listens_is_passed_over() {
        let first = Address::claim().unwrap();
        let host = first.host.clone();
        let server = TcpListener::bind((host.as_str(), 8081)).unwrap();
        drop(first);
        assert_ne!(Address::claim().unwrap().host, host);
        drop(server);
    }
}
