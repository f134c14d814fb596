//! The core moves bytes. It does not know what they mean.

pub mod allocator;
pub mod blocking_predictor;
pub mod connection;
pub mod connection_table;
pub mod deadline;
pub mod files;
pub mod listener;
pub mod log_output;
pub mod memory_budget;
pub mod permit;
pub mod poller;
mod progress_watch;
pub mod signals;
pub mod stderr;
pub mod stdout;
pub mod sync;
pub mod system;
pub mod time_slice;
pub mod upload_slots;
pub mod workers;

pub use blocking_predictor::BlockingPredictor;
pub use connection::{Connection, Fill};
pub use connection_table::ConnectionTable;
pub use deadline::Deadline;
pub use listener::Listener;
pub use memory_budget::MemoryBudget;
pub use poller::{Interest, Poll, Poller, Token};
pub use system::Stream;
pub use upload_slots::UploadSlots;
pub use workers::{Workers, blocking};
