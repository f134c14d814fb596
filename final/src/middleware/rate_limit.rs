//! Rate limiting: a client that sends too many requests gets 429 (RFC 6585 section 4).

use std::hash::Hash;
use std::net::IpAddr;
use std::time::Instant;

use super::limit_store::{LimitStore, whole_seconds};
use super::local_buckets::LocalBuckets;
use super::token_bucket::{Decision, Limit};
use super::{Middleware, Next};
use crate::core::network;
use crate::http::{
    HeaderName, HeaderValue, Headers, HttpError, IntoResponse, Request, Response, Status, header,
};

const RATELIMIT_LIMIT: HeaderName = HeaderName::from_static("RateLimit-Limit");
const RATELIMIT_REMAINING: HeaderName = HeaderName::from_static("RateLimit-Remaining");
const RATELIMIT_RESET: HeaderName = HeaderName::from_static("RateLimit-Reset");

/// A function that returns the key of the bucket that a request takes its token from. Requests with
/// equal keys share a bucket.
type KeyOf<K> = Box<dyn Fn(&Request) -> K + Send + Sync>;

/// A layer that limits the requests of each key.
pub struct RateLimit<K> {
    limit: Limit,
    key_of: KeyOf<K>,
    store: Box<dyn LimitStore<K>>,
}

impl RateLimit<IpAddr> {
    /// Creates a limit for each client address.
    pub fn by_client(limit: Limit) -> RateLimit<IpAddr> {
        RateLimit::by(limit, client)
    }
}

/// Returns the network of the client, which may be behind a trusted proxy.
fn client(request: &Request) -> IpAddr {
    network(request.client())
}

impl<K: Eq + Hash + Send + 'static> RateLimit<K> {
    /// Creates a limit for each value that `key_of` returns.
    pub fn by(
        limit: Limit,
        key_of: impl Fn(&Request) -> K + Send + Sync + 'static,
    ) -> RateLimit<K> {
        RateLimit { limit, key_of: Box::new(key_of), store: Box::new(LocalBuckets::new(limit)) }
    }

    /// Replaces the clock of this process's own buckets, which must be monotonic.
    pub fn with_clock(self, clock: impl Fn() -> Instant + Send + Sync + 'static) -> RateLimit<K> {
        let buckets = LocalBuckets::new(self.limit).with_clock(clock);
        self.with_store(buckets)
    }

    /// Replaces this process's own buckets by `store`, whose buckets must have the same limit.
    pub fn with_store(self, store: impl LimitStore<K>) -> RateLimit<K> {
        RateLimit { store: Box::new(store), ..self }
    }
}

impl<K: Eq + Hash + Send + 'static> Middleware for RateLimit<K> {
    fn handle(&self, request: &mut Request, next: Next<'_>) -> Response {
        let verdict = match self.store.take((self.key_of)(request)) {
            Ok(verdict) => verdict,
            Err(down) => return down.into_response(),
        };
        let mut response = if verdict.allowed {
            next.run(request)
        } else {
            let seconds = whole_seconds(verdict.next).max(1);
            let message = format!("too many requests; try again in {seconds} s");
            let error = HttpError::new(Status::TOO_MANY_REQUESTS, "rate_limited", message);
            error.into_response().with_header(header::RETRY_AFTER, seconds.into())
        };
        self.describe(response.headers_mut(), verdict);
        response
    }
}

