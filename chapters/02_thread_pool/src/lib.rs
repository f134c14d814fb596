//! A TCP echo server with a pool of threads and a graceful end.
//!
//! The way of a byte through the program, and the file of each step:
//!
//! 1. [`arguments`]: what was typed becomes an address.
//! 2. [`core::listener`]: socket, setsockopt, bind, listen; then accept, once for each client.
//! 3. [`server`]: the loop that takes clients and hands them to the pool.
//! 4. [`core::thread_pool`]: a bounded queue ([`core::task_queue`]) and the workers that empty it.
//! 5. [`core::connection`]: one client: recv, send, shutdown, close, each with a deadline.
//! 6. [`echo`]: what is done with the bytes: they go back.
//! 7. [`core::shutdown`]: how all of this ends without cutting anybody off.

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
