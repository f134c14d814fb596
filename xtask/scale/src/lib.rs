//! Runs several replicas of a server behind a load balancer, under load, and shows which requests are lost when a
//! replica is killed, restarted or replaced.
//!
//! - [`Setup`] holds the settings of all runs: the server's program, the load balancer, the number of replicas;
//! - [`demonstrations()`] lists the experiments; each is a [`Demonstration`] with a name, a reason and a result;
//! - [`redis`] starts the store of a shared rate limit;
//! - [`front`] writes a configuration for `HAProxy` or nginx, and starts it;
//! - `deployment` starts the replicas, and `load` the clients;
//! - [`interrupt`] ends everything early, and leaves no process and no file behind;
//! - `child` lets the processes end with this one, even after SIGKILL.
//!
//! `cargo xtask scale` prints the results, and the tests of `final` check them.

mod child;
mod demonstration;
mod deployment;
pub mod front;
mod idle;
pub mod interrupt;
mod limit;
mod load;
mod loopback;
mod outcome;
mod process;
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
