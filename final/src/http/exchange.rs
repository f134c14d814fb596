//! THE TURNS of one connection: read what is there, handle what is complete, respond, and say what to wait
//! for next. Nothing in it waits, except handlers.

use std::io;
use std::sync::atomic::Ordering;
use std::time::Instant;

use super::body::{BodyDecoder, RequestBody};
use super::call::{expects_continue, is_shed, no_memory, respond, response_context};
use super::connection_state::{Body, ConnectionState};
use super::context::Context;
use super::encoder::{self, ResponseContext, Reuse};
use super::framing::BodyLength;
use super::incoming::{BodyEnd, Incoming};
use super::limits::KIB;
use super::output::{Flushed, Output};
use super::parser::{Head, HeadParser};
use super::rejection::{Rejection, first_line, request_line};
use super::{
    Headers, HttpError, IntoResponse, Method, Request, Response, ResponseBody, Status, Version,
    header,
};
use crate::core::memory_budget::{OverBudget, Reservation};
use crate::core::time_slice::TimeSlice;
use crate::core::upload_slots::UploadSlot;
use crate::core::{Connection, Fill, Interest};

/// Room for what is read at once, at least. A head of the largest size fits, with room for a body. With so much left
/// over, nothing is read.
const READ_SIZE: usize = 32 * KIB;

/// A thread's buffer that has grown beyond this, for heads of an unusual size, is not kept.
const MAX_KEPT_INPUT: usize = 4 * READ_SIZE;

/// Requests that are answered in one turn, at most. One client that sends thousands at once must not keep
/// the thread from all others.
const REQUESTS_A_TURN: usize = 32;

/// After so many requests of a turn the clock is asked whether it has taken long enough. Each time costs as much as a
/// tenth of a small request.
const ASKED_EVERY: usize = 4;

/// Answers that have collected so many bytes are sent before the next request is handled.
const COLLECTED: usize = 64 * KIB;

/// Bytes that are thrown away at the end of a connection, at most.
const DRAINED: usize = 16 * 1024 * KIB;

/// Why a request is rejected that the memory budget has no room for.
const NO_MEMORY: &str = "no_memory";

/// Why a request is rejected when every thread is in a handler.
const NO_THREAD: &str = "no_thread";

/// Why a large body is rejected that has waited in the queue for a slot.
const NO_UPLOAD_SLOT: &str = "no_upload_slot";

/// What a thread keeps from turn to turn: connections that wait have no buffer.
#[derive(Debug, Default)]
pub struct Scratch {
    buffer: Vec<u8>,
    output: Vec<u8>,
}

/// What a connection waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AfterStep {
    /// For the socket, until a point in time. All that had come was read.
    Wait(Interest, Instant),
    /// For its next turn: there may be more to read, and others are first.
    More(Instant),
    /// For a slot in which its large body is read, until a point in time. Nothing is read meanwhile, so the client has to
    /// wait, too. It is in the queue until [`Exchange::leave_queue`].
    Queue {
        /// The point in time.
        deadline: Instant,
        /// Whether it was not in the queue before.
        is_new: bool,
    },
    /// For nothing: it has ended.
    End,
}

/// The exchange of messages on one connection.
pub struct Exchange {
    state: ConnectionState,
    output: Output,
    served: usize,
    /// Whether the request that is being read asks with HEAD: if it is refused, that must not have a body.
    is_head: bool,
    /// For what the connection keeps between two steps.
    memory: Reservation,
    /// What has been rejected since [`Exchange::take_rejections`].
    rejections: Vec<Rejection>,
}

impl Default for Exchange {
    fn default() -> Exchange {
        let (output, memory) = (Output::default(), Reservation::default());
        Exchange {
            state: ConnectionState::Idle,
            output,
            served: 0,
            is_head: false,
            memory,
            rejections: Vec::new(),
        }
    }
}

/// What the bytes that are there have led to.
enum Progress {
    /// They are not enough.
    NeedMore,
    /// A request is complete.
    Request(Box<Request>),
    /// A request is complete but for its body, which is too large to be collected, and of which a first piece is there.
    Large,
    /// Nobody can go on with this client. With what is known of its request.
    Refused(HttpError, String),
}

impl Exchange {
    /// Whether the client has nothing under way, so that the connection may be ended at any time.
    pub fn is_idle(&self) -> bool {
        matches!(self.state, ConnectionState::Idle) && self.output.is_empty()
    }

