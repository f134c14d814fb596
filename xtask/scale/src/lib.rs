//! Runs several replicas of a server behind a load balancer, under load, and shows which requests are lost when a
//! replica is killed, restarted or replaced.
//!
//! - [`TOPICS`] lists the experiments; each is a [`Demonstration`] with a name, a reason and a result;
//! - [`Setup`] holds what all of them need: the server's program, the load balancer, a directory;
//! - [`Front`] starts `HAProxy` or nginx;
//! - `deployment` starts the replicas, and `load` the clients;
//! - `process` lets the processes end with this one, even after SIGKILL.
//!
//! `cargo xtask scale` prints the results, and the tests of `final` check them.

mod demonstration;
mod deployment;
mod front;
mod idle;
mod limit;
mod load;
mod process;
mod restart;

pub use demonstration::{Demonstration, TOPICS, Topic};
pub use deployment::{REPLICAS, Setup};
pub use front::Front;
pub use load::{Count, Counts, Outcome};
pub use process::find;
