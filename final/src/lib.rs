//! An HTTP/1.1 server to run, to embed in a program, and to study.
//!
//! The path of a request through the modules, in order:
//!
//! 1. [`core::poller`]: the kernel reports ready sockets to one of the threads of
//!    [`core::worker_pool`].
//! 2. [`core::listener`]: ACCEPT a client; [`core::connection_table`] holds it between two steps.
//! 3. [`http::exchange`]: THE STEPS of one connection. Read this first; [`server`] calls it.
//! 4. [`http::parser`]: PARSE: turns bytes into a header section, returns an error with its status,
//!    or waits for more bytes.
//! 5. [`http::framing`] and [`http::body`]: the end of the body, and its bytes.
//! 6. [`http::handler`]: HANDLE: the interface between the server and the application.
//! 7. [`middleware`]: LAYERS around the application, for work that many handlers share.
//! 8. [`http::routes`]: ROUTE: the table that [`http::router`] builds from [`http::pattern`]s.
//! 9. [`handlers`]: handlers that any application can use: health probes and static files.
//! 10. [`http::encoder`]: RESPOND: the only function that frames a response; [`http::output`] sends
//!     it.

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
