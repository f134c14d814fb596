//! X-Request-ID: an id for each request, which is the same in the log, in the response and in other
//! services.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicU64, Ordering};

use super::{Middleware, Next};
use crate::http::{HeaderName, HeaderValue, HttpError, IntoResponse, Request, Response, Status};

/// The name of the field, which is widely used although no RFC defines it.
pub const X_REQUEST_ID: HeaderName = HeaderName::from_static("X-Request-ID");

/// The allowed lengths of a client's id, in bytes.
const LENGTHS: RangeInclusive<usize> = 8..=64;

/// A layer that gives each request an id: the id in its X-Request-Id field, or else a new one. The
/// response has the same id.
///
/// A service that calls this one sends its own id, so that a person can follow one action of a user
/// through the logs of both services. A client's id is written to log files, so it must be short
/// and plain. An invalid id is replaced here, and [`reject_invalid`] rejects its request further
/// inside.
pub struct RequestId {
    keys: [RandomState; 2],
    count: AtomicU64,
}

impl RequestId {
    /// Creates a layer whose new ids differ between runs of the program.
    pub fn new() -> RequestId {
        RequestId { keys: [RandomState::new(), RandomState::new()], count: AtomicU64::new(0) }
    }

    /// Generates 32 hexadecimal digits: a counter, hashed with keys from the OS's random source. So
    /// the probability of a collision is negligible, and an id does not reveal the next one.
    fn generate(&self) -> String {
        let count = self.count.fetch_add(1, Ordering::Relaxed);
        let [high, low] = &self.keys;
        format!("{:016x}{:016x}", high.hash_one(count), low.hash_one(count))
    }
}

impl Default for RequestId {
    fn default() -> RequestId {
        RequestId::new()
    }
}

impl Middleware for RequestId {
    fn handle(&self, request: &mut Request, next: Next<'_>) -> Response {
        let id = match incoming(request) {
            Ok(Some(id)) => id.to_string(),
            Ok(None) | Err(InvalidId) => self.generate(),
        };
        request.set_id(id.clone());
        let mut response = next.run(request);
        if let Ok(value) = HeaderValue::try_from(id) {
            response.headers_mut().set(X_REQUEST_ID, value);
        }
        response
    }
}

/// Rejects a request with an invalid id, because its client would search the server's log for that
/// id in vain.
///
/// This layer belongs inside the log and CORS, so that the rejection is logged and scripts can read
/// it, like any other response.
pub fn reject_invalid(request: &mut Request, next: Next<'_>) -> Response {
    match incoming(request) {
        Ok(_) => next.run(request),
        Err(InvalidId) => InvalidId.into_response(),
    }
}

/// The error for a request with an invalid id, or with more than one.
#[derive(Debug)]
struct InvalidId;

impl IntoResponse for InvalidId {
    /// Creates the response, without the invalid value, which may be an attack on the reader of the
    /// response.
    fn into_response(self) -> Response {
        let message = "X-Request-ID must be one line of 8 to 64 letters, digits, dots, underscores or hyphens";
        HttpError::new(Status::BAD_REQUEST, "bad_request_id", message).into_response()
    }
}

/// Returns the id in the request, if there is one.
fn incoming(request: &Request) -> Result<Option<&str>, InvalidId> {
    let mut lines = request.headers().get_all(X_REQUEST_ID);
    let Some(value) = lines.next() else { return Ok(None) };
    let id = value.to_str().ok_or(InvalidId)?;
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    let fits = LENGTHS.contains(&id.len()) && id.bytes().all(is_plain);
    if fits && lines.next().is_none() { Ok(Some(id)) } else { Err(InvalidId) }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::http::{Handler, Method};
    use crate::middleware::Chain;

    /// Returns the status and the id of the request, after a check that the response has the same
    /// id.
    fn ask(chain: &Chain, sent: &[&str]) -> (u16, String) {
        let mut request = Request::builder(Method::Get, "/");
        for value in sent {
            request = request.header("X-Request-ID", value);
        }
        let mut request = request.build();
        let response = chain.handle(&mut request);
        let id = request.id().unwrap().to_string();
        let fields: Vec<_> = response.headers().get_all(X_REQUEST_ID).collect();
        assert_eq!(fields, [&HeaderValue::try_from(id.as_str()).unwrap()]);
        (response.status().code(), id)
    }

    fn chain() -> Chain {
        Chain::around(|request: &mut Request| request.id().unwrap().to_string())
            .with(RequestId::new())
            .with(reject_invalid)
    }

    #[test]
    fn a_clients_id_is_kept_if_it_is_short_and_plain() {
        let chain = chain();
        let longest = "x".repeat(64);
        for id in ["12345678", "7f3c-9.B_2", &longest] {
            assert_eq!(ask(&chain, &[id]), (200, id.to_string()));
        }
    }

    #[test]
    fn a_request_without_an_id_gets_32_hexadecimal_digits() {
        let (status, id) = ask(&chain(), &[]);
        assert_eq!((status, is_new(&id)), (200, true), "{id}");
    }

    #[test]
    fn an_invalid_id_is_rejected_before_the_handler_with_a_new_id() {
        let chain = Chain::around(|_: &mut Request| -> Status { panic!("not reached") })
            .with(RequestId::new())
            .with(reject_invalid);
        let too_long = "x".repeat(65);
        let table: [&[&str]; 8] = [
            &[""],
            &["1234567"],
            &["1234 5678"],
            &["1234\"5678"],
            &["12345678é"],
            &["<script>"],
            &[&too_long],
            &["12345678", "12345678"],
        ];
        for sent in table {
            let (status, id) = ask(&chain, sent);
            assert_eq!((status, is_new(&id)), (400, true), "{sent:?}: {id}");
        }
    }

    fn is_new(id: &str) -> bool {
        id.len() == 32 && id.bytes().all(|byte| b"0123456789abcdef".contains(&byte))
    }

    #[test]
    fn an_id_that_a_handler_has_set_is_replaced() {
        let with_another = |_: &mut Request| {
            Response::text("").with_header(X_REQUEST_ID, HeaderValue::from_static("another"))
        };
        let chain = Chain::around(with_another).with(RequestId::new());
        assert_eq!(ask(&chain, &["mine-0001"]), (200, "mine-0001".to_string()));
    }

    #[test]
    fn ids_do_not_repeat() {
        let (one, other) = (RequestId::new(), RequestId::default());
        let ids: HashSet<String> =
            (0..2_000).flat_map(|_| [one.generate(), other.generate()]).collect();
        assert_eq!(ids.len(), 4_000);
    }
}
