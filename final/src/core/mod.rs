//! The core moves bytes. It does not know what they mean.

pub mod allocator;
pub mod connection;
pub mod deadline;
pub mod files;
pub mod habit;
pub mod listener;
pub mod log_output;
pub mod memory_budget;
pub mod parking;
pub mod permit;
pub mod poller;
pub mod signals;
pub mod slots;
pub mod stderr;
pub mod stdout;
pub mod sync;
pub mod system;
pub mod time_slice;
mod watch;
pub mod workers;

pub use connection::{Connection, Fill};
pub use deadline::Deadline;
pub use habit::Habit;
pub use listener::Listener;
pub use memory_budget::MemoryBudget;
pub use parking::Parking;
pub use poller::{Interest, Poll, Poller, Token};
pub use slots::Slots;
pub use system::Stream;
pub use workers::{Workers, blocking};
