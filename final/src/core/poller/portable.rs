//! macOS and Windows, and every other system that mio knows: kqueue there, completion ports made to look alike here.
//!
//! mio is *edge-triggered*, as the list of Linux is here: it tells of a socket when something comes. But it promises
//! that of a socket only when a read before has found nothing (on Windows it has to see that, since it asks the system
//! for one event at a time), and the engine is content with a read that did not fill its room. So a socket is armed
//! after each turn. Arming is `reregister`, which looks at the socket and tells at once if it is ready already. Nobody
//! has to read until nothing is left, and an end that came together with the last bytes is told then.

use std::cell::RefCell;
use std::fmt;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use mio::event::{Event, Source};
use mio::{Events, Registry, Waker};

use super::{Interest, Poll, Ready, Token};
use crate::core::stderr::log_stderr;

/// Belongs to [`Poll::shutdown`] and is never told to anybody.
const WAKE: mio::Token = mio::Token(usize::MAX);

/// A socket that mio can have in its list. On Windows it keeps notes in the socket while it does, so it wants to
/// change it. The cell allows that, and shows the compiler that no two threads do it at the same time.
pub trait Socket {
    /// What mio changes.
    fn source(&self) -> &RefCell<dyn Source>;
}

/// The list of sockets that wait, and of those that are ready.
///
/// Epoll wakes as many threads as there are sockets, by itself. mio lets one thread wait, so there is a leader: it
/// waits, takes what it has room for, and before it begins to work it lets the next one lead. The others sleep on
/// the condition variable. The price is a wake-up between threads for each batch, whether there is more to do or not.
pub struct Portable {
    registry: Registry,
    waker: Waker,
    has_ended: AtomicBool,
    /// Not there while somebody leads.
    lead: Mutex<Option<Lead>>,
    changed: Condvar,
}

/// What the leader has and the others have not.
struct Lead {
    poll: mio::Poll,
    events: Events,
}

impl Portable {
    fn lock(&self) -> MutexGuard<'_, Option<Lead>> {
        self.lead.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until this thread leads. `None`: somebody else leads, and time is up or the end has come.
    fn wait_to_lead(&self, until: Option<Instant>) -> Option<Lead> {
        let mut lead = self.lock();
        loop {
            // First of all: who was told that the lead is free must not go away without it.
            if let Some(lead) = lead.take() {
                return Some(lead);
            }
            if self.has_ended.load(Ordering::Acquire) {
                return None;
            }
            lead = match left(until) {
                None => self.changed.wait(lead).unwrap_or_else(PoisonError::into_inner),
                Some(Duration::ZERO) => return None,
                Some(left) => {
                    let waited = self.changed.wait_timeout(lead, left);
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
    }
}

impl Lead {
    fn wait(&mut self, ready: &mut Ready, time: Option<Duration>) -> io::Result<()> {
        // What is told and finds no room would be lost.
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
        self.registry.register(&mut *source, number(token)?, wanted(interest))
    }

    fn arm(&self, socket: &dyn Socket, token: Token, interest: Interest) -> io::Result<()> {
        let mut source = socket.source().borrow_mut();
        self.registry.reregister(&mut *source, number(token)?, wanted(interest))
    }

    fn remove(&self, socket: &dyn Socket) -> io::Result<()> {
        self.registry.deregister(&mut *socket.source().borrow_mut())
    }

    fn wait(&self, ready: &mut Ready, time: Option<Duration>) -> io::Result<()> {
        ready.set(std::iter::empty());
        // Too far in the future for the clock is as good as never.
        let until = time.and_then(|time| Instant::now().checked_add(time));
        let Some(mut lead) = self.wait_to_lead(until) else { return Ok(()) };
        let has_ended = self.has_ended.load(Ordering::Acquire);
        let waited = lead.wait(ready, if has_ended { Some(Duration::ZERO) } else { left(until) });
        *self.lock() = Some(lead);
        self.changed.notify_one();
        waited
    }

    fn shutdown(&self) {
        let lead = self.lock();
        self.has_ended.store(true, Ordering::Release);
        // The leader hears this, also if it is only about to wait, and the others hear that.
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

/// mio's numbers are as large as the processor's.
fn number(token: Token) -> io::Result<mio::Token> {
    let number = usize::try_from(token.0);
    number.map(mio::Token).map_err(|_| io::Error::other("the server needs a 64-bit processor"))
}

fn wanted(interest: Interest) -> mio::Interest {
    match interest {
        Interest::Read => mio::Interest::READABLE,
        Interest::Write => mio::Interest::WRITABLE,
    }
}

impl fmt::Debug for Portable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Portable").field("has_ended", &self.has_ended).finish_non_exhaustive()
    }
}
