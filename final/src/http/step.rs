//! One step of a connection: the work that is possible without waiting after its socket has become
//! ready. This is the only file of `http` that uses a socket. It moves bytes between the socket and
//! an [`Exchange`], which interprets them.

use std::io;
use std::time::Instant;

use super::context::Context;
use super::exchange::{AfterOutput, Exchange, Progress, Scratch};
use super::limits::{KIB, MIB};
use super::output::{Chunk, Output};
use crate::core::blocking_socket::BlockingSocket;
use crate::core::files;
use crate::core::system::{Stream, send, send_ahead, send_both, send_file};
use crate::core::time_slice::TimeSlice;
use crate::core::{Connection, Fill, Interest};

/// The room in the input buffer for one read, in bytes: more than the largest header section
/// allowed by default.
const READ_SIZE: usize = 32 * KIB;

/// The maximum number of requests on one connection that are handled in one step. A client that
/// sends thousands at once must not keep the thread from serving other clients.
const REQUESTS_PER_STEP: usize = 32;

/// The number of requests of a step after which the time slice is checked. One read of the clock
/// takes a tenth of the time of a small request.
const REQUESTS_PER_CLOCK_READ: usize = 4;

/// The maximum number of bytes sent in one step, for the same reason as [`REQUESTS_PER_STEP`].
const MAX_SENT_PER_STEP: u64 = MIB as u64;

/// The next action of a connection after a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AfterStep {
    /// Wait for the socket until a deadline. All bytes that had arrived have been read.
    Wait(Interest, Instant),
    /// Run another step after the steps of other connections, because there may be unread bytes in
    /// the receive buffer. If there are none, the connection waits for more until the deadline.
    More(Instant),
    /// Wait for a slot for the large body until a deadline. Nothing is read meanwhile, so the
    /// client has to wait, too. The connection is in the queue until [`Exchange::leave_queue`].
    Queue {
        /// The time at which the wait ends.
        deadline: Instant,
        /// Whether the connection has just joined the queue.
        is_new: bool,
    },
    /// Close the connection.
    End,
}

impl Exchange {
    /// Runs one step of a connection whose socket is ready.
    ///
    /// # Errors
    /// Returns the error from the socket, or from the source of a response. The connection must be
    /// closed.
    pub fn step(
        &mut self,
        connection: &mut Connection,
        scratch: &mut Scratch,
        cx: Context<'_>,
    ) -> io::Result<AfterStep> {
        self.lend(scratch);
        let slice = TimeSlice::default();
        let mut step =
            Step { exchange: self, connection, cx, handled: 0, slice, is_drained: false };
        let after = step.run();
        self.give_back(scratch);
        match after? {
            AfterStep::End => Ok(AfterStep::End),
            after if self.reserve_kept(cx) => Ok(after),
            _ if self.output().is_empty() => Ok(AfterStep::End),
            _ => Ok(AfterStep::Wait(Interest::Write, self.deadline(Interest::Write, cx))),
        }
    }
}

/// A step in progress. Each of its parts returns the event for which the connection waits if the
/// step ends there.
struct Step<'a> {
    exchange: &'a mut Exchange,
    connection: &'a mut Connection,
    cx: Context<'a>,
    handled: usize,
    slice: TimeSlice,
    /// Whether all bytes that had arrived have been read. The poller reports each readiness change
    /// only once, so a connection must not wait for an event before that.
    is_drained: bool,
}

