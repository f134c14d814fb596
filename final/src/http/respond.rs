//! RESPOND: appends a response to the output, and decides whether the connection is reused.

use std::sync::atomic::Ordering;

use super::connection_state::ConnectionState;
use super::context::Context;
use super::encoder::{self, ResponseContext, Reuse};
use super::exchange::Exchange;
use super::handle::{is_shed, no_memory};
use super::rejection::{self, Rejection, request_line};
use super::{HttpError, IntoResponse, Request, Response, ResponseBody, Status, Version, header};
use crate::core::memory_budget::{OverBudget, Reservation};

impl Exchange {
    /// Appends a response to the output. `is_read` means that the whole request has been read, so
    /// the next one can be found.
    pub(super) fn respond(
        &mut self,
        response_cx: ResponseContext,
        response: &mut Response,
        memory: Reservation,
        is_read: bool,
        cx: Context<'_>,
    ) {
        self.served += 1;
        let keep_alive = is_read
            && response_cx.keep_alive
            && self.served < cx.limits.requests
            && !cx.is_stopping.load(Ordering::Acquire);
        let context = ResponseContext { keep_alive, ..response_cx };
        let (reuse, body) = encoder::encode(response, context, self.output.pending());
        self.output.set_body(body, memory);
        if reuse == Reuse::No {
            // A client that has requested a close sends nothing after this request (RFC 9112
            // section 9.6).
            let is_last = is_read && self.input.is_empty() && !response_cx.keep_alive;
            self.end_after_output(!is_last);
        }
    }

    /// Appends a response to a client whose connection cannot be reused.
    pub(super) fn respond_with_rejection(&mut self, error: &HttpError, is_head: bool) {
        encode_rejection(error, is_head, self.output.pending());
        self.end_after_output(true);
    }

    /// Ends the connection after the response in the output, so no more input is parsed.
    fn end_after_output(&mut self, linger: bool) {
        self.input.clear();
        self.state = ConnectionState::Flushing { linger };
    }

    /// Returns the reservation for a response, to be kept until it has been sent. It starts with
    /// the reservation of the request's body, because a response generated from the body may need
    /// no more. If there is no memory, the response becomes a 503.
    pub(super) fn reserve_response(
        &mut self,
        request: &mut Request,
        response: &mut Response,
        cx: Context<'_>,
    ) -> Reservation {
        let mut memory = request.body_mut().take_memory();
        let mut reserved = memory.resize(cx.memory, encoder::memory(response));
        if let ResponseBody::Shared { bytes, .. } = response.body() {
            reserved = reserved.and_then(|()| bytes.count_in(cx.memory));
        }
        let reason = match reserved {
            Err(OverBudget) => {
                let retry_after = 1u64.into();
                *response =
                    no_memory().into_response().with_header(header::RETRY_AFTER, retry_after);
                rejection::NO_MEMORY
            }
            Ok(()) if is_shed(request, cx) => rejection::NO_THREAD,
            Ok(()) => return memory,
        };
        let (status, request) = (Some(response.status()), request_line(request));
        self.rejections.push(Rejection { reason, status, client: self.client, request });
        memory
    }
}

/// Appends a response that states why a connection ends, with `Connection: close`. `is_head` means
/// that the request has the method HEAD, so the response has no content.
pub fn encode_rejection(error: &HttpError, is_head: bool, out: &mut Vec<u8>) {
    let mut response = error.clone().into_response();
    if error.status == Status::SERVICE_UNAVAILABLE {
        response.headers_mut().set(header::RETRY_AFTER, 1u64.into());
    }
    let context = ResponseContext { version: Version::Http11, is_head, keep_alive: false };
    // The body of an error is short and has been copied to `out`, so no part of it is left to send.
    encoder::encode(&mut response, context, out);
}
