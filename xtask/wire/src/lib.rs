//! Raw HTTP over TCP, for tests: it starts a program, sends it bytes, and reads its replies.
//!
//! Nothing here shares code with the servers it tests, so a mistake in a server's parser cannot be
//! hidden by the same mistake in its tests. In the order in which a test meets them:
//!
//! - [`Program`] starts a server's binary on a free port and kills it when the test ends;
//! - [`Client`] is one TCP connection: it sends bytes, also slowly, and reads [`Reply`] after [`Reply`];
//! - [`request()`] writes a well-formed request, for the tests that are about something else;
//! - [`Script`] is the opposite of a client: a server with scripted responses;
//! - [`tables`] holds the rules of HTTP/1.1 as rows of bytes and expected statuses;
//! - the program `ladder` runs them against every chapter;
//! - [`environment`] keeps the user's proxies, settings and locale away from the programs that
//!   tests start;
//! - `broken_output` starts a server whose output cannot be written (Linux only);
//! - [`at_once`] and [`side_by_side`] run work in several threads;
//! - [`clients`] runs curl, Python and an imitation of a browser against a server;
//! - [`exercise`] is for the checks of the exercises, which report to `cargo xtask check-exercise`.
//!
//! Every wait has a deadline, and the error of a failed wait names the awaited event and shows the bytes
//! that had arrived. Nothing panics: functions return [`WireError`], whose `Debug` is made to be read after
//! an `unwrap`.
//!
//! ```no_run
//! use wire::{Client, Program};
//!
//! # fn main() -> Result<(), wire::WireError> {
//! let program = Program::start("target/debug/ch03_parser", &["127.0.0.1:0"])?;
//! let mut client = Client::connect(program.addr())?;
//! client.send(b"GET / HTTP/1.1\r\nHost: test\r\n\r\n")?;
//! assert_eq!(client.read_reply()?.status, 200);
//! # Ok(())
//! # }
//! ```

#[cfg(target_os = "linux")]
pub mod broken_output;
pub mod clients;
pub mod climb;
pub mod environment;
pub mod escape;
pub mod exercise;
pub mod tables;

mod client;
mod error;
mod output;
mod program;
mod reader;
mod reply;
mod request;
mod script;
mod signal;
mod socket;
mod threads;
mod transcript;

pub use client::{Client, PATIENCE};
pub use error::{Kind, WireError};
pub use program::Program;
pub use reply::{Framing, Reply};
pub use request::{get, request};
pub use script::Script;
pub use signal::Signal;
pub use threads::{at_once, side_by_side};