impl Step<'_> {
    /// Runs the parts of the step in order. Responses are sent before requests are handled, so a
    /// client that does not read gets no more responses. Requests that have been read are handled
    /// before more bytes are read. The result is backpressure: unread bytes stay in the kernel's
    /// buffer, the TCP window closes, and the client has to wait.
    fn run(&mut self) -> io::Result<AfterStep> {
        if let Some(after) = self.resume_writing()? {
            return Ok(after);
        }
        if let Some(after) = self.process()? {
            return Ok(after);
        }
        let is_open = self.read()?;
        if let Some(after) = self.process()? {
            return Ok(after);
        }
        self.finish(is_open)
    }

    /// Sends the rest of the output of an earlier step.
    fn resume_writing(&mut self) -> io::Result<Option<AfterStep>> {
        if !self.exchange.output().is_empty()
            && let Some(after) = self.send()?
        {
            return Ok(Some(after));
        }
        if self.exchange.is_closing() { self.discard().map(Some) } else { Ok(None) }
    }

    /// Reads once. Returns false at the client's FIN. A read that does not fill the buffer has
    /// emptied the receive buffer of the socket.
    fn read(&mut self) -> io::Result<bool> {
        let buffer = self.exchange.input.spare(READ_SIZE);
        let room = buffer.capacity() - buffer.len();
        let filled = self.connection.fill(buffer)?;
        self.is_drained = filled != Fill::Bytes(room);
        Ok(filled != Fill::Eof)
    }

    /// Handles one request after another as long as there are any. Their responses are collected,
    /// so that one system call sends them.
    fn process(&mut self) -> io::Result<Option<AfterStep>> {
        while !self.is_over() {
            match self.exchange.process(self.cx) {
                Progress::NeedsInput => return Ok(None),
                Progress::Responded => {}
                Progress::LargeBody => {
                    if let Some(after) = self.handle_large_body()? {
                        return Ok(Some(after));
                    }
                }
            }
            self.handled += 1;
            if self.exchange.must_send()
                && let Some(after) = self.send()?
            {
                return Ok(Some(after));
            }
            if self.exchange.is_closing() {
                return self.discard().map(Some);
            }
        }
        // The step ends here in favor of other connections. The socket is usually writable, so the
        // poller reports it again soon.
        let after = self.send()?;
        Ok(Some(after.unwrap_or_else(|| self.wait(Interest::Write))))
    }

    /// Returns whether the time slice is over although there is more to do.
    fn is_over(&mut self) -> bool {
        let handled = self.handled;
        handled > 0
            && self.exchange.has_input()
            && (handled >= REQUESTS_PER_STEP
                || handled.is_multiple_of(REQUESTS_PER_CLOCK_READ)
                    && self.slice.is_over(self.cx.clock))
    }

    /// Calls a handler that reads a large body from the socket. The handler will wait for the
    /// client, which may wait for earlier responses, so those are sent first.
    fn handle_large_body(&mut self) -> io::Result<Option<AfterStep>> {
        if !self.exchange.output().is_empty()
            && let Some(after) = self.send()?
        {
            return Ok(Some(after));
        }
        let Some(slot) = self.exchange.upload_slot(self.cx) else {
            let is_new = self.exchange.join_queue(self.cx);
            let deadline = self.exchange.deadline(Interest::Read, self.cx);
            return Ok(Some(AfterStep::Queue { deadline, is_new }));
        };
        let source = match BlockingSocket::of(self.connection.stream()) {
            Err(error) if files::is_exhausted(&error) => {
                self.exchange.reject_large();
                return Ok(None);
            }
            source => Box::new(source?),
        };
        let is_connected = self.exchange.handle_large(source, slot, self.cx);
        self.is_drained = false;
        Ok(if is_connected { None } else { Some(AfterStep::End) })
    }

    /// Sends all responses, and returns what the connection does next.
    fn finish(&mut self, is_open: bool) -> io::Result<AfterStep> {
        if !self.exchange.output().is_empty()
            && let Some(after) = self.send()?
        {
            return Ok(after);
        }
        Ok(match self.wait(Interest::Read) {
            _ if !is_open => AfterStep::End,
            AfterStep::Wait(_, deadline) if !self.is_drained => AfterStep::More(deadline),
            after => after,
        })
    }

    /// Sends the output. Returns `None` if all of it was sent and the connection stays open, for
    /// the next request or for a lingering close.
    fn send(&mut self) -> io::Result<Option<AfterStep>> {
        // Until the output has been sent, any end of the connection sends a reset, whether an
        // error, a deadline or a panic causes it.
        self.connection.reset_on_close(self.exchange.must_reset())?;
        if !flush(self.exchange.output(), self.connection.stream(), self.cx.clock)? {
            return Ok(Some(self.wait(Interest::Write)));
        }
        self.connection.reset_on_close(false)?;
        match self.exchange.output_sent(self.cx) {
            AfterOutput::NextRequest => Ok(None),
            AfterOutput::Close => Ok(Some(AfterStep::End)),
            AfterOutput::FinishWriting => {
                self.connection.finish_writing()?;
                Ok(None)
            }
        }
    }

    /// Reads and discards the bytes that the client still sends, until its FIN.
    fn discard(&mut self) -> io::Result<AfterStep> {
        loop {
            match self.connection.fill(self.exchange.input.spare(READ_SIZE))? {
                Fill::Bytes(_) if self.exchange.discard_input() => {}
                Fill::Bytes(_) | Fill::Eof => return Ok(AfterStep::End),
                Fill::Nothing => return Ok(self.wait(Interest::Read)),
            }
        }
    }

    fn wait(&self, interest: Interest) -> AfterStep {
        AfterStep::Wait(interest, self.exchange.deadline(interest, self.cx))
    }
}

/// Sends as much as the kernel accepts, up to the bounds of one step. Returns whether this was all
/// output. A bound on the bytes is not enough, because compressing a mebibyte takes a hundred times
/// as long as copying it.
fn flush(output: &mut Output, stream: &Stream, clock: &dyn Fn() -> Instant) -> io::Result<bool> {
    let (mut total, mut slice) = (0, TimeSlice::default());
    while total == 0 || total < MAX_SENT_PER_STEP && !slice.is_over(clock) {
        let Some(chunk) = output.next_chunk()? else { return Ok(true) };
        match send_chunk(stream, chunk, MAX_SENT_PER_STEP - total) {
            Ok(count) => {
                total += count as u64;
                output.advance(count);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
            Err(error) => return Err(error),
        }
        if output.is_empty() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Sends a chunk with one system call, at most `most` bytes of a file. Returns the number of bytes
/// that the kernel has accepted.
fn send_chunk(stream: &Stream, chunk: Chunk<'_>, most: u64) -> io::Result<usize> {
    match chunk {
        Chunk::Bytes { first, has_more: true, .. } => send_ahead(stream, first),
        Chunk::Bytes { first, second: [], .. } => send(stream, first),
        Chunk::Bytes { first, second, .. } => send_both(stream, first, second),
        Chunk::File { file, mut at, length } => {
            match send_file(stream, file, &mut at, length.min(most))? {
                // The file has become shorter. Its old length has already been announced, so the
                // server can only report the error by closing the connection.
                0 => Err(io::ErrorKind::UnexpectedEof.into()),
                count => Ok(count),
            }
        }
    }
}
