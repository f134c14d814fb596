//! A TCP echo server, one client at a time.
//!
//! The way of a byte through the program, and the file of each step:
//!
//! 1. [`arguments`]: what was typed becomes an address.
//! 2. [`core::listener`]: socket, setsockopt, bind, listen; then accept, once for each client.
//! 3. [`server`]: the loop that takes clients and hands them on.
//! 4. [`core::connection`]: one client: recv, send, shutdown, close, each with a deadline.
//! 5. [`echo`]: what is done with the bytes: they go back.

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
