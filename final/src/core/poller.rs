//! The kernel's list of ready sockets. The only file that knows epoll.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use rustix::buffer::spare_capacity;
use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};
use rustix::event::{EventfdFlags, Timespec, eventfd};
use rustix::io::{Errno, write};

/// What a socket waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Interest {
    /// Bytes from the peer, or its end, or a client at the door.
    Read,
    /// Room for more bytes to the peer.
    Write,
}

impl Interest {
    fn flags(self) -> EventFlags {
        // An edge: the kernel tells one thread each time that something comes, and not that something is still
        // there. So there is nothing to ask of it between two requests.
        let ready = match self {
            Interest::Read => EventFlags::IN | EventFlags::RDHUP,
            Interest::Write => EventFlags::OUT,
        };
        ready | EventFlags::ET
    }
}

/// A number that its owner has given to a socket, and that comes back when the socket is ready.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Token(pub u64);

/// Belongs to [`Poller::wake`] and is never told to anybody.
const WAKE: u64 = u64::MAX;

/// The list of sockets that wait, and of those that are ready.
///
/// What it promises: a socket's token is told once for everything that comes after the socket was
/// [added](Poller::add) or [armed](Poller::arm), and once if something is there when that is done. It may be told more
/// often than that. It is not told again of what somebody has left unread. So whoever is told reads until there is
/// nothing, or arms the socket.
#[derive(Debug)]
pub struct Poller {
    epoll: OwnedFd,
    wake: OwnedFd,
}

impl Poller {
    /// An empty list.
    ///
    /// # Errors
    /// When the kernel has no file for it.
    pub fn new() -> io::Result<Poller> {
        let epoll = epoll::create(CreateFlags::CLOEXEC)?;
        let wake = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        // Never read, so it stays ready for ever: from the first wake on nobody sleeps here again.
        epoll::add(&epoll, &wake, EventData::new_u64(WAKE), EventFlags::IN)?;
        Ok(Poller { epoll, wake })
    }

    /// Adds a socket that waits for `interest` from now on.
    ///
    /// # Errors
    /// When it is there already, or the kernel has no memory.
    pub fn add(&self, socket: impl AsFd, token: Token, interest: Interest) -> io::Result<()> {
        Ok(epoll::add(&self.epoll, socket, EventData::new_u64(token.0), interest.flags())?)
    }

    /// Lets a socket that is in the list wait for `interest`. If that is there already, it is told at once.
    ///
    /// # Errors
    /// When it is not there.
    pub fn arm(&self, socket: impl AsFd, token: Token, interest: Interest) -> io::Result<()> {
        Ok(epoll::modify(&self.epoll, socket, EventData::new_u64(token.0), interest.flags())?)
    }

    /// Takes a socket off the list. (One that is closed leaves it by itself.)
    ///
    /// # Errors
    /// When it is not there.
    pub fn remove(&self, socket: impl AsFd) -> io::Result<()> {
        Ok(epoll::delete(&self.epoll, socket)?)
    }

