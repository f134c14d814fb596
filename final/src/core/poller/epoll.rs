//! Linux: the kernel's own list of ready sockets. The only file that knows epoll.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};
use rustix::event::{EventfdFlags, Timespec, eventfd};
use rustix::io::{Errno, write};

use super::{Interest, Poll, Ready, Token};

impl Interest {
    fn flags(self) -> EventFlags {
        // One shot: the kernel tells one thread, once. Nobody else hears of this socket until it is armed
        // again, so whoever was told owns it.
        let ready = match self {
            Interest::Read => EventFlags::IN | EventFlags::RDHUP,
            Interest::Write => EventFlags::OUT,
        };
        ready | EventFlags::ONESHOT
    }
}

/// Belongs to [`Poll::wake_for_ever`] and is never told to anybody.
const WAKE: u64 = u64::MAX;

/// Sockets that are told at a time, at most.
const MOST: usize = 64;

/// The list of sockets that wait, and of those that are ready. More than the contract asks for: each is told once.
#[derive(Debug)]
pub struct Epoll {
    epoll: OwnedFd,
    wake: OwnedFd,
}

impl Poll for Epoll {
    type Socket = dyn AsFd;

    fn new() -> io::Result<Epoll> {
        let epoll = epoll::create(CreateFlags::CLOEXEC)?;
        let wake = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        // Never read, so it stays ready for ever: from the first wake on nobody sleeps here again.
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
        let mut room = [MaybeUninit::uninit(); MOST];
        let room = &mut room[..ready.room().min(MOST)];
        let events = match epoll::wait(&self.epoll, room, time.as_ref()) {
            Ok((events, _)) => &*events,
            Err(Errno::INTR) => &[],
            Err(error) => return Err(error.into()),
        };
        let tokens = events.iter().map(|event| {
            let event = *event;
            event.data.u64()
        });
        ready.set(tokens.filter(|token| *token != WAKE).map(Token));
        Ok(())
    }

    fn wake_for_ever(&self) {
        // It fails only when the counter is full, and then it is ready as well.
        let _ = write(&self.wake, &1_u64.to_ne_bytes());
    }
}
