//! The standard library as the chapters see it in a page.
//!
//! The modules of the chapters are compiled with this crate under the name `std`, so `use std::net::TcpStream` in a
//! chapter means the type below. Everything else is the real standard library. Two things differ:
//!
//! - `net::TcpStream` is a connection that the page plays, because wasm32-wasip1 has no sockets.
//! - `panic::catch_unwind` lets the page catch the panic, because the standard library for this target aborts
//!   instead of unwinding.
//!
//! `SockRef` is for the chapters' `use socket2::SockRef`: the modules name this crate `socket2`, too.

#![cfg(target_family = "wasm")]

pub use std::*;

mod sock_ref;
mod tcp_stream;
mod trap;

pub use sock_ref::SockRef;

/// Like `std::net`, with a connection that the page simulates.
pub mod net {
    pub use std::net::*;

    pub use crate::tcp_stream::TcpStream;
}

/// Like `std::panic`, with a panic that the page catches.
pub mod panic {
    pub use std::panic::*;

    pub use crate::trap::catch_unwind;
}