    /// Whether a request of this connection has been answered.
    pub fn has_answered(&self) -> bool {
        self.served > 0
    }

    /// Whether the end has begun: nothing that matters is under way any more.
    pub fn is_closing(&self) -> bool {
        matches!(self.state, ConnectionState::Closing { .. })
    }

    /// The requests that were rejected since the last call, for the log and the metrics.
    pub fn take_rejections(&mut self) -> Vec<Rejection> {
        std::mem::take(&mut self.rejections)
    }

    /// The small answer that waits to be sent.
    pub fn unsent(&self) -> &[u8] {
        self.output.unsent()
    }

    /// The socket is ready: one turn.
    ///
    /// # Errors
    /// What the socket reports, or the source of an answer. The connection is of no more use.
    pub fn step(
        &mut self,
        connection: &mut Connection,
        scratch: &mut Scratch,
        cx: Context<'_>,
    ) -> io::Result<AfterStep> {
        self.output.lend(&mut scratch.output);
        let next = self.step_with(connection, &mut scratch.buffer, cx);
        if scratch.buffer.capacity() > MAX_KEPT_INPUT {
            scratch.buffer = Vec::new();
        }
        self.output.give_back(&mut scratch.output);
        match next? {
            AfterStep::End => Ok(AfterStep::End),
            next => Ok(self.count(connection, cx).unwrap_or(next)),
        }
    }

    /// Counts what the connection keeps until its next step. If there is no memory for it, a client that has nothing to
    /// read yet gets 503; one that does not read what there is would not read that either. Returns what is next then.
    fn count(&mut self, connection: &mut Connection, cx: Context<'_>) -> Option<AfterStep> {
        let kept = connection.leftover().len() + self.output.waiting() + self.state.memory();
        if self.memory.resize(cx.memory, kept).is_ok() {
            return None;
        }
        let error = no_memory(cx);
        let request = self.current_request(connection.leftover());
        if !self.output.is_empty() {
            self.rejections.push(Rejection { reason: NO_MEMORY, status: None, request });
            return Some(AfterStep::End);
        }
        self.reject(NO_MEMORY, &error, request);
        connection.keep(&[]);
        let _ = self.memory.resize(cx.memory, 0); // what is left is one short response
        Some(self.wait(Interest::Write, cx))
    }

