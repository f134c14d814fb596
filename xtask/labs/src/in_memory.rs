//! A connection without a network: both ends are here, and bytes go from one to the other through the kernel.
//!
//! What happens at the server's end is [`Exchange::step`], as for any client. Around it nothing is real: the clock
//! moves only when a handler pretends to sleep, and the application is one of its own.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::sync::atomic::AtomicBool;
use std::thread;
use std::time::{Duration, Instant};

use httpserver::core::system::pair;
use httpserver::core::{Connection, Interest, MemoryBudget, UploadSlots};
use httpserver::http::Handler;
use httpserver::http::context::Context;
use httpserver::http::exchange::{AfterStep, Exchange, Scratch};
use httpserver::http::limits::{KIB, Limits};

use crate::endpoint::OUTPUT;
use crate::sandbox::Slept;

/// How long one input may take, in real time.
const PATIENCE: Duration = Duration::from_secs(2);

/// Bytes that are sent at once. They surely fit into the socket's buffer.
const PIECE: usize = 16 * KIB;

/// The two ends.
pub(crate) struct Wire {
    client: TcpStream,
    connection: Connection,
    exchange: Exchange,
    scratch: Scratch,
    handler: Box<dyn Handler>,
    limits: Limits,
    memory: MemoryBudget,
    start: Instant,
    until: Instant,
    slept: Slept,
    next: AfterStep,
    output: Vec<u8>,
    is_cut: bool,
}

impl Wire {
    /// A connection whose requests `handler` answers. `slept` counts the milliseconds that it has pretended to sleep.
    ///
    /// # Errors
    /// When the system has no more files.
    pub(crate) fn new(handler: Box<dyn Handler>, limits: Limits, slept: Slept) -> io::Result<Wire> {
        let (client, server) = pair()?;
        let start = Instant::now();
        Ok(Wire {
            client,
            connection: Connection::new(server, peer()),
            exchange: Exchange::default(),
            scratch: Scratch::default(),
            handler,
            limits,
            memory: MemoryBudget::default(),
            start,
            until: start + PATIENCE,
            slept,
            next: AfterStep::Wait(Interest::Read, start + limits.idle_time),
            output: Vec::new(),
            is_cut: false,
        })
    }

    /// Sends bytes, and lets the server do all that it does about them.
    ///
    /// # Errors
    /// What the server's end reports: it has closed then.
    pub(crate) fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        for piece in bytes.chunks(PIECE) {
            if !self.is_open() {
                break;
            }
            self.client.write_all(piece)?;
            self.wait_for(piece.len());
            self.give_turns()?;
        }
        Ok(())
    }

    /// Whether the server takes more.
    pub(crate) fn is_open(&self) -> bool {
        !self.is_cut && !self.exchange.is_closing() && self.next != AfterStep::End
    }

    /// Whether the server has more to say than is taken here.
    pub(crate) fn is_cut(&self) -> bool {
        self.is_cut
    }

    /// Whether it waits for a new request.
    pub(crate) fn is_idle(&self) -> bool {
        self.exchange.is_idle()
    }

    /// All that it has said.
    pub(crate) fn output(&self) -> &[u8] {
        &self.output
    }

    /// How long it waits, at most, for what it waits for. `None`: it has ended.
    pub(crate) fn patience(&self) -> Option<Duration> {
        match self.next {
            AfterStep::Wait(_, deadline)
            | AfterStep::More(deadline)
            | AfterStep::Queue { deadline, .. } => {
                Some(deadline.saturating_duration_since(self.now()))
            }
            AfterStep::End => None,
        }
    }

    /// Lets this time pass. Returns what the client is told then.
    ///
    /// # Errors
    /// As [`Wire::send`].
    pub(crate) fn time_out(&mut self) -> io::Result<Vec<u8>> {
        let before = self.output.len();
        if self.exchange.time_out(&self.connection) {
            self.give_turns()?;
        }
        Ok(self.output.split_off(before))
    }

    /// The invented clock.
    fn now(&self) -> Instant {
        time(self.start, &self.slept)
    }

    /// Turns, as the poller would give them, until the server waits for bytes that have not been sent.
    fn give_turns(&mut self) -> io::Result<()> {
        loop {
            if self.output.len() >= OUTPUT || Instant::now() >= self.until {
                self.output.truncate(OUTPUT);
                self.is_cut = true;
                return Ok(());
            }
            let (start, slept) = (self.start, &self.slept);
            let cx = Context {
                handler: self.handler.as_ref(),
                limits: &self.limits,
                memory: &self.memory,
                uploads: &UploadSlots::new(1),
                sheds_load: false,
                always: &[],
                is_stopping: &AtomicBool::new(false),
                peer: peer(),
                clock: &|| time(start, slept),
            };
            self.next = self.exchange.step(&mut self.connection, &mut self.scratch, cx)?;
            self.receive()?;
            match self.next {
                AfterStep::Wait(Interest::Read, _) | AfterStep::Queue { .. } => return Ok(()),
                AfterStep::Wait(..) | AfterStep::More(_) => {}
                AfterStep::End => return Ok(()),
            }
        }
    }

    /// Waits until so many bytes have arrived. On Linux they have when they are sent.
    fn wait_for(&self, count: usize) {
        let mut bytes = vec![0; count];
        loop {
            match self.connection.stream().peek(&mut bytes) {
                Ok(arrived) if arrived >= count => return,
                Err(error) if error.kind() != ErrorKind::WouldBlock => return,
                _ if Instant::now() >= self.until => return,
                _ => thread::yield_now(),
            }
        }
    }

    /// Takes what the server has said so far, if it is not too much.
    fn receive(&mut self) -> io::Result<()> {
        let room = (OUTPUT + 1).saturating_sub(self.output.len()) as u64;
        match Read::by_ref(&mut self.client).take(room).read_to_end(&mut self.output) {
            Ok(_) => Ok(()),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                Ok(())
            }
            Err(error) => Err(error),
        }
    }
}

fn time(start: Instant, slept: &Slept) -> Instant {
    start + Duration::from_millis(slept.milliseconds())
}

/// Where the requests seem to come from.
fn peer() -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, 50_000))
}
