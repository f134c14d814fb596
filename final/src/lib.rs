//! An HTTP/1.1 server: to run, to embed, and to read.
//!
//! The life of a request, and the file of each step:
//!
//! 1. [`core::poller`]: the kernel says which sockets are ready, to one of the threads of [`core::worker_pool`].
//! 2. [`core::listener`]: ACCEPT a client; [`core::connection_table`] is where it waits when nobody works on it.
//! 3. [`http::exchange`]: THE TURNS of one connection. Read this first; [`server`] calls it.
//! 4. [`http::parser`]: PARSE: bytes become a head, or "need more", or an error with its status.
//! 5. [`http::framing`] and [`http::body`]: where the body ends, and its bytes.
//! 6. [`http::handler`]: HANDLE: the seam between the server and the application.
//! 7. [`middleware`]: LAYERS around the application, each in a file: what is the same for many handlers.
//! 8. [`http::routes`]: ROUTE: the table that [`http::router`] built out of [`http::pattern`]s.
//! 9. [`handlers`]: answers that any application can use: health probes and static files.
//! 10. [`http::encoder`]: RESPOND: the one place that decides how an answer is framed; [`http::output`] sends it.

#![warn(
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "use core::stderr::log_stderr: they panic when the output cannot be written"
)]

pub mod app;
pub mod config;
pub mod core;
pub mod handlers;
pub mod http;
pub mod middleware;
pub mod server;

pub use config::Config;
pub use core::blocking;
pub use http::limits::Limits;
pub use server::{Server, ServerHandle};
