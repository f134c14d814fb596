//! A TCP echo server, one client at a time.
//!
//! How a byte travels through the program, and the file of each step:
//!
//! 1. [`arguments`]: parses the command line.
//! 2. [`core::listener`]: socket, setsockopt, bind, listen; then accept, once for each client.
//! 3. [`server`]: the loop that accepts clients and serves each.
//! 4. [`core::connection`]: one client: recv, send, shutdown, close, each with a deadline.
//! 5. [`echo`]: sends every byte back.

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
pub use server::Server;
