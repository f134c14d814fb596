//! The calls that each system has in its own form, under the same names for all: on Linux those that do several
//! steps in one, elsewhere those that the standard library and mio have.
//!
//! Each call does one thing and says what came of it. That nothing is there or no room is left is the error
//! [`WouldBlock`](std::io::ErrorKind::WouldBlock), and a signal is [`Interrupted`](std::io::ErrorKind::Interrupted).

#[cfg(target_os = "linux")]
pub mod linux;
#[cfg(any(test, feature = "portable", not(target_os = "linux")))]
pub mod portable;

#[cfg(all(target_os = "linux", not(feature = "portable")))]
pub use linux::*;
#[cfg(any(feature = "portable", not(target_os = "linux")))]
pub use portable::*;
