//! The exchange of messages on one connection, without I/O. Its input is bytes, and its output is
//! bytes and deadlines.
//!
//! [`Exchange`] uses no socket, no clock and no thread. Its owner moves the bytes:
//!
//! 1. [`Exchange::receive`] takes bytes that have arrived.
//! 2. [`Exchange::process`] handles one request, and is called again until it needs more input.
//! 3. [`Exchange::output`] returns the bytes to send, and [`Exchange::output_sent`] decides what
//!    follows them.
//! 4. [`Exchange::deadline`] returns the time until which the client may send its next bytes, and
//!    [`Exchange::time_out`] ends the wait.
//!
//! `step.rs` has such an owner, with a socket.

use std::net::IpAddr;
use std::time::Instant;

use super::connection_state::ConnectionState;
use super::context::Context;
use super::expect::CONTINUE;
use super::handle::{call_handler, no_memory, request_timeout, response_context};
use super::input::Input;
use super::limits::KIB;
use super::output::Output;
use super::receive::Received;
use super::rejection::{self, Rejection};
use super::{HttpError, Status};
use crate::core::Interest;
use crate::core::memory_budget::Reservation;

/// The maximum number of bytes of responses that are collected before they are sent. It bounds the
/// memory of a connection.
const MAX_COLLECTED: usize = 64 * KIB;

/// The maximum number of bytes that are discarded during a lingering close. A client that sends
/// more is not about to stop.
const MAX_DISCARDED: usize = 16 * 1024 * KIB;

/// Buffers that a thread lends to the connection whose step it runs, so that a waiting connection
/// needs none.
#[derive(Debug, Default)]
pub struct Scratch {
    input: Vec<u8>,
    output: Vec<u8>,
}

/// The result of [`Exchange::process`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// No complete request has arrived. The output may be sent, and more input is needed.
    NeedsInput,
    /// A request was handled or rejected, and its response is in the output.
    Responded,
    /// A request is complete except for a large body. The owner has to send the output, and then to
    /// call [`Exchange::handle_large`].
    LargeBody,
}

/// The action after all output has been sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AfterOutput {
    /// Continue with the next request.
    NextRequest,
    /// Send FIN, and from then on discard the input: see [`Exchange::discard_input`].
    FinishWriting,
    /// Close the connection.
    Close,
}

/// The exchange on one connection: its requests and responses, one after the other.
#[derive(Default)]
pub struct Exchange {
    pub(super) state: ConnectionState,
    pub(super) input: Input,
    pub(super) output: Output,
    /// The address of the client whose request arrived last, if its header section was complete.
    pub(super) client: Option<IpAddr>,
    /// The number of requests that have had a response.
    pub(super) served: usize,
    /// The reservation for the memory that the connection keeps between two steps.
    memory: Reservation,
    /// The rejections since the last call to [`Exchange::take_rejections`].
    pub(super) rejections: Vec<Rejection>,
}

impl Exchange {
    /// Returns whether nothing is in progress, so that the connection may be closed at any time.
    pub fn is_idle(&self) -> bool {
        matches!(self.state, ConnectionState::Idle)
            && self.input.is_empty()
            && self.output.is_empty()
    }

    /// Returns whether a request on this connection has had a response.
    pub fn has_responded(&self) -> bool {
        self.served > 0
    }

    /// Returns whether the last response has been sent, so that input is discarded.
    pub fn is_closing(&self) -> bool {
        matches!(self.state, ConnectionState::Closing { .. })
    }

    /// Returns the address of the client whose request is in progress. Returns `None` before its
    /// header section is complete, because a trusted proxy reports the address in a field.
    pub fn client(&self) -> Option<IpAddr> {
        self.client
    }

    /// Returns the requests that were rejected since the last call, for the log and the metrics.
    pub fn take_rejections(&mut self) -> Vec<Rejection> {
        std::mem::take(&mut self.rejections)
    }

    /// Returns whether there are received bytes that have not been parsed.
    pub fn has_input(&self) -> bool {
        !self.input.is_empty()
    }

    /// Appends received bytes to the input.
    pub fn receive(&mut self, bytes: &[u8]) {
        self.input.spare(bytes.len()).extend_from_slice(bytes);
    }

    /// Handles the next request, if one has arrived.
    ///
    /// The caller has to send the output before the next call if [`Exchange::must_send`] returns
    /// true. After the last response is in the output, it must not call this function again.
    pub fn process(&mut self, cx: Context<'_>) -> Progress {
        // The result is matched by reference, because a match by value would copy the request once
        // more. That copy took 4 % of the time between the last byte of a request and the first
        // byte of its response.
        match &mut self.state.receive(&mut self.input, &mut self.client, cx) {
            Ok(Received::Incomplete) => Progress::NeedsInput,
            Ok(Received::AwaitsContinue) => {
                self.output.pending().extend_from_slice(CONTINUE);
                Progress::NeedsInput
            }
            Ok(Received::LargeBody) => Progress::LargeBody,
            Ok(Received::Request(request)) => {
                let response_cx = response_context(request);
                let mut response = call_handler(request, cx);
                let memory = self.reserve_response(request, &mut response, cx);
                self.respond(response_cx, &mut response, memory, true, cx);
                Progress::Responded
            }
            Err(error) => {
                let is_shed = error.status == Status::SERVICE_UNAVAILABLE;
                self.reject(if is_shed { rejection::NO_MEMORY } else { error.code }, error);
                Progress::Responded
            }
        }
    }

