//! Large bodies: requests whose handler reads the body while it arrives, and the slots that limit
//! their number.

use std::sync::atomic::Ordering;

use super::body::RequestBody;
use super::connection_state::{ConnectionState, IncompleteBody};
use super::context::Context;
use super::exchange::Exchange;
use super::handle::{call_handler, no_memory, response_context};
use super::incoming::{BodyEnd, BodySource, Incoming};
use super::rejection::{self, Rejection};
use super::{Headers, HttpError, Request};
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
        request.complete(RequestBody::from_incoming(incoming), Headers::new(), cx.peer);
        let response_cx = response_context(&request);
        let mut response = call_handler(&mut request, cx);
        // The response may be generated from the body, and no `100 Continue` may appear within it.
        expects.store(false, Ordering::Release);
        let is_read = match end_of_body(&mut request) {
            BodyEnd::Complete(rest) => {
                self.input.replace(rest);
                true
            }
            BodyEnd::Unread => {
                self.input.clear();
                false
            }
            BodyEnd::Rejected(error) => {
                self.reject_large(error.code, &error, &request, response_cx.is_head);
                return true;
            }
            BodyEnd::NoMemory => {
                let error = no_memory(cx);
                self.reject_large(rejection::NO_MEMORY, &error, &request, response_cx.is_head);
                return true;
            }
            BodyEnd::Gone => return false,
        };
        let memory = self.reserve_response(&mut request, &mut response, cx);
        self.respond(response_cx, &mut response, memory, is_read, cx);
        true
    }

    /// Responds when the body cannot be read, whatever the handler has returned.
    fn reject_large(
        &mut self,
        reason: &'static str,
        error: &HttpError,
        request: &Request,
        is_head: bool,
    ) {
        let (status, request) = (Some(error.status), rejection::request_line(request));
        self.rejections.push(Rejection { reason, status, client: self.client, request });
        self.respond_with_rejection(error, is_head);
    }
}

/// Returns the state of the body. If the handler has moved the body out of the request, the end of
/// the body is unknown.
fn end_of_body(request: &mut Request) -> BodyEnd {
    request.body_mut().take_incoming().map_or(BodyEnd::Unread, Incoming::end)
}