    fn step_with(
        &mut self,
        connection: &mut Connection,
        buffer: &mut Vec<u8>,
        cx: Context<'_>,
    ) -> io::Result<AfterStep> {
        // 1. What is left of the last answer comes first: who does not read gets no more.
        let was_sending = !self.output.is_empty();
        if was_sending && let Some(next) = self.send(connection, cx)? {
            return Ok(next);
        }
        if let ConnectionState::Closing { .. } = self.state {
            return self.drain(connection, buffer, cx);
        }

        // 2. What was left over, and what has come. Requests that are here already go before more bytes: what does not fit
        // stays with the kernel, which tells the client to wait. So much is always a request, or one too large.
        connection.take_leftover(buffer);
        let mut eof = false;
        // Whether there may be more than has been read. Who reads fewer bytes than there was room for has read all.
        let mut more = true;
        let is_full = buffer.len() >= READ_SIZE.max(cx.limits.head) || self.is_due(cx);
        if !is_full && (!was_sending || buffer.is_empty()) {
            buffer.reserve(READ_SIZE);
            let room = buffer.capacity() - buffer.len();
            match connection.fill(buffer)? {
                Fill::Bytes(count) => more = count == room,
                Fill::Nothing => more = false,
                Fill::Eof => eof = true,
            }
        }

        // 3. One request after the other, as long as there are any.
        let (mut used, mut slice) = (0, TimeSlice::default());
        for count in 0.. {
            let is_over = count > 0 && count % ASKED_EVERY == 0 && slice.is_over(cx.clock);
            if count == REQUESTS_A_TURN || is_over {
                // The socket can surely be written to, so the next turn comes soon, behind the others.
                connection.keep(&buffer[used..]);
                let next = self.send(connection, cx)?;
                return Ok(next.unwrap_or(self.wait(Interest::Write, cx)));
            }
            match self.advance(buffer, &mut used, cx) {
                Progress::NeedMore => break,
                Progress::Request(mut request) => {
                    let response_cx = response_context(&request);
                    let mut response = respond(&mut request, cx);
                    let memory = self.reserve(&mut request, &mut response, cx);
                    self.answer(response_cx, &mut response, memory, cx, true);
                    // Who has asked for the end sends no more (RFC 9112 section 9.6).
                    let is_all = used == buffer.len() && !response_cx.keep_alive;
                    if let (ConnectionState::Flushing { linger, .. }, true) =
                        (&mut self.state, is_all)
                    {
                        *linger = false;
                    }
                }
                Progress::Large => {
                    // The answers before this one first: the handler will wait for the client.
                    if !self.output.is_empty()
                        && let Some(next) = self.send(connection, cx)?
                    {
                        return Ok(next);
                    }
                    let Some(slot) = self.slot(cx) else {
                        return Ok(self.wait_for_slot(cx));
                    };
                    let Some(rest) = self.serve_large(connection, slot, cx)? else {
                        return Ok(AfterStep::End);
                    };
                    *buffer = rest;
                    used = 0;
                    more = true;
                }
                Progress::Refused(error, request) => {
                    // What cannot be read has other statuses.
                    let is_shed = error.status == Status::SERVICE_UNAVAILABLE;
                    let reason = if is_shed { NO_MEMORY } else { error.code };
                    self.reject(reason, &error, request);
                }
            }
            let is_last = matches!(self.state, ConnectionState::Flushing { .. });
            if is_last {
                used = buffer.len(); // nothing that follows will be answered
            }
            if (is_last || self.output.has_rest() || self.output.waiting() >= COLLECTED)
                && let Some(next) = self.send(connection, cx)?
            {
                connection.keep(&buffer[used..]);
                return Ok(next);
            }
            if is_last {
                return self.drain(connection, buffer, cx);
            }
        }
        connection.keep(&buffer[used..]);

        // 4. All answers together, by one call.
        if !self.output.is_empty()
            && let Some(next) = self.send(connection, cx)?
        {
            return Ok(next);
        }
        if eof {
            return Ok(AfterStep::End);
        }
        let deadline = self.deadline(Interest::Read, cx);
        Ok(if more { AfterStep::More(deadline) } else { AfterStep::Wait(Interest::Read, deadline) })
    }

    /// The deadline has passed. Returns `true` if the client must still be told; the turn then goes on when
    /// the socket can be written to.
    pub fn time_out(&mut self, connection: &Connection) -> bool {
        let request = || self.current_request(connection.leftover());
        if !self.output.is_empty() && !self.is_closing() {
            // It does not even read what is there for it.
            let rejection = Rejection { reason: "write_timeout", status: None, request: request() };
            self.rejections.push(rejection);
            return false;
        }
        let part = match &self.state {
            ConnectionState::Body(body) if body.is_queued => {
                let message = "too many large bodies are being read; try again";
                let error = HttpError::new(Status::SERVICE_UNAVAILABLE, "overloaded", message);
                let request = request();
                self.reject(NO_UPLOAD_SLOT, &error, request);
                return true;
            }
            ConnectionState::Head { .. } => "head",
            ConnectionState::Body(_) => "body",
            ConnectionState::Idle
            | ConnectionState::Flushing { .. }
            | ConnectionState::Closing { .. } => return false,
        };
        let message = format!("the {part} of the request did not arrive in time");
        let error = HttpError::new(Status::REQUEST_TIMEOUT, "request_timeout", message);
        let request = request();
        self.reject(error.code, &error, request);
        true
    }

    /// Whether a large body waits for its handler.
    fn is_due(&self, cx: Context<'_>) -> bool {
        matches!(&self.state, ConnectionState::Body(body) if body.is_due(cx.limits))
    }

    /// The slot that the engine has brought, or one that is free and for which no body waits.
    fn slot(&mut self, cx: Context<'_>) -> Option<UploadSlot> {
        match &mut self.state {
            ConnectionState::Body(body) if body.slot.is_some() => body.slot.take(),
            ConnectionState::Body(body) if body.is_queued => None,
            _ => cx.uploads.take(cx.peer.ip()),
        }
    }

    /// All slots are taken, or other bodies wait for the next one.
    fn wait_for_slot(&mut self, cx: Context<'_>) -> AfterStep {
        let mut is_new = false;
        if let ConnectionState::Body(body) = &mut self.state
            && !body.is_queued
        {
            // The client is not late: from now on it waits for us.
            body.deadline = (cx.clock)() + cx.limits.body_time;
            (body.is_queued, is_new) = (true, true);
        }
        AfterStep::Queue { deadline: self.deadline(Interest::Read, cx), is_new }
    }

