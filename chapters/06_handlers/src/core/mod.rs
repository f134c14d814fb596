//! The core: transports bytes without interpreting them.

pub mod connection;
pub mod deadline;
pub mod generational_map;
pub mod listener;
pub mod shutdown;
pub mod signals;
pub mod state;
pub mod stderr;
pub mod stdout;
pub mod task_queue;
pub mod thread_pool;

pub use connection::{Connection, Fill};
pub use deadline::Deadline;
pub use generational_map::GenerationalMap;
pub use listener::Listener;
pub use shutdown::{Registration, Shutdown};
pub use state::State;
pub use task_queue::TaskQueue;
pub use thread_pool::ThreadPool;
