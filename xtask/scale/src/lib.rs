//! Several replicas of a server behind a load balancer, under load: which requests are lost when a replica is killed,
//! restarted or replaced, and which are not.
//!
//! - [`Setup`] is what all runs have in common: the server's program, the load balancer, the number of replicas;
//! - [`demonstrations()`] lists what can be shown; each is a [`Demonstration`] with a name, a reason and a result;
//! - [`redis`] starts the store of a shared rate limit;
//! - [`front`] starts `HAProxy` or nginx with a configuration of its own;
//! - `deployment` starts the replicas, and `load` the clients;
//! - [`interrupt`] ends everything early, so that no process and no file is left.
//!
//! `cargo xtask scale` prints the results, and the tests of `final` check them.

mod demonstration;
mod deployment;
pub mod front;
mod idle;
pub mod interrupt;
mod limit;
mod load;
pub mod redis;
mod release;
mod replica;
mod retries;
mod rolling;

use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

pub use demonstration::{Demonstration, Outcome, Topic, demonstrations};
pub use front::Front;
pub use interrupt::{Interrupt, Interrupted};
pub use load::{Count, Counts};

/// Far longer than anything here takes, on a machine that is busy.
const LONG: Duration = Duration::from_secs(20);

/// What all runs have in common.
#[derive(Debug, Clone)]
pub struct Setup {
    /// The program of the server.
    pub program: PathBuf,
    /// The load balancer.
    pub front: Front,
    /// The number of replicas, from 2 to 9.
    pub replicas: u8,
    /// Where configurations and error messages are written: a directory for each demonstration.
    pub directory: PathBuf,
    /// What ends the run early.
    pub interrupt: Interrupt,
}

/// A part of this process's loopback addresses that no other deployment uses at the same time.
fn new_block() -> u8 {
    static NEXT: AtomicU8 = AtomicU8::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed) % 16
}

/// An address of a block, from 0 to 15, without a port. Replicas and load balancers have loopback addresses of their
/// own: a connection gets its port on 127.0.0.1, so it cannot take the port of a replica while this is restarted. Two
/// processes of this kind have different addresses, too.
fn address(block: u8, last: u8) -> SocketAddr {
    let [.., high, low] = process::id().to_be_bytes();
    SocketAddr::new(IpAddr::V4(Ipv4Addr::new(127, 64 + high % 64, low, 16 * block + last)), 0)
}

/// An address with a port that is free now, for a program that cannot report the port that it was given.
fn free(address: SocketAddr) -> anyhow::Result<SocketAddr> {
    Ok(TcpListener::bind(address)?.local_addr()?)
}