    /// The engine has taken it out of the queue, and brings a slot.
    pub fn leave_queue(&mut self, slot: UploadSlot) {
        if let ConnectionState::Body(body) = &mut self.state {
            body.is_queued = false;
            body.slot = Some(slot);
        }
    }

    /// What is waited for, and until when.
    fn wait(&self, interest: Interest, cx: Context<'_>) -> AfterStep {
        AfterStep::Wait(interest, self.deadline(interest, cx))
    }

    /// Until when that is waited for.
    fn deadline(&self, interest: Interest, cx: Context<'_>) -> Instant {
        let (limits, now) = (cx.limits, cx.clock);
        match &self.state {
            _ if !self.output.is_empty() || interest == Interest::Write => {
                now() + limits.write_time
            }
            ConnectionState::Idle => now() + limits.idle_time,
            ConnectionState::Head { deadline, .. } | ConnectionState::Closing { deadline, .. } => {
                *deadline
            }
            ConnectionState::Body(body) => body.deadline,
            ConnectionState::Flushing { .. } => now() + limits.linger,
        }
    }

    /// Sends what is there. `None`: all of it has been taken, and the exchange can go on.
    fn send(&mut self, connection: &Connection, cx: Context<'_>) -> io::Result<Option<AfterStep>> {
        // If the response is delimited by the close of the connection, an early FIN would make it look complete. So
        // until the response is sent, the connection ends with a reset, whatever closes it (RFC 9112 section 8).
        if let ConnectionState::Flushing { resets: resets @ false, .. } = &mut self.state
            && self.output.ends_with_connection()
        {
            connection.reset_on_close(true)?;
            *resets = true;
        }
        match self.output.flush(connection.stream(), cx.clock)? {
            Flushed::All => {}
            Flushed::Blocked | Flushed::Yield => {
                return Ok(Some(self.wait(Interest::Write, cx)));
            }
        }
        if let ConnectionState::Flushing { linger, resets } = self.state {
            if resets {
                connection.reset_on_close(false)?;
            }
            if !linger {
                return Ok(Some(AfterStep::End));
            }
            // close(2) on a socket with unread bytes makes the kernel send RST, and an RST may make the peer's
            // kernel throw away what its program has not yet read (RFC 9112 section 9.6). So: FIN, then read
            // what comes.
            connection.finish_writing()?;
            let deadline = (cx.clock)() + cx.limits.linger;
            self.state = ConnectionState::Closing { deadline, drained: 0 };
        }
        Ok(None)
    }

    /// Throws away what the client still sends, until its FIN.
    fn drain(
        &mut self,
        connection: &Connection,
        buffer: &mut Vec<u8>,
        cx: Context<'_>,
    ) -> io::Result<AfterStep> {
        let ConnectionState::Closing { drained, .. } = &mut self.state else {
            return Ok(AfterStep::End);
        };
        loop {
            buffer.clear();
            buffer.reserve(READ_SIZE);
            match connection.fill(buffer)? {
                Fill::Bytes(count) => *drained += count,
                Fill::Eof => return Ok(AfterStep::End),
                Fill::Nothing => return Ok(self.wait(Interest::Read, cx)),
            }
            if *drained > DRAINED {
                return Ok(AfterStep::End);
            }
        }
    }

    /// Goes on with what is in `buffer` behind `used`.
    fn advance(&mut self, buffer: &[u8], used: &mut usize, cx: Context<'_>) -> Progress {
        let start = *used;
        match self.try_advance(buffer, used, cx) {
            Ok(progress) => progress,
            Err(error) => Progress::Refused(error, self.current_request(&buffer[start..])),
        }
    }

    /// What is known of the request that is being read. `input`: what is buffered of it.
    fn current_request(&self, input: &[u8]) -> String {
        match &self.state {
            ConnectionState::Body(body) => request_line(&body.request),
            _ => first_line(input),
        }
    }

