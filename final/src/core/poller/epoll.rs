//! The poller on Linux: epoll(7), edge-triggered.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};
use rustix::event::{EventfdFlags, Timespec, eventfd};
use rustix::io::{Errno, write};

use super::contract::{Interest, Poll, Ready, Token};

impl Interest {
    fn flags(self) -> EventFlags {
        // Edge-triggered: epoll reports each change to ready once, to one thread. So no system call
        // is needed between two requests on a connection.
        let ready = match self {
            Interest::Read => EventFlags::IN | EventFlags::RDHUP,
            Interest::Write => EventFlags::OUT,
        };
        ready | EventFlags::ET
    }
}

/// The token of [`Poll::shutdown`], which is never reported.
const WAKE: u64 = u64::MAX;

/// The maximum number of events that one `epoll_wait(2)` returns.
const MAX_EVENTS: usize = 64;

/// An epoll instance, and an eventfd that wakes the threads that wait on it.
#[derive(Debug)]
pub struct Epoll {
    epoll: OwnedFd,
    wake: OwnedFd,
}

impl Poll for Epoll {
    const EDGE_TRIGGERED: bool = true;

    type Socket = dyn AsFd;

    fn new() -> io::Result<Epoll> {
        let epoll = epoll::create(CreateFlags::CLOEXEC)?;
        let wake = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        // The eventfd is level-triggered and never read, so every wait returns at once after the
        // first write to it.
        epoll::add(&epoll, &wake, EventData::new_u64(WAKE), EventFlags::IN)?;
        Ok(Epoll { epoll, wake })
    }

    fn add(&self, socket: &dyn AsFd, token: Token, interest: Interest) -> io::Result<()> {
        Ok(epoll::add(&self.epoll, socket, EventData::new_u64(token.0), interest.flags())?)
    }

    fn arm(&self, socket: &dyn AsFd, token: Token, interest: Interest) -> io::Result<()> {
        Ok(epoll::modify(&self.epoll, socket, EventData::new_u64(token.0), interest.flags())?)
    }

    fn remove(&self, socket: &dyn AsFd) -> io::Result<()> {
        Ok(epoll::delete(&self.epoll, socket)?)
    }

    fn wait(&self, ready: &mut Ready, time: Option<Duration>) -> io::Result<()> {
        let time = time.map(|time| Timespec {
            tv_sec: i64::try_from(time.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: time.subsec_nanos().into(),
        });
        let mut room = [MaybeUninit::uninit(); MAX_EVENTS];
        let room = &mut room[..ready.room().min(MAX_EVENTS)];
        let events = match epoll::wait(&self.epoll, room, time.as_ref()) {
            Ok((events, _)) => &*events,
            Err(Errno::INTR) => &[],
            Err(error) => return Err(error.into()),
        };
        // We duplicate the token at the end of a connection. A step stops after a short read, and
        // edge-triggered epoll reports nothing more, so with one token the step would miss a FIN
        // that arrived with the last bytes. The second token causes another read.
        let tokens = events.iter().flat_map(|event| {
            let (data, flags) = (event.data, event.flags);
            let is_end = flags.intersects(EventFlags::RDHUP | EventFlags::HUP | EventFlags::ERR);
            std::iter::repeat_n(data.u64(), if is_end { 2 } else { 1 })
        });
        ready.set(tokens.filter(|token| *token != WAKE).map(Token));
        Ok(())
    }

    fn shutdown(&self) {
        // The write fails only if the counter is full, and then the eventfd is ready as well.
        let _ = write(&self.wake, &1_u64.to_ne_bytes());
    }
}

/// Tests of the guarantees of epoll beyond the contract.
#[cfg(all(test, not(loom)))]
mod tests {
    use std::io::Write;

    use super::super::tests::{LONG, pair};
    use super::*;

    fn told(poller: &Epoll, time: Duration) -> Vec<u64> {
        let mut ready = Ready::with_capacity(8);
        poller.wait(&mut ready, Some(time)).unwrap();
        ready.tokens().map(|token| token.0).collect()
    }

    #[test]
    fn new_bytes_are_reported_and_unread_bytes_are_not() {
        let poller = Epoll::new().unwrap();
        let (mut client, server) = pair();
        poller.add(&server, Token(7), Interest::Read).unwrap();
        client.write_all(b"x").unwrap();
        assert_eq!(told(&poller, LONG), [7]);
        // The byte is still unread, but an edge-triggered poller does not report it again.
        assert_eq!(told(&poller, Duration::ZERO), [0; 0]);
        client.write_all(b"y").unwrap();
        assert_eq!(told(&poller, LONG), [7]);
    }

    #[test]
    fn the_end_is_reported_twice() {
        let poller = Epoll::new().unwrap();
        let (mut client, server) = pair();
        poller.add(&server, Token(2), Interest::Read).unwrap();
        client.write_all(b"the last bytes").unwrap();
        assert_eq!(told(&poller, LONG), [2]);
        drop(client);
        assert_eq!(told(&poller, LONG), [2, 2]);
    }
}
