//! A TCP echo server with a thread pool and graceful shutdown.
//!
//! The path of a byte through the program, with the module for each step:
//!
//! 1. [`arguments`]: parses the command line.
//! 2. [`core::listener`]: opens the listening socket (socket, setsockopt, bind, listen) and accepts
//!    clients.
//! 3. [`server`]: the loop that accepts clients and submits them to the pool.
//! 4. [`core::thread_pool`]: a bounded queue ([`core::task_queue`]) and the workers that consume
//!    it.
//! 5. [`core::connection`]: the connection to one client (recv, send, shutdown, close), with
//!    deadlines.
//! 6. [`echo`]: sends every byte back.
//! 7. [`core::shutdown`]: stops the server without aborting transfers.

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
