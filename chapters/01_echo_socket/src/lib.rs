//! A TCP echo server that serves one client at a time.
//!
//! The path of a byte through the program, with the module for each step:
//!
//! 1. [`arguments`]: parses the command line.
//! 2. [`core::listener`]: opens the listening socket (socket, setsockopt, bind, listen) and accepts
//!    clients.
//! 3. [`server`]: the loop that accepts the clients and serves each.
//! 4. [`core::connection`]: the connection to one client (recv, send, shutdown, close), with
//!    deadlines.
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
