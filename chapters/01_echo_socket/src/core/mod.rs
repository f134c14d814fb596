//! The core: transports bytes without interpreting them.

pub mod connection;
pub mod deadline;
pub mod listener;
pub mod state;
pub mod stderr;
pub mod stdout;

pub use connection::{Connection, Fill};
pub use deadline::Deadline;
pub use listener::Listener;
pub use state::State;