impl<K> RateLimit<K> {
    /// Adds fields that let well-behaved clients slow down before they are rejected. The names come
    /// from an early version of the IETF's draft "`RateLimit` header fields for HTTP", which
    /// existing clients support.
    fn describe(&self, headers: &mut Headers, verdict: Decision) {
        let fields = [
            (RATELIMIT_LIMIT, u64::from(self.limit.burst.get())),
            (RATELIMIT_REMAINING, u64::from(verdict.remaining)),
            (RATELIMIT_RESET, whole_seconds(verdict.full)),
        ];
        for (name, number) in fields {
            headers.set(name, HeaderValue::from(number));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
    use std::thread;
    use std::time::Duration;

    use super::*;
    use crate::http::{Handler, Method};
    use crate::middleware::Chain;

    fn limit(burst: u32, rate: u32) -> Limit {
        let nonzero = |number| NonZeroU32::new(number).unwrap();
        Limit { burst: nonzero(burst), rate: nonzero(rate), per: Duration::from_secs(1) }
    }

    /// A clock that a test advances, in milliseconds.
    #[derive(Clone, Default)]
    struct Hand(Arc<AtomicU64>);

    impl Hand {
        fn advance(&self, milliseconds: u64) {
            self.0.fetch_add(milliseconds, Ordering::SeqCst);
        }

        fn clock(&self) -> impl Fn() -> Instant + Send + Sync + 'static {
            let (start, hand) = (Instant::now(), self.clone());
            move || start + Duration::from_millis(hand.0.load(Ordering::SeqCst))
        }
    }

    fn by_path(limit: Limit, hand: &Hand) -> RateLimit<String> {
        RateLimit::by(limit, |request: &Request| request.path().to_string())
            .with_clock(hand.clock())
    }

    fn ask(handler: &impl Handler, path: &str) -> (u16, [Option<String>; 4]) {
        let response = handler.handle(&mut Request::builder(Method::Get, path).build());
        let fields = [RATELIMIT_LIMIT, RATELIMIT_REMAINING, RATELIMIT_RESET, header::RETRY_AFTER]
            .map(|name| Some(response.headers().get(name)?.to_str()?.to_string()));
        (response.status().code(), fields)
    }

    fn text(fields: [Option<&str>; 4]) -> [Option<String>; 4] {
        fields.map(|field| field.map(str::to_string))
    }

    #[test]
    fn the_response_has_the_remaining_requests_and_when_to_retry() {
        let hand = Hand::default();
        let chain = Chain::around(|_: &mut Request| "done").with(by_path(limit(2, 1), &hand));
        assert_eq!(ask(&chain, "/a"), (200, text([Some("2"), Some("1"), Some("1"), None])));
        assert_eq!(ask(&chain, "/a"), (200, text([Some("2"), Some("0"), Some("2"), None])));
        assert_eq!(ask(&chain, "/a"), (429, text([Some("2"), Some("0"), Some("2"), Some("1")])));
        hand.advance(999);
        assert_eq!(ask(&chain, "/a").0, 429);
        hand.advance(1);
        assert_eq!(ask(&chain, "/a").0, 200);
    }

    #[test]
    fn the_time_to_wait_is_in_whole_seconds_and_never_too_short() {
        let milliseconds = Duration::from_millis;
        for (per, seconds) in [
            (milliseconds(1), "1"),
            (milliseconds(1_000), "1"),
            (Duration::from_nanos(1_000_000_001), "2"),
            (milliseconds(2_500), "3"),
            (milliseconds(3_000), "3"),
        ] {
            let limit = Limit { per, ..limit(1, 1) };
            let limiter = by_path(limit, &Hand::default());
            let chain = Chain::around(|_: &mut Request| "done").with(limiter);
            let reset = Some(seconds);
            assert_eq!(ask(&chain, "/a"), (200, text([Some("1"), Some("0"), reset, None])));
            assert_eq!(
                ask(&chain, "/a"),
                (429, text([Some("1"), Some("0"), reset, Some(seconds)]))
            );
        }
    }

    #[test]
    fn the_fields_of_the_outer_of_two_limits_are_sent() {
        let hand = Hand::default();
        let chain = Chain::around(|_: &mut Request| "done")
            .with(by_path(limit(5, 1), &hand))
            .with(by_path(limit(9, 1), &hand));
        let response = chain.handle(&mut Request::builder(Method::Get, "/").build());
        let limits: Vec<_> = response.headers().get_all(RATELIMIT_LIMIT).collect();
        assert_eq!(limits, [&HeaderValue::from_static("5")]);
    }

    #[test]
    fn each_key_has_a_bucket_of_its_own() {
        let chain =
            Chain::around(|_: &mut Request| "done").with(by_path(limit(1, 1), &Hand::default()));
        assert_eq!(
            (ask(&chain, "/a").0, ask(&chain, "/a").0, ask(&chain, "/b").0),
            (200, 429, 200)
        );
    }

    #[test]
    fn sixteen_threads_get_exactly_the_burst() {
        const BURST: u32 = 200;
        let limiter = by_path(limit(BURST, 1), &Hand::default());
        let chain = Arc::new(Chain::around(|_: &mut Request| "done").with(limiter));
        let allowed = Arc::new(AtomicUsize::new(0));
        let threads: Vec<_> = (0..16)
            .map(|number| {
                let (chain, allowed) = (Arc::clone(&chain), Arc::clone(&allowed));
                let ask_often = move || {
                    for _ in 0..100 {
                        allowed
                            .fetch_add(usize::from(ask(&*chain, "/").0 == 200), Ordering::SeqCst);
                    }
                };
                thread::Builder::new().name(format!("client {number}")).spawn(ask_often).unwrap()
            })
            .collect();
        for thread in threads {
            thread.join().unwrap();
        }
        assert_eq!(allowed.load(Ordering::SeqCst), BURST as usize);
    }

    fn take(limiter: &RateLimit<String>, key: String) -> Decision {
        limiter.store.take(key).unwrap()
    }

    /// Takes one token for each character of `keys`, which is the key, and returns whether it was
    /// allowed.
    fn allowed(limiter: &RateLimit<String>, keys: &str) -> Vec<bool> {
        keys.chars().map(|key| take(limiter, key.to_string()).allowed).collect()
    }

    #[test]
    fn clients_that_alternate_are_all_remembered() {
        let hand = Hand::default();
        let limiter = by_path(limit(1, 1), &hand);
        assert_eq!(allowed(&limiter, "abcabc"), [true, true, true, false, false, false]);
        // The same holds after a whole generation has passed.
        hand.advance(10_000);
        assert_eq!(allowed(&limiter, "abcabc"), [true, true, true, false, false, false]);
    }

    #[test]
    fn a_bucket_is_not_forgotten_before_it_is_full_again() {
        let hand = Hand::default();
        let limiter = by_path(limit(2, 1), &hand);
        // A generation ends every two seconds, and a bucket that is used in between moves to the
        // young one.
        let mut allowed = 0;
        for _ in 0..100 {
            allowed += usize::from(take(&limiter, "busy".to_string()).allowed);
            hand.advance(100);
        }
        assert_eq!(allowed, 2 + 9);
    }

    #[test]
    fn addresses_of_one_ipv6_network_share_a_bucket() {
        let key = |peer: &str| {
            let request = Request::builder(Method::Get, "/").peer(peer.parse().unwrap()).build();
            client(&request)
        };
        assert_eq!(key("[2001:db8:1:2::1]:1"), key("[2001:db8:1:2:ffff::9]:2"));
        assert_ne!(key("[2001:db8:1:2::1]:1"), key("[2001:db8:1:3::1]:1"));
        assert_ne!(key("192.0.2.1:1"), key("192.0.2.2:1"));
        assert_eq!(key("[::ffff:192.0.2.1]:1"), key("192.0.2.1:2"));
    }

    #[test]
    fn clients_behind_a_proxy_have_a_bucket_each() {
        let key = |address: &str| {
            client(&Request::builder(Method::Get, "/").client(address.parse().unwrap()).build())
        };
        assert_eq!(key("203.0.113.1"), key("203.0.113.1"));
        assert_ne!(key("203.0.113.1"), key("203.0.113.2"));
    }
}
