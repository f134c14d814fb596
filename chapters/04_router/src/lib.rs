//! An HTTP/1.1 server that finds the handler of a request by its path and method.
//!
//! The life of a request, with the module for each step:
//!
//! 1. [`core::listener`]: ACCEPT: accepts a client, which [`server`] hands to a worker of
//!    [`core::thread_pool`].
//! 2. [`http::exchange`]: THE LOOP of one connection. Read this first.
//! 3. [`http::parser`]: PARSE: turns bytes into a header section, returns an error with its status,
//!    or waits for more bytes.
//! 4. [`http::framing`] and [`http::body`]: the end of the body, and its bytes.
//! 5. [`http::handler`]: HANDLE: the interface between the server and the application, which is
//!    [`app`].
//! 6. [`http::routes`]: ROUTE: the table that [`http::router`] builds from [`http::pattern`]s.
//! 7. [`http::encoder`]: RESPOND: the only place that decides how a response is framed.

#![warn(
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "use core::stderr::log_stderr: they panic when the output cannot be written"
)]

pub mod app;
pub mod arguments;
pub mod core;
pub mod http;
pub mod server;

pub use arguments::Arguments;
pub use http::limits::Limits;
pub use server::{Server, ServerHandle};
