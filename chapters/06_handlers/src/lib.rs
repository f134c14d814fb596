//! An HTTP/1.1 server with health checks and static files.
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
//! 6. [`middleware`]: LAYERS around the application, for work that many handlers share.
//! 7. [`http::routes`]: ROUTE: the table that [`http::router`] builds from [`http::pattern`]s.
//! 8. [`handlers`]: handlers that any application can use: health probes and static files.
//! 9. [`http::encoder`]: RESPOND: the only place that decides how a response is framed.

#![warn(
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "use core::stderr::log_stderr: they panic when the output cannot be written"
)]

pub mod app;
pub mod arguments;
pub mod core;
pub mod handlers;
pub mod http;
pub mod middleware;
pub mod server;

pub use arguments::Arguments;
pub use http::limits::Limits;
pub use server::{Server, ServerHandle};
