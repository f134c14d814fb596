//! A TCP echo server with a thread pool and graceful shutdown.
//!
//! How a byte travels through the program, and the file of each step:
//!
//! 1. [`arguments`]: parses the command line.
//! 2. [`core::listener`]: socket, setsockopt, bind, listen; then accept, once for each client.
//! 3. [`server`]: the loop that accepts clients and submits them to the pool.
//! 4. [`core::thread_pool`]: a bounded queue ([`core::task_queue`]) and the workers that consume it.
//! 5. [`core::connection`]: one client: recv, send, shutdown, close, each with a deadline.
//! 6. [`echo`]: sends every byte back.
//! 7. [`core::shutdown`]: how the server stops without aborting transfers.

#![warn(
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "use core::stderr::log_stderr: they panic when the output cannot be written"
)]

pub mod arguments;
pub mod core;
pub mod echo;
pub mod server;

pub use arguments::Arguments;
pub use server::{Server, ServerHandle};
