//! Large bodies: requests whose handler reads the body while it arrives, and the slots that limit
//! their number.

use std::sync::atomic::Ordering;

use super::body::RequestBody;
use super::connection_state::{ConnectionState, IncompleteBody};
use super::context::Context;
use super::exchange::Exchange;
use super::handle::{call_handler, no_memory, request_timeout, response_context};
use super::incoming::{BodySource, Incoming, IncomingError};
use super::rejection::{self, Rejection};
use super::{Headers, HttpError, Status};
use crate::core::upload_slots::UploadSlot;

impl Exchange {
    /// Returns a slot for the large body: the slot that the engine has taken for it, or a free one
    /// if no other body waits.
    pub fn upload_slot(&mut self, cx: Context<'_>) -> Option<UploadSlot> {
        match &mut self.state {
            ConnectionState::Body(body) if body.slot.is_some() => body.slot.take(),
            ConnectionState::Body(body) if body.is_queued => None,
            _ => cx.uploads.take(self.client.unwrap_or(cx.peer.ip())),
        }
    }

    /// Queues the connection, because there is no slot. Returns false if it is already in the
    /// queue. The deadline restarts, because from now on the client waits for the server.
    pub fn join_queue(&mut self, cx: Context<'_>) -> bool {
        match &mut self.state {
            ConnectionState::Body(body) if !body.is_queued => {
                body.deadline = (cx.clock)() + cx.limits.body_time;
                body.is_queued = true;
                true
            }
            _ => false,
        }
    }

    /// Records that the owner of the queue has taken the connection out of it, with a slot for its
    /// body.
    pub fn leave_queue(&mut self, slot: UploadSlot) {
        if let ConnectionState::Body(body) = &mut self.state {
            body.is_queued = false;
            body.slot = Some(slot);
        }
    }

    /// Rejects the large body, because no file descriptor is left for the source of its remainder.
    pub fn reject_large(&mut self) {
        let message = "the server has too many open files; try again";
        let error = HttpError::new(Status::SERVICE_UNAVAILABLE, "overloaded", message);
        self.reject(rejection::NO_DESCRIPTOR, &error);
    }

    /// Calls the handler, which reads the remainder of the body from `source`, and appends its
    /// response to the output. Returns false if the client has disconnected, so the connection has
    /// to end.
    pub fn handle_large(
        &mut self,
        source: Box<dyn BodySource>,
        slot: UploadSlot,
        cx: Context<'_>,
    ) -> bool {
        let ConnectionState::Body(body) = std::mem::take(&mut self.state) else { return true };
        let IncompleteBody { mut request, decoder, bytes, expects, .. } = *body;
        let (time, budget) = (cx.limits.body_time, cx.memory.clone());
        let incoming = Incoming::new(source, decoder, bytes, expects, time, slot, budget);
        let expects = incoming.expects();
        request.complete(RequestBody::from_incoming(incoming), Headers::new());
        let response_cx = response_context(&request);
        let mut response = call_handler(&mut request, cx);
        // The response may be generated from the body, and no `100 Continue` may appear within it.
        expects.store(false, Ordering::Release);
        // If the handler has moved the body out of the request, the end of the body is unknown.
        let rest = request.body_mut().take_incoming().map_or(Ok(None), Incoming::end);
        // If the body cannot be read, the response says so, whatever the handler has returned.
        let (reason, error) = match rest {
            Ok(rest) => {
                let is_read = rest.is_some();
                self.input.replace(rest.unwrap_or_default());
                let memory = self.reserve_response(&mut request, &mut response, cx);
                self.respond(response_cx, &mut response, memory, is_read, cx);
                return true;
            }
            Err(IncomingError::Gone) => return false,
            Err(IncomingError::NoMemory) => (Some(rejection::NO_MEMORY), no_memory()),
            Err(IncomingError::Slow) => (None, request_timeout("body")),
            Err(IncomingError::Wrong(error)) => (None, error.into()),
        };
        self.rejections.push(Rejection {
            reason: reason.unwrap_or(error.code),
            status: Some(error.status),
            client: self.client,
            request: rejection::request_line(&request),
        });
        self.respond_with_rejection(&error, response_cx.is_head);
        true
    }
}
