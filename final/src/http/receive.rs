//! RECEIVE: from the bytes of a connection to a request. Nothing here waits: where bytes are missing, the state remembers
//! how far it got.

use super::body::{BodyDecoder, RequestBody};
use super::connection_state::{ConnectionState, IncompleteBody};
use super::context::Context;
use super::expect::expects_continue;
use super::framing::BodyLength;
use super::handle::no_memory;
use super::input::Input;
use super::parser::{Head, HeadParser};
use super::{Headers, HttpError, Request};
use crate::core::memory_budget::{OverBudget, Reservation};

/// What the bytes that have arrived amount to. It lives for one call, so a request in it is not boxed: without the
/// allocation, a browser's request takes 5 % less time between its last byte read and its first byte sent.
#[expect(clippy::large_enum_variant, reason = "see above")]
pub(super) enum Received {
    /// The request is incomplete.
    Incomplete,
    /// The request is incomplete, and its client sends the body only after `100 Continue`.
    AwaitsContinue,
    /// The request is complete.
    Request(Request),
    /// The request is complete but for a large body, which its handler reads from the connection.
    LargeBody,
}

impl ConnectionState {
    /// Takes the next request off the input, as far as it has arrived.
    ///
    /// # Errors
    /// The status with which the request is rejected. The input still holds what this call was given of it, and no later
    /// request can be found in it.
    pub(super) fn receive(
        &mut self,
        input: &mut Input,
        cx: Context<'_>,
    ) -> Result<Received, HttpError> {
        match self {
            ConnectionState::Idle if input.is_empty() => Ok(Received::Incomplete),
            ConnectionState::Idle => {
                // Nearly always all of a header section has arrived, and then nothing has to be remembered of it.
                let mut parser = HeadParser::new(cx.limits);
                match parser.push(input.unparsed()) {
                    Ok(Some((head, length))) => self.begin_body(head, length, input, cx),
                    Ok(None) => {
                        // One deadline for all of it: a client that sends a byte now and then does not move it.
                        let deadline = (cx.clock)() + cx.limits.head_time;
                        let parser = Box::new(parser);
                        *self = ConnectionState::HeaderSection { parser, deadline };
                        Ok(Received::Incomplete)
                    }
                    Err(error) => Err(error.into()),
                }
            }
            ConnectionState::HeaderSection { parser, .. } => {
                // Its bytes stay in the input until it is complete.
                let Some((head, length)) = parser.push(input.unparsed())? else {
                    return Ok(Received::Incomplete);
                };
                *self = ConnectionState::Idle;
                self.begin_body(head, length, input, cx)
            }
            ConnectionState::Body(_) => self.receive_body(input, cx),
            ConnectionState::Flushing { .. } | ConnectionState::Closing { .. } => {
                Ok(Received::Incomplete)
            }
        }
    }

    /// The header section is complete, and takes up `length` bytes of the input. Whether the body is allowed at all is
    /// decided before its bytes are read.
    fn begin_body(
        &mut self,
        head: Head,
        length: usize,
        input: &mut Input,
        cx: Context<'_>,
    ) -> Result<Received, HttpError> {
        let (body_length, expects) = (head.body_length, expects_continue(&head)?);
        let mut request = Request::new(head, RequestBody::default(), Headers::new(), cx.peer);
        if body_length == BodyLength::Fixed(0) {
            input.advance(length);
            return Ok(Received::Request(request));
        }
        let mut decoder = BodyDecoder::new(body_length, cx.limits)?;
        let arrived = &input.unparsed()[length..];
        // No `100 Continue` for a client that has begun to send the body without it.
        let expects = expects && arrived.is_empty();
        let mut bytes = Vec::new();
        let used = decoder.decode(arrived, &mut bytes)?;
        if decoder.is_done() {
            input.advance(length + used);
            request.complete(bytes.into(), decoder.into_trailers(), cx.peer);
            return Ok(Received::Request(request));
        }
        let mut memory = Reservation::default();
        memory.resize(cx.memory, bytes.capacity()).map_err(|OverBudget| no_memory(cx))?;
        input.advance(length + used);
        let mut body = Box::new(IncompleteBody {
            request,
            decoder,
            bytes,
            memory,
            deadline: (cx.clock)() + cx.limits.body_time,
            expects,
            is_queued: false,
            slot: None,
        });
        let received = if body.is_due(cx.limits) {
            // Its handler may not want it, so `100 Continue` is sent when the handler begins to read.
            Received::LargeBody
        } else if std::mem::take(&mut body.expects) {
            Received::AwaitsContinue
        } else {
            Received::Incomplete
        };
        *self = ConnectionState::Body(body);
        Ok(received)
    }

    /// More of a body has arrived.
    fn receive_body(&mut self, input: &mut Input, cx: Context<'_>) -> Result<Received, HttpError> {
        let ConnectionState::Body(body) = self else { return Ok(Received::Incomplete) };
        let arrived = input.unparsed();
        let room = body.make_room(arrived.len(), cx.limits, cx.memory);
        room.map_err(|OverBudget| no_memory(cx))?;
        let used = body.decoder.decode(arrived, &mut body.bytes)?;
        input.advance(used);
        if !body.decoder.is_done() {
            let is_due = body.is_due(cx.limits);
            return Ok(if is_due { Received::LargeBody } else { Received::Incomplete });
        }
        match std::mem::take(self) {
            ConnectionState::Body(body) => Ok(Received::Request(body.into_request(cx.peer))),
            _ => Ok(Received::Incomplete),
        }
    }
}
