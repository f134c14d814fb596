//! The contract between the engine and the kernel.

use std::io;
use std::time::Duration;

/// The kind of readiness for which a socket is registered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Interest {
    /// The peer has sent bytes or closed its end; for a listening socket, a client can be accepted.
    Read,
    /// The send buffer has room.
    Write,
}

/// The number under which a socket is registered, and which its events contain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Token(pub u64);

/// A set of registered sockets whose readiness it reports. Many threads can wait for events of one
/// poller at the same time.
///
/// The contract: After a socket is [added](Poll::add) or [armed](Poll::arm), readiness is reported
/// at least once, whether the socket is ready already or becomes so. It may be reported more than
/// once, and to more than one thread. It is not reported again for bytes that are left unread. So
/// after an event, a thread has to read until `WouldBlock` or arm the socket.
pub trait Poll: Sized {
    /// Whether each change to ready is reported without arming the socket again, once it has been
    /// read until `WouldBlock`. Where this is `false`, a socket must be armed after each event.
    const EDGE_TRIGGERED: bool;

    /// The type of sockets that the poller accepts.
    type Socket: ?Sized;

    /// Creates a poller without sockets.
    fn new() -> io::Result<Self>;

    /// Registers a socket for `interest`.
    fn add(&self, socket: &Self::Socket, token: Token, interest: Interest) -> io::Result<()>;

    /// Registers an added socket again, for `interest`. If the socket is ready already, its
    /// readiness is reported.
    fn arm(&self, socket: &Self::Socket, token: Token, interest: Interest) -> io::Result<()>;

    /// Removes a socket. Closing the socket does the same, but with epoll only once all its
    /// duplicates (dup(2)) are closed too.
    fn remove(&self, socket: &Self::Socket) -> io::Result<()>;

    /// Waits until sockets are ready, for at most `time`, and replaces the contents of `ready` with
    /// their tokens. One call returns no more events than `ready` has room for; the other events
    /// are left for other threads.
    ///
    /// # Errors
    /// Returns the error from the kernel. After a signal, the result is `Ok` without tokens.
    fn wait(&self, ready: &mut Ready, time: Option<Duration>) -> io::Result<()>;

    /// Wakes all threads that wait. Every later wait returns at once.
    fn shutdown(&self);
}

/// A buffer for the tokens of ready sockets.
#[derive(Debug)]
pub struct Ready {
    tokens: Vec<Token>,
    room: usize,
}

impl Ready {
    /// Creates a buffer with room for `room` events.
    pub fn with_capacity(room: usize) -> Ready {
        // Room for two tokens per event, because `epoll.rs` reports the end of a connection twice.
        Ready { tokens: Vec::with_capacity(2 * room), room }
    }

    /// Returns the maximum number of events that one wait returns.
    pub fn room(&self) -> usize {
        self.room
    }

    /// Returns the tokens of the sockets that are ready.
    pub fn tokens(&self) -> impl Iterator<Item = Token> + '_ {
        self.tokens.iter().copied()
    }

    pub(super) fn set(&mut self, tokens: impl Iterator<Item = Token>) {
        self.tokens.clear();
        self.tokens.extend(tokens);
    }
}