    /// Waits until sockets are ready, for at most `time`, and puts their tokens behind `ready`. As many as
    /// the spare capacity of `ready` holds, so that other threads get some too.
    ///
    /// # Errors
    /// What the kernel reports. A signal is no error: nothing is ready then.
    pub fn wait(&self, ready: &mut Ready, time: Option<Duration>) -> io::Result<()> {
        ready.events.clear();
        let time = time.map(|time| Timespec {
            tv_sec: i64::try_from(time.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: time.subsec_nanos().into(),
        });
        match epoll::wait(&self.epoll, spare_capacity(&mut ready.events), time.as_ref()) {
            Ok(_) | Err(Errno::INTR) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// From now on every wait returns at once: the end of the engine.
    pub fn wake_for_ever(&self) {
        // It fails only when the counter is full, and then it is ready as well.
        let _ = write(&self.wake, &1_u64.to_ne_bytes());
    }
}

/// Room for what is ready.
pub struct Ready {
    events: Vec<epoll::Event>,
}

impl Ready {
    /// Room for so many at a time.
    pub fn with_capacity(capacity: usize) -> Ready {
        Ready { events: Vec::with_capacity(capacity) }
    }

    /// The tokens of the sockets that are ready.
    ///
    /// The end of a connection is told twice. It may have come together with the last bytes. Who reads these gets fewer
    /// than there was room for, and takes that for "nothing more": the end would be noticed by nobody.
    pub fn tokens(&self) -> impl Iterator<Item = Token> + '_ {
        let tokens = self.events.iter().flat_map(|event| {
            let (data, flags) = (event.data, event.flags);
            let is_end = flags.intersects(EventFlags::RDHUP | EventFlags::HUP | EventFlags::ERR);
            std::iter::repeat_n(data.u64(), if is_end { 2 } else { 1 })
        });
        tokens.filter(|token| *token != WAKE).map(Token)
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::io::{Read, Write};
    use std::net::{TcpListener, TcpStream};

    use super::*;

    fn pair() -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        (client, listener.accept().unwrap().0)
    }

    fn ready(poller: &Poller, time: Duration) -> Vec<u64> {
        let mut ready = Ready::with_capacity(8);
        poller.wait(&mut ready, Some(time)).unwrap();
        ready.tokens().map(|token| token.0).collect()
    }

    const LONG: Duration = Duration::from_secs(20);
    const NONE: Duration = Duration::ZERO;

    #[test]
    fn a_socket_is_told_for_what_comes_and_not_for_what_is_there() {
        let poller = Poller::new().unwrap();
        let (mut client, server) = pair();
        poller.add(&server, Token(7), Interest::Read).unwrap();
        assert_eq!(ready(&poller, NONE), [0; 0]);
        client.write_all(b"x").unwrap();
        assert_eq!(ready(&poller, LONG), [7]);
        // The byte is still there, and nobody is told.
        assert_eq!(ready(&poller, NONE), [0; 0]);
        client.write_all(b"y").unwrap();
        assert_eq!(ready(&poller, LONG), [7]);
        poller.arm(&server, Token(8), Interest::Read).unwrap();
        assert_eq!(ready(&poller, LONG), [8]);
    }

    #[test]
    fn what_is_there_when_a_socket_is_added_is_told() {
        let poller = Poller::new().unwrap();
        let (mut client, server) = pair();
        client.write_all(b"x").unwrap();
        assert_eq!(server.peek(&mut [0]).unwrap(), 1);
        poller.add(&server, Token(3), Interest::Read).unwrap();
        assert_eq!(ready(&poller, LONG), [3]);
    }

    #[test]
    fn who_waits_for_room_does_not_hear_of_bytes() {
        let poller = Poller::new().unwrap();
        let (mut client, mut server) = pair();
        server.set_nonblocking(true).unwrap();
        let bytes = vec![0; 64 * 1024];
        while server.write(&bytes).is_ok() {}
        poller.add(&server, Token(1), Interest::Write).unwrap();
        client.write_all(b"x").unwrap();
        assert_eq!(ready(&poller, Duration::from_millis(20)), [0; 0]);
        poller.arm(&server, Token(1), Interest::Read).unwrap();
        assert_eq!(ready(&poller, LONG), [1]);
    }

    #[test]
    fn room_for_more_bytes_is_told_and_so_is_the_end() {
        let poller = Poller::new().unwrap();
        let (client, mut server) = pair();
        poller.add(&server, Token(1), Interest::Write).unwrap();
        assert_eq!(ready(&poller, LONG), [1]);
        poller.arm(&server, Token(2), Interest::Read).unwrap();
        drop(client);
        assert_eq!(ready(&poller, LONG), [2, 2], "the end is told twice");
        assert_eq!(server.read(&mut [0; 8]).unwrap(), 0);
    }

    #[test]
    fn a_socket_that_is_removed_or_closed_is_not_told_of() {
        let poller = Poller::new().unwrap();
        let (mut client, server) = pair();
        let (mut other_client, other) = pair();
        poller.add(&server, Token(1), Interest::Read).unwrap();
        poller.add(&other, Token(2), Interest::Read).unwrap();
        poller.remove(&server).unwrap();
        drop(other);
        client.write_all(b"x").unwrap();
        let _ = other_client.write_all(b"x");
        assert_eq!(ready(&poller, Duration::from_millis(20)), [0; 0]);
    }

    #[test]
    fn after_the_wake_nobody_sleeps_any_more() {
        let poller = Poller::new().unwrap();
        poller.wake_for_ever();
        for _ in 0..3 {
            let mut room = Ready::with_capacity(8);
            poller.wait(&mut room, None).unwrap();
            assert_eq!(room.tokens().count(), 0);
        }
    }
}
