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
mod loopback;
mod outcome;
pub mod redis;
mod release;
mod replica;
mod retries;
mod rolling;
mod setup;

pub use demonstration::{Demonstration, Topic, demonstrations};
pub use front::Front;
pub use interrupt::{Interrupt, Interrupted};
pub use load::{Count, Counts};
pub use outcome::Outcome;
pub use setup::Setup;