    fn try_advance(
        &mut self,
        buffer: &[u8],
        used: &mut usize,
        cx: Context<'_>,
    ) -> Result<Progress, HttpError> {
        let limits = cx.limits;
        if let ConnectionState::Idle = self.state {
            if buffer.len() == *used {
                return Ok(Progress::NeedMore);
            }
            let mut parser = HeadParser::new(limits);
            let pushed = parser.push(&buffer[*used..]);
            self.is_head = parser.is_head();
            if let Some(head) = pushed? {
                return self.begin_parsed(head, buffer, used, cx);
            }
            // One deadline for the whole head: a client that sends a byte now and then does not move it.
            let deadline = (cx.clock)() + limits.head_time;
            self.state = ConnectionState::Head { parser: Box::new(parser), deadline };
            return Ok(Progress::NeedMore);
        }
        if let ConnectionState::Head { parser, .. } = &mut self.state {
            let pushed = parser.push(&buffer[*used..]);
            self.is_head = parser.is_head();
            let Some(head) = pushed? else { return Ok(Progress::NeedMore) };
            self.state = ConnectionState::Idle;
            return self.begin_parsed(head, buffer, used, cx);
        }
        if let ConnectionState::Body(body) = &mut self.state {
            let come = &buffer[*used..];
            body.make_room(come.len(), limits, cx.memory).map_err(|OverBudget| no_memory(cx))?;
            *used += body.decoder.decode(come, &mut body.bytes)?;
            if !body.decoder.is_done() {
                let is_due = body.is_due(limits);
                return Ok(if is_due { Progress::Large } else { Progress::NeedMore });
            }
        }
        match std::mem::replace(&mut self.state, ConnectionState::Idle) {
            ConnectionState::Body(body) => {
                let Body { mut request, decoder, bytes, memory, .. } = *body;
                let bytes = RequestBody::collected(bytes, memory);
                request.complete(bytes, decoder.into_trailers(), cx.peer);
                Ok(Progress::Request(request))
            }
            state => {
                self.state = state;
                Ok(Progress::NeedMore)
            }
        }
    }

    /// A head that came in pieces is complete.
    fn begin_parsed(
        &mut self,
        (head, length): (Head, usize),
        buffer: &[u8],
        used: &mut usize,
        cx: Context<'_>,
    ) -> Result<Progress, HttpError> {
        *used += length;
        let request = Request::new(head, RequestBody::default(), Headers::new(), cx.peer);
        self.begin_body(Box::new(request), buffer, used, cx)
    }

    /// A head is complete. Before anything is read of the body: may it be sent at all?
    fn begin_body(
        &mut self,
        mut request: Box<Request>,
        buffer: &[u8],
        used: &mut usize,
        cx: Context<'_>,
    ) -> Result<Progress, HttpError> {
        self.is_head = request.method() == Method::Head;
        if request.head().body_length == BodyLength::Fixed(0) {
            expects_continue(request.head())?; // it may expect what cannot be met
            request.set_peer(cx.peer);
            return Ok(Progress::Request(request));
        }
        let mut decoder = BodyDecoder::new(request.head().body_length, cx.limits)?;
        // A client that asks first is told to go on, unless its body is on the way already.
        let expects = expects_continue(request.head())? && buffer.len() == *used;
        let mut bytes = Vec::new();
        *used += decoder.decode(&buffer[*used..], &mut bytes)?;
        if decoder.is_done() {
            request.complete(bytes.into(), decoder.into_trailers(), cx.peer);
            return Ok(Progress::Request(request));
        }
        let deadline = (cx.clock)() + cx.limits.body_time;
        let memory = Reservation::default();
        let is_queued = false;
        let mut body = Box::new(Body {
            request,
            decoder,
            bytes,
            memory,
            deadline,
            expects,
            is_queued,
            slot: None,
        });
        let capacity = body.bytes.capacity();
        body.memory.resize(cx.memory, capacity).map_err(|OverBudget| no_memory(cx))?;
        let is_due = body.is_due(cx.limits);
        // The handler of a large body may not want it. Its client gets our word when the handler begins to read.
        if expects && !is_due {
            body.expects = false;
            self.output.pending().extend_from_slice(b"HTTP/1.1 100 Continue\r\n\r\n");
        }
        self.state = ConnectionState::Body(body);
        Ok(if is_due { Progress::Large } else { Progress::NeedMore })
    }