    /// Returns the output, with the bytes to send.
    pub fn output(&mut self) -> &mut Output {
        &mut self.output
    }

    /// Returns whether the output must be sent before the next request is handled: it contains the
    /// last response, a body follows it, or it has reached 64 KiB.
    pub fn must_send(&self) -> bool {
        matches!(self.state, ConnectionState::Flushing { .. })
            || self.output.has_body()
            || self.output.unsent().len() >= MAX_COLLECTED
    }

    /// Returns whether the connection must end with RST if it ends now: after a FIN, an incomplete
    /// close-delimited response would look complete (RFC 9112 section 8).
    pub fn must_reset(&self) -> bool {
        self.output.ends_with_connection()
    }

    /// Changes the state after all output has been sent.
    ///
    /// The last response is followed by a lingering close, unless the client has requested a close.
    /// close(2) on a socket with unread bytes sends RST, and the client's kernel may then drop the
    /// response before it has been read (RFC 9112 section 9.6). So FIN is sent first, and input is
    /// read until the client's FIN.
    pub fn output_sent(&mut self, cx: Context<'_>) -> AfterOutput {
        match self.state {
            ConnectionState::Flushing { linger: false } => AfterOutput::Close,
            ConnectionState::Flushing { linger: true } => {
                let deadline = (cx.clock)() + cx.limits.linger;
                self.state = ConnectionState::Closing { deadline, discarded: 0 };
                AfterOutput::FinishWriting
            }
            _ => AfterOutput::NextRequest,
        }
    }

    /// Drops the bytes received during a lingering close. Returns false when they exceed the limit.
    pub fn discard_input(&mut self) -> bool {
        let count = self.input.unparsed().len();
        self.input.clear();
        match &mut self.state {
            ConnectionState::Closing { discarded, .. } => {
                *discarded += count;
                *discarded <= MAX_DISCARDED
            }
            _ => true,
        }
    }

    /// Returns the time until which the connection may wait for its client. A deadline for a header
    /// section or a body does not move when bytes arrive. All other deadlines begin now.
    pub fn deadline(&self, interest: Interest, cx: Context<'_>) -> Instant {
        let (limits, now) = (cx.limits, cx.clock);
        match &self.state {
            _ if !self.output.is_empty() || interest == Interest::Write => {
                now() + limits.write_time
            }
            ConnectionState::Idle => now() + limits.idle_time,
            ConnectionState::HeaderSection { deadline, .. }
            | ConnectionState::Closing { deadline, .. } => *deadline,
            ConnectionState::Body(body) => body.deadline,
            ConnectionState::Flushing { .. } => now() + limits.linger,
        }
    }

    /// Ends a wait whose deadline has passed. Returns true if a response has to be sent before the
    /// end of the connection.
    pub fn time_out(&mut self) -> bool {
        if !self.output.is_empty() && !self.is_closing() {
            // A client that does not read would not read a 408 either.
            self.note_rejection("write_timeout", None);
            return false;
        }
        let part = match &self.state {
            ConnectionState::Body(body) if body.is_queued => {
                let message = "too many large bodies are being read; try again";
                let error = HttpError::new(Status::SERVICE_UNAVAILABLE, "overloaded", message);
                self.reject(rejection::NO_UPLOAD_SLOT, &error);
                return true;
            }
            ConnectionState::HeaderSection { .. } => "header section",
            ConnectionState::Body(_) => "body",
            ConnectionState::Idle
            | ConnectionState::Flushing { .. }
            | ConnectionState::Closing { .. } => return false,
        };
        let error = request_timeout(part);
        self.reject(error.code, &error);
        true
    }

    /// Reserves memory for the data that the connection keeps until its next step. If there is no
    /// memory for it, drops the data and returns false. Then the output is a 503, or empty if
    /// earlier responses had not been sent: a client that does not read them would not read a 503
    /// either, so the connection has to end.
    pub fn reserve_kept(&mut self, cx: Context<'_>) -> bool {
        let (input, output) = (self.input.unparsed().len(), self.output.unsent().len());
        if self.memory.resize(cx.memory, input + output + self.state.memory()).is_ok() {
            return true;
        }
        let error = no_memory();
        if self.output.is_empty() {
            self.reject(rejection::NO_MEMORY, &error);
        } else {
            self.note_rejection(rejection::NO_MEMORY, None);
            self.output = Output::default();
        }
        let _ = self.memory.resize(cx.memory, 0); // what is left is one short response
        false
    }

    fn note_rejection(&mut self, reason: &'static str, status: Option<Status>) {
        let (client, request) = (self.client, self.state.request_line(&self.input));
        self.rejections.push(Rejection { reason, status, client, request });
    }

    /// Rejects the request that is being received. The response is the last one on the connection.
    pub(super) fn reject(&mut self, reason: &'static str, error: &HttpError) {
        self.note_rejection(reason, Some(error.status));
        self.respond_with_rejection(error, self.state.is_head(&self.input));
    }

    /// Lends the buffers of a thread to this connection for one step.
    pub fn lend(&mut self, scratch: &mut Scratch) {
        self.input.lend(&mut scratch.input);
        self.output.lend(&mut scratch.output);
    }

    /// Returns the buffers after the step, and keeps a copy of their remaining contents.
    pub fn give_back(&mut self, scratch: &mut Scratch) {
        self.input.give_back(&mut scratch.input);
        self.output.give_back(&mut scratch.output);
    }
}
