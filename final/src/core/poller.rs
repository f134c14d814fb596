//! Which sockets are ready: what the engine asks of a kernel, and what it may rely on.
//!
//! On Linux [`epoll`] answers, everywhere else [`portable`]. The engine is the same above both, so it relies
//! only on what [`Poll`] says, and the tests in `poller/contract.rs` hold both to it.

use std::io;
use std::time::Duration;

#[cfg(all(test, not(loom)))]
mod contract;
#[cfg(target_os = "linux")]
pub mod epoll;
#[cfg(any(test, feature = "portable", not(target_os = "linux")))]
pub mod portable;

/// The poller of this system.
#[cfg(all(target_os = "linux", not(feature = "portable")))]
pub type Poller = epoll::Epoll;
/// The poller of this system.
#[cfg(any(feature = "portable", not(target_os = "linux")))]
pub type Poller = portable::Portable;

/// What a socket waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Interest {
    /// Bytes from the peer, or its end, or a client at the door.
    Read,
    /// Room for more bytes to the peer.
    Write,
}

/// A number that its owner has given to a socket, and that comes back when the socket is ready.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Token(pub u64);

/// A list of sockets that wait, and of those that are ready. Many threads use it at the same time.
///
/// What it promises: a socket's token is told at least once for what is there when the socket is
/// [added](Poll::add) or [armed](Poll::arm), or else for what comes first after that. It may be told more often than
/// that, and to two threads. It is not told again of what somebody has left unread. So whoever is told reads until
/// there is nothing, or arms the socket.
pub trait Poll: Sized {
    /// Whether a socket that has been read until there is nothing is told for all that comes later, too. Where this
    /// is `false`, it must be armed to be told of anything.
    const TELLS_OF_MORE: bool;

    /// A socket, as far as the list looks at it.
    type Socket: ?Sized;

    /// An empty list.
    ///
    /// # Errors
    /// When the kernel has no file for it.
    fn new() -> io::Result<Self>;

    /// Adds a socket that waits for `interest` from now on.
    ///
    /// # Errors
    /// When the kernel has no memory.
    fn add(&self, socket: &Self::Socket, token: Token, interest: Interest) -> io::Result<()>;

    /// Lets a socket that is in the list wait for `interest`. If that is there already, it is told at once.
    ///
    /// # Errors
    /// When it is not there.
    fn arm(&self, socket: &Self::Socket, token: Token, interest: Interest) -> io::Result<()>;

    /// Takes a socket off the list. (One that is closed leaves it by itself.)
    ///
    /// # Errors
    /// When it is not there.
    fn remove(&self, socket: &Self::Socket) -> io::Result<()>;

    /// Waits until sockets are ready, for at most `time`, and puts their tokens into `ready`: as many as it has
    /// room for, so that other threads get some too.
    ///
    /// # Errors
    /// What the kernel reports. A signal is no error: nothing is ready then.
    fn wait(&self, ready: &mut Ready, time: Option<Duration>) -> io::Result<()>;

    /// From now on every wait returns at once: the end of the engine.
    fn wake_for_ever(&self);
}

/// Room for what is ready.
#[derive(Debug)]
pub struct Ready {
    tokens: Vec<Token>,
    room: usize,
}

impl Ready {
    /// Room for so many at a time.
    pub fn with_capacity(room: usize) -> Ready {
        // Some tokens are told twice.
        Ready { tokens: Vec::with_capacity(2 * room), room }
    }

    /// For how many sockets there is room.
    pub fn room(&self) -> usize {
        self.room
    }

    /// The tokens of the sockets that are ready.
    pub fn tokens(&self) -> impl Iterator<Item = Token> + '_ {
        self.tokens.iter().copied()
    }

    /// Puts these in the place of those before.
    fn set(&mut self, tokens: impl Iterator<Item = Token>) {
        self.tokens.clear();
        self.tokens.extend(tokens);
    }
}
