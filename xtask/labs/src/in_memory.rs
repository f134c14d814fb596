//! A connection without a network and without a socket.
//!
//! [`Exchange`], the code that serves every connection, receives the bytes and produces the responses. The rest is
//! simulated: the clock advances only when a handler pretends to sleep, and the application is a sandbox.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use httpserver::core::{Interest, MemoryBudget, UploadSlots};
use httpserver::http::TrustedProxies;
use httpserver::http::context::Context;
use httpserver::http::exchange::{AfterOutput, Exchange, Progress};
use httpserver::http::limits::{Limits, MIB};
use httpserver::middleware::Chain;

use crate::sandbox::Slept;

/// The maximum number of bytes of responses in a report.
const MAX_OUTPUT: usize = MIB;

/// The maximum real time for one input.
const RUN_TIME: Duration = Duration::from_secs(2);

/// The server's end of a connection, and all that its client has received.
pub(crate) struct InMemoryConnection {
    exchange: Exchange,
    values: ContextValues,
    until: Instant,
    /// All bytes that the server has sent.
    pub(crate) output: Vec<u8>,
    is_closed: bool,
    /// Whether the server's output was cut, because it was too long or took too long.
    pub(crate) is_truncated: bool,
}

/// The values to which the exchange's context refers.
struct ContextValues {
    application: Chain,
    limits: Limits,
    memory: MemoryBudget,
    start: Instant,
    slept: Slept,
}

impl InMemoryConnection {
    /// A connection whose requests go to `application`. Its clock is ahead of the start by the time in `slept`.
    pub(crate) fn new(application: Chain, limits: Limits, slept: Slept) -> InMemoryConnection {
        let (start, memory) = (Instant::now(), MemoryBudget::default());
        // A handler that reads a body as it arrives would wait for bytes that are never sent.
        let limits = Limits { whole_body: limits.body, ..limits };
        InMemoryConnection {
            exchange: Exchange::default(),
            values: ContextValues { application, limits, memory, start, slept },
            until: start + RUN_TIME,
            output: Vec::new(),
            is_closed: false,
            is_truncated: false,
        }
    }

    /// Sends bytes to the server, and runs it until it waits for more.
    ///
    /// # Errors
    /// Returns the error of a response's source. The server then closes the connection.
    pub(crate) fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.exchange.receive(bytes);
        loop {
            let progress = self.values.lend(|cx| self.exchange.process(cx));
            self.take_output()?;
            match progress {
                Progress::Responded if self.is_open() => {}
                Progress::Responded | Progress::NeedsInput | Progress::LargeBody => return Ok(()),
            }
        }
    }

    /// Whether the server reads more requests.
    pub(crate) fn is_open(&self) -> bool {
        !self.is_truncated && !self.is_closed && !self.exchange.is_closing()
    }

    /// Whether the server waits for a new request.
    pub(crate) fn is_idle(&self) -> bool {
        self.exchange.is_idle()
    }

    /// How long the server waits until it times out. `None` if it has closed the connection.
    pub(crate) fn timeout(&self) -> Option<Duration> {
        let deadline = |cx: Context<'_>| self.exchange.deadline(Interest::Read, cx);
        let left = || self.values.lend(deadline).duration_since(self.values.now());
        (!self.is_closed).then(left)
    }

    /// Takes the server's output, up to the limit.
    fn take_output(&mut self) -> io::Result<()> {
        while self.exchange.output().take_chunk(&mut self.output)? {
            if self.output.len() > MAX_OUTPUT || Instant::now() >= self.until {
                self.output.truncate(MAX_OUTPUT);
                self.is_truncated = true;
                return Ok(());
            }
        }
        let after = self.values.lend(|cx| self.exchange.output_sent(cx));
        self.is_closed |= after == AfterOutput::Close;
        Ok(())
    }
}

impl ContextValues {
    fn lend<T>(&self, call: impl FnOnce(Context<'_>) -> T) -> T {
        call(Context {
            handler: &self.application,
            limits: &self.limits,
            memory: &self.memory,
            uploads: &UploadSlots::new(1),
            sheds_load: false,
            always: &[],
            is_stopping: &AtomicBool::new(false),
            peer: SocketAddr::from((Ipv4Addr::LOCALHOST, 50_000)),
            proxies: &TrustedProxies::default(),
            clock: &|| self.now(),
        })
    }

    /// The time on the simulated clock.
    fn now(&self) -> Instant {
        self.start + Duration::from_millis(self.slept.load(Ordering::Relaxed))
    }
}
