//! X-Request-ID: an id for each request, which is the same in the log, in the response and in other
//! services.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::sync::atomic::{AtomicU64, Ordering};

use super::{Middleware, Next};
use crate::http::{HeaderName, HeaderValue, Request, Response};

/// The name of the field, which is widely used although no RFC defines it.
pub const X_REQUEST_ID: HeaderName = HeaderName::from_static("X-Request-ID");

/// The maximum length in bytes of an id that is accepted from a client.
const MAX_LENGTH: usize = 64;

/// A layer that gives each request an id: the client's, or a new one. The response has the same id.
///
/// A service that calls this one sends its own id, so that a request can be followed through the
/// logs of both. The value comes from an untrusted client and ends up in log files, so it must be
/// short and plain. Any other value is replaced, as if it were missing.
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
        let id = incoming(request).unwrap_or_else(|| self.generate());
        request.set_id(id.clone());
        let mut response = next.run(request);
        if let Ok(value) = HeaderValue::try_from(id) {
            response.headers_mut().set(X_REQUEST_ID, value);
        }
        response
    }
}

/// Returns the client's id, if there is exactly one and it is safe to log.
fn incoming(request: &Request) -> Option<String> {
    let mut lines = request.headers().get_all(X_REQUEST_ID);
    let id = lines.next()?.to_str()?;
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    let fits = (1..=MAX_LENGTH).contains(&id.len()) && id.bytes().all(is_plain);
    (fits && lines.next().is_none()).then(|| id.to_string())
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::http::{Handler, Method};
    use crate::middleware::Chain;

    /// Returns the id that the handler got. The response must have the same one.
    fn id_for(chain: &Chain, sent: &[&str]) -> String {
        let mut request = Request::builder(Method::Get, "/");
        for value in sent {
            request = request.header("X-Request-ID", value);
        }
        let mut request = request.build();
        let response = chain.handle(&mut request);
        let id = request.id().unwrap().to_string();
        let fields: Vec<_> = response.headers().get_all(X_REQUEST_ID).collect();
        assert_eq!(fields, [&HeaderValue::try_from(id.as_str()).unwrap()]);
        id
    }

    fn chain() -> Chain {
        Chain::around(|request: &mut Request| request.id().unwrap().to_string())
            .with(RequestId::new())
    }

    #[test]
    fn a_clients_id_is_kept_if_it_is_short_and_plain() {
        let chain = chain();
        let longest = "x".repeat(64);
        for id in ["a", "7f3c-9.B_2", &longest] {
            assert_eq!(id_for(&chain, &[id]), id);
        }
    }

    #[test]
    fn any_other_id_is_replaced_by_32_hexadecimal_digits() {
        let chain = chain();
        let too_long = "x".repeat(65);
        let table: [&[&str]; 7] =
            [&[], &[""], &["a b"], &["a\"b"], &["<b>"], &[&too_long], &["good", "good"]];
        for sent in table {
            let id = id_for(&chain, sent);
            assert!(id.len() == 32 && id.bytes().all(|b| b"0123456789abcdef".contains(&b)), "{id}");
        }
    }

    #[test]
    fn an_id_that_a_handler_has_set_is_replaced() {
        let with_another = |_: &mut Request| {
            Response::text("").with_header(X_REQUEST_ID, HeaderValue::from_static("another"))
        };
        let chain = Chain::around(with_another).with(RequestId::new());
        assert_eq!(id_for(&chain, &["mine"]), "mine");
    }

    #[test]
    fn ids_do_not_repeat() {
        let (one, other) = (RequestId::new(), RequestId::default());
        let ids: HashSet<String> =
            (0..2_000).flat_map(|_| [one.generate(), other.generate()]).collect();
        assert_eq!(ids.len(), 4_000);
    }
}
