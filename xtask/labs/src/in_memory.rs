//! A connection without a network: both ends are in this process, and the kernel moves the bytes between them.
//!
//! The server's end runs [`Exchange::step`], the code that serves every connection. The rest is simulated: the clock
//! moves only when a handler pretends to sleep, and the application is a sandbox.

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

use crate::endpoint::MAX_OUTPUT;
use crate::sandbox::Slept;

/// The longest that one input is run, in real time.
const RUN_TIME: Duration = Duration::from_secs(2);

/// Bytes that are sent at once. They fit into the socket's buffer, so sending them never blocks.
const CHUNK: usize = 16 * KIB;

/// Both ends of a connection.
pub(crate) struct InMemoryConnection {
    client: TcpStream,
    server: Connection,
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
    is_truncated: bool,
}

impl InMemoryConnection {
    /// A connection whose requests go to `handler`. Its clock runs ahead of the start by the time in `slept`.
    ///
    /// # Errors
    /// When the process has no file descriptors left.
    pub(crate) fn new(
        handler: Box<dyn Handler>,
        limits: Limits,
        slept: Slept,
    ) -> io::Result<InMemoryConnection> {
        let (client, server) = pair()?;
        let start = Instant::now();
        Ok(InMemoryConnection {
            client,
            server: Connection::new(server, peer()),
            exchange: Exchange::default(),
            scratch: Scratch::default(),
            handler,
            limits,
            memory: MemoryBudget::default(),
            start,
            until: start + RUN_TIME,
            slept,
            next: AfterStep::Wait(Interest::Read, start + limits.idle_time),
            output: Vec::new(),
            is_truncated: false,
        })
    }

    /// Sends bytes to the server, and runs it until it waits for more.
    ///
    /// # Errors
    /// What the server's end reports. It has closed the connection then.
    pub(crate) fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        for chunk in bytes.chunks(CHUNK) {
            if !self.is_open() {
                break;
            }
            self.client.write_all(chunk)?;
            self.wait_until_arrived(chunk.len());
            self.run_server()?;
        }
        Ok(())
    }

    /// Whether the server reads more requests.
    pub(crate) fn is_open(&self) -> bool {
        !self.is_truncated && !self.exchange.is_closing() && self.next != AfterStep::End
    }

    /// Whether the server had more to send than this connection takes, or took too long.
    pub(crate) fn is_truncated(&self) -> bool {
        self.is_truncated
    }

    /// Whether the server waits for a new request.
    pub(crate) fn is_idle(&self) -> bool {
        self.exchange.is_idle()
    }

    /// All bytes that the server has sent.
    pub(crate) fn output(&self) -> &[u8] {
        &self.output
    }

    /// How long the server waits until it times out. `None` if it has closed the connection.
    pub(crate) fn timeout(&self) -> Option<Duration> {
        match self.next {
            AfterStep::Wait(_, deadline)
            | AfterStep::More(deadline)
            | AfterStep::Queue { deadline, .. } => {
                Some(deadline.saturating_duration_since(now(self.start, &self.slept)))
            }
            AfterStep::End => None,
        }
    }

    /// Lets the server time out. Returns the bytes that it sends then.
    ///
    /// # Errors
    /// As [`InMemoryConnection::send`].
    pub(crate) fn expire(&mut self) -> io::Result<Vec<u8>> {
        let before = self.output.len();
        if self.exchange.time_out(&self.server) {
            self.run_server()?;
        }
        Ok(self.output.split_off(before))
    }

    /// Runs the server's end, in the place of the poller, until it waits for bytes from the client.
    fn run_server(&mut self) -> io::Result<()> {
        loop {
            if self.output.len() >= MAX_OUTPUT || Instant::now() >= self.until {
                self.output.truncate(MAX_OUTPUT);
                self.is_truncated = true;
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
                clock: &|| now(start, slept),
            };
            self.next = self.exchange.step(&mut self.server, &mut self.scratch, cx)?;
            self.receive()?;
            match self.next {
                AfterStep::Wait(Interest::Read, _) | AfterStep::Queue { .. } | AfterStep::End => {
                    return Ok(());
                }
                AfterStep::Wait(..) | AfterStep::More(_) => {}
            }
        }
    }

    /// Waits until this many bytes have arrived at the server's end. On Linux they arrive before `write` returns.
    fn wait_until_arrived(&self, count: usize) {
        let mut bytes = vec![0; count];
        loop {
            match self.server.stream().peek(&mut bytes) {
                Ok(arrived) if arrived >= count => return,
                Err(error) if error.kind() != ErrorKind::WouldBlock => return,
                _ if Instant::now() >= self.until => return,
                _ => thread::yield_now(),
            }
        }
    }

    /// Reads what the server has sent, up to one byte more than the limit, which shows that there is more.
    fn receive(&mut self) -> io::Result<()> {
        let room = (MAX_OUTPUT + 1).saturating_sub(self.output.len()) as u64;
        match Read::by_ref(&mut self.client).take(room).read_to_end(&mut self.output) {
            Ok(_) => Ok(()),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                Ok(())
            }
            Err(error) => Err(error),
        }
    }
}

/// The time on the simulated clock.
fn now(start: Instant, slept: &Slept) -> Instant {
    start + Duration::from_millis(slept.milliseconds())
}

/// The address that requests seem to come from.
fn peer() -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, 50_000))
}