    /// Lets the handler read a large body from the socket, and writes down its answer. Returns what has come behind the
    /// body, or `None` if there is nobody who could be answered.
    fn serve_large(
        &mut self,
        connection: &Connection,
        slot: UploadSlot,
        cx: Context<'_>,
    ) -> io::Result<Option<Vec<u8>>> {
        let ConnectionState::Body(body) = std::mem::replace(&mut self.state, ConnectionState::Idle)
        else {
            return Ok(Some(Vec::new()));
        };
        let Body { mut request, decoder, bytes, expects, .. } = *body;
        let (stream, time) = (connection.stream(), cx.limits.body_time);
        let memory = cx.memory.clone();
        let incoming = Incoming::new(stream, decoder, bytes, expects, time, slot, memory)?;
        let expects = incoming.expects();
        request.complete(RequestBody::from_incoming(incoming), Headers::new(), cx.peer);
        let response_cx = response_context(&request);
        let mut response = respond(&mut request, cx);
        expects.store(false, Ordering::Release); // the answer may be made of the body
        // A handler that has taken the body away has taken what tells where it ends.
        match request.body_mut().take_incoming().map_or(BodyEnd::Unread, Incoming::end) {
            BodyEnd::Whole(rest) => {
                let memory = self.reserve(&mut request, &mut response, cx);
                self.answer(response_cx, &mut response, memory, cx, true);
                return Ok(Some(rest));
            }
            BodyEnd::Unread => {
                let memory = self.reserve(&mut request, &mut response, cx);
                self.answer(response_cx, &mut response, memory, cx, false);
            }
            BodyEnd::Refused(error) => self.reject(error.code, &error, request_line(&request)),
            BodyEnd::NoMemory => self.reject(NO_MEMORY, &no_memory(cx), request_line(&request)),
            BodyEnd::Gone => return Ok(None),
        }
        Ok(Some(Vec::new()))
    }

    /// The reservation for a response until it has been sent. It begins with that of the request's body, since a response
    /// that is made of the body needs no more. If there is no memory, the response becomes a 503.
    fn reserve(
        &mut self,
        request: &mut Request,
        response: &mut Response,
        cx: Context<'_>,
    ) -> Reservation {
        let mut memory = request.body_mut().take_memory();
        let mut counted = memory.resize(cx.memory, encoder::memory(response));
        if let ResponseBody::Shared { bytes, .. } = response.body() {
            counted = counted.and_then(|()| bytes.count_in(cx.memory));
        }
        let reason = match counted {
            Err(OverBudget) => {
                let retry_after = 1u64.into();
                *response =
                    no_memory(cx).into_response().with_header(header::RETRY_AFTER, retry_after);
                NO_MEMORY
            }
            Ok(()) if is_shed(request, cx) => NO_THREAD,
            Ok(()) => return memory,
        };
        let (status, request) = (Some(response.status()), request_line(request));
        self.rejections.push(Rejection { reason, status, request });
        memory
    }

    /// Writes a response after those that wait.
    fn answer(
        &mut self,
        response_cx: ResponseContext,
        response: &mut Response,
        memory: Reservation,
        cx: Context<'_>,
        may_reuse: bool,
    ) {
        self.served += 1;
        let context = ResponseContext {
            version: response_cx.version,
            is_head: response_cx.is_head,
            keep_alive: may_reuse
                && response_cx.keep_alive
                && self.served < cx.limits.requests
                && !cx.is_stopping.load(Ordering::Acquire),
        };
        let (reuse, rest) = encoder::encode(response, context, self.output.pending());
        self.output.set_pending_body(rest, memory);
        if reuse == Reuse::No {
            self.state = ConnectionState::Flushing { linger: true, resets: false };
        }
    }

    /// Rejects a request, and notes it.
    fn reject(&mut self, reason: &'static str, error: &HttpError, request: String) {
        self.rejections.push(Rejection { reason, status: Some(error.status), request });
        self.refuse(error);
    }

    /// One answer to a client with which we cannot go on, then the end.
    pub fn refuse(&mut self, error: &HttpError) {
        let mut response = error.clone().into_response();
        if error.status == Status::SERVICE_UNAVAILABLE {
            response.headers_mut().set(header::RETRY_AFTER, 1u64.into());
        }
        let is_head = self.is_head;
        let context = ResponseContext { version: Version::Http11, is_head, keep_alive: false };
        let (_, rest) = encoder::encode(&mut response, context, self.output.pending());
        self.output.set_pending_body(rest, Reservation::default());
        self.state = ConnectionState::Flushing { linger: true, resets: false };
    }
}
