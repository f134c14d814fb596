//! An address of this machine for the programs of one transcript, which no other replay uses.

use std::net::{TcpListener, UdpSocket};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

/// The ports that transcripts use: the server's, and that of `cargo xtask trace` in front of it.
const PORTS: [u16; 2] = [8080, 8081];

/// How long a replay waits until another one has ended. There are more addresses than replays at a time.
const PATIENCE: Duration = Duration::from_secs(120);

/// `127.0.0.N` or `127.0.M.N` in place of `127.0.0.1`, so that a server of the reader's at port 8080 is left alone. It
/// is as long as 127.0.0.1, so that the lengths in a transcript stay what a reader sees.
#[derive(Debug)]
pub(super) struct Address {
    pub(super) host: String,
    /// No transcript uses UDP, so its port 8080 is the lock: it is seen by every process that shares the loopback
    /// interface, whoever started it, and it goes away with ours.
    _lock: UdpSocket,
}

impl Address {
    /// Takes the first address that is free, and waits for one if other replays have all of them.
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

/// Of the last two numbers each is one digit. 127.0.N.1 is left out: on some systems the host's own name leads there.
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
