//! The poller on macOS, Windows and the other systems that mio supports. mio uses kqueue, or I/O
//! completion ports on Windows.
//!
//! mio's events are edge-triggered, but the next event is guaranteed only after a read has returned
//! `WouldBlock`. (On Windows, mio requests one event at a time from the OS, and the next one only
//! in that read.) The engine stops reading when a read has not filled its buffer. So a socket is
//! armed after each step: if it is ready already, `reregister` makes mio report it at once,
//! including a FIN that arrived together with the last bytes.

use std::cell::RefCell;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use mio::event::{Event, Source};
use mio::{Events, Registry, Waker};

use super::contract::{Interest, Poll, Ready, Token};
use crate::core::stderr::log_stderr;
use crate::core::sync::lock;

/// The token of [`Poll::shutdown`], which is never reported.
const WAKE: mio::Token = mio::Token(usize::MAX);

/// A socket that can be registered with mio. On Windows, mio stores state in the registered socket
/// and needs `&mut`. The `RefCell` provides it, and because a `RefCell` is not `Sync`, no two
/// threads can borrow it at the same time.
pub trait Socket {
    /// Returns mio's socket.
    fn source(&self) -> &RefCell<dyn Source>;
}

/// A poller built on mio.
///
/// Several threads can wait on one epoll instance, but only one on a `mio::Poll`. So one thread is
/// the leader: it waits and takes a batch of events, and makes another thread the leader before it
/// handles them. The other threads sleep on a condition variable. The cost is one wake-up of a
/// thread for each batch.
#[derive(Debug)]
pub struct Portable {
    registry: Registry,
    waker: Waker,
    has_ended: AtomicBool,
    /// The leader's state, or `None` while a thread is the leader.
    lead: Mutex<Option<Lead>>,
    changed: Condvar,
}

/// The state that only the leader owns.
#[derive(Debug)]
struct Lead {
    poll: mio::Poll,
    events: Events,
}

impl Portable {
    /// Waits until this thread is the leader. Returns `None` once the time is up or the poller has
    /// been shut down.
    fn wait_to_lead(&self, until: Option<Instant>) -> Option<Lead> {
        let is_led =
            |lead: &mut Option<Lead>| lead.is_none() && !self.has_ended.load(Ordering::Acquire);
        let (lead, time) = (lock(&self.lead), left(until).unwrap_or(Duration::MAX));
        let waited = self.changed.wait_timeout_while(lead, time, is_led);
        waited.unwrap_or_else(PoisonError::into_inner).0.take()
    }
}

impl Lead {
    fn wait(&mut self, ready: &mut Ready, time: Option<Duration>) -> io::Result<()> {
        // The capacities have to be equal, because an event for which `ready` has no room would be
        // lost.
        if self.events.capacity() != ready.room() {
            self.events = Events::with_capacity(ready.room());
        }
        match self.poll.poll(&mut self.events, time) {
            Ok(()) => {
                let tokens = self.events.iter().map(Event::token);
                ready.set(tokens.filter(|token| *token != WAKE).map(|token| Token(token.0 as u64)));
                Ok(())
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(()),
            Err(error) => Err(error),
        }
    }
}

impl Poll for Portable {
    const EDGE_TRIGGERED: bool = false;

    type Socket = dyn Socket;

    fn new() -> io::Result<Portable> {
        let poll = mio::Poll::new()?;
        let registry = poll.registry().try_clone()?;
        let waker = Waker::new(&registry, WAKE)?;
        let lead = Lead { poll, events: Events::with_capacity(1) };
        Ok(Portable {
            registry,
            waker,
            has_ended: AtomicBool::new(false),
            lead: Mutex::new(Some(lead)),
            changed: Condvar::new(),
        })
    }

    fn add(&self, socket: &dyn Socket, token: Token, interest: Interest) -> io::Result<()> {
        let mut source = socket.source().borrow_mut();
        self.registry.register(&mut *source, mio_token(token)?, wanted(interest))
    }

    fn arm(&self, socket: &dyn Socket, token: Token, interest: Interest) -> io::Result<()> {
        let mut source = socket.source().borrow_mut();
        self.registry.reregister(&mut *source, mio_token(token)?, wanted(interest))
    }

    fn remove(&self, socket: &dyn Socket) -> io::Result<()> {
        self.registry.deregister(&mut *socket.source().borrow_mut())
    }

    fn wait(&self, ready: &mut Ready, time: Option<Duration>) -> io::Result<()> {
        ready.set(std::iter::empty());
        // A time that the clock cannot represent counts as no limit.
        let until = time.and_then(|time| Instant::now().checked_add(time));
        let Some(mut lead) = self.wait_to_lead(until) else { return Ok(()) };
        let has_ended = self.has_ended.load(Ordering::Acquire);
        let waited = lead.wait(ready, if has_ended { Some(Duration::ZERO) } else { left(until) });
        *lock(&self.lead) = Some(lead);
        self.changed.notify_one();
        waited
    }

    fn shutdown(&self) {
        let lead = lock(&self.lead);
        self.has_ended.store(true, Ordering::Release);
        // The first call wakes the leader, even if it is only about to wait; the second wakes the
        // other threads.
        let woken = self.waker.wake();
        self.changed.notify_all();
        drop(lead);
        if let Err(error) = woken {
            log_stderr(format_args!("waking the threads: {error}"));
        }
    }
}

fn left(until: Option<Instant>) -> Option<Duration> {
    until.map(|until| until.saturating_duration_since(Instant::now()))
}

/// Converts a token to mio's type, which is a `usize`.
fn mio_token(token: Token) -> io::Result<mio::Token> {
    let number = usize::try_from(token.0);
    number.map(mio::Token).map_err(|_| io::Error::other("the server needs a 64-bit processor"))
}

fn wanted(interest: Interest) -> mio::Interest {
    match interest {
        Interest::Read => mio::Interest::READABLE,
        Interest::Write => mio::Interest::WRITABLE,
    }
}
