//! A token bucket, which limits requests to a burst at once and a rate over time.

use std::num::NonZeroU32;
use std::time::{Duration, Instant};

/// The number of requests that a client may make, as a burst and a rate.
///
/// A bucket holds up to `burst` tokens and is full at first. A request takes one out, and `rate`
/// tokens are added every `per`, up to that maximum.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    /// The number of requests that an idle client may send at once.
    pub burst: NonZeroU32,
    /// The number of requests that are allowed in each `per` in the long run. It is not zero,
    /// because it is a divisor.
    pub rate: NonZeroU32,
    /// The time in which `rate` tokens are added.
    pub per: Duration,
}

impl Limit {
    /// Returns the number of parts of a token. Counting integer parts, instead of tokens as a
    /// floating-point number, makes every sum exact: a token has as many parts as `per` has
    /// nanoseconds, and `rate` parts are added each nanosecond.
    fn parts(self) -> u128 {
        self.per.as_nanos().max(1)
    }

    fn full(self) -> u128 {
        u128::from(self.burst.get()) * self.parts()
    }

    /// Returns the time in which `parts` are added, rounded up.
    fn time_for(self, parts: u128) -> Duration {
        let nanoseconds = parts.div_ceil(u128::from(self.rate.get()));
        Duration::from_nanos(u64::try_from(nanoseconds).unwrap_or(u64::MAX))
    }

    /// Returns the time in which an empty bucket is filled. A bucket that was not used for this
    /// long is equal to a new one.
    pub fn time_to_fill(self) -> Duration {
        self.time_for(self.full())
    }
}

/// A bucket of tokens without a timer: taking a token computes how many have been added since the
/// last time.
#[derive(Debug, Clone, Copy)]
pub struct TokenBucket {
    parts: u128,
    updated: Instant,
}

/// The result of taking a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decision {
    /// Whether a token was taken.
    pub allowed: bool,
    /// The number of tokens that are left.
    pub remaining: u32,
    /// The time until there is a token, which is zero if one is left.
    pub next: Duration,
    /// The time until the bucket is full, if no token is taken.
    pub full: Duration,
}

impl TokenBucket {
    /// Creates a full bucket.
    pub fn new(limit: Limit, now: Instant) -> TokenBucket {
        TokenBucket { parts: limit.full(), updated: now }
    }

    /// Takes a token, if there is one.
    pub fn take(&mut self, limit: Limit, now: Instant) -> Decision {
        // This is zero if `now` is before the last update: another thread has read the clock later
        // and taken the lock first.
        let passed = now.saturating_duration_since(self.updated).as_nanos();
        let dropped = passed.saturating_mul(u128::from(limit.rate.get()));
        self.parts = self.parts.saturating_add(dropped).min(limit.full());
        self.updated = self.updated.max(now);

        let allowed = self.parts >= limit.parts();
        if allowed {
            self.parts -= limit.parts();
        }
        Decision {
            allowed,
            remaining: u32::try_from(self.parts / limit.parts()).unwrap_or(u32::MAX),
            next: limit.time_for(limit.parts().saturating_sub(self.parts)),
            full: limit.time_for(limit.full() - self.parts),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn limit(burst: u32, rate: u32, per: Duration) -> Limit {
        let nonzero = |number| NonZeroU32::new(number).unwrap();
        Limit { burst: nonzero(burst), rate: nonzero(rate), per }
    }

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_burst_is_allowed_and_then_one_request_per_token() {
        let (limit, start) = (limit(3, 1, SECOND), Instant::now());
        let mut bucket = TokenBucket::new(limit, start);
        for (remaining, full) in [(2, SECOND), (1, 2 * SECOND), (0, 3 * SECOND)] {
            let verdict = bucket.take(limit, start);
            assert_eq!((verdict.allowed, verdict.remaining), (true, remaining));
            assert_eq!(verdict.full, full);
        }
        let verdict = bucket.take(limit, start);
        assert_eq!((verdict.allowed, verdict.next, verdict.full), (false, SECOND, 3 * SECOND));
        let nearly = start + Duration::from_nanos(999_999_999);
        let verdict = bucket.take(limit, nearly);
        assert_eq!((verdict.allowed, verdict.next), (false, Duration::from_nanos(1)));
        assert!(bucket.take(limit, start + SECOND).allowed);
        assert!(!bucket.take(limit, start + SECOND).allowed);
    }

    #[test]
    fn a_bucket_does_not_overflow_however_long_it_is_idle() {
        let (limit, start) = (limit(2, u32::MAX, Duration::from_nanos(1)), Instant::now());
        let mut bucket = TokenBucket::new(limit, start);
        let later = start + Duration::from_secs(100 * 365 * 86_400);
        assert_eq!(bucket.take(limit, later).remaining, 1);
    }

    #[test]
    fn a_clock_read_earlier_by_another_thread_adds_no_tokens_twice() {
        let (limit, start) = (limit(1, 1, SECOND), Instant::now());
        let mut bucket = TokenBucket::new(limit, start + SECOND);
        assert!(bucket.take(limit, start + SECOND).allowed);
        assert!(!bucket.take(limit, start).allowed);
        assert!(!bucket.take(limit, start + SECOND).allowed);
        assert!(bucket.take(limit, start + 2 * SECOND).allowed);
    }

    #[test]
    fn a_period_of_zero_counts_as_a_nanosecond() {
        let (limit, start) = (limit(1, 1, Duration::ZERO), Instant::now());
        let mut bucket = TokenBucket::new(limit, start);
        assert!(bucket.take(limit, start).allowed);
        assert!(!bucket.take(limit, start).allowed);
        assert!(bucket.take(limit, start + Duration::from_nanos(1)).allowed);
    }

    #[test]
    fn ten_a_minute_is_one_in_six_seconds() {
        let (limit, start) = (limit(1, 10, 60 * SECOND), Instant::now());
        let mut bucket = TokenBucket::new(limit, start);
        assert!(bucket.take(limit, start).allowed);
        assert_eq!(bucket.take(limit, start).next, 6 * SECOND);
        assert_eq!(limit.time_to_fill(), 6 * SECOND);
    }

    proptest! {
        /// Checks the guarantee: the allowed requests are at most the burst plus the tokens added
        /// since the start.
        #[test]
        fn never_more_than_the_limit(
            burst in 1..20_u32,
            rate in 1..50_u32,
            steps in proptest::collection::vec(0..500_u64, 1..200),
        ) {
            let (limit, start) = (limit(burst, rate, SECOND), Instant::now());
            let mut bucket = TokenBucket::new(limit, start);
            let (mut now, mut allowed) = (start, 0_u128);
            for step in steps {
                now += Duration::from_millis(step);
                let before = bucket.take(limit, now);
                if before.allowed {
                    allowed += 1;
                    continue;
                }
                // The time in a rejection is exact: a nanosecond earlier the client would still be
                // rejected.
                let nearly = before.next.saturating_sub(Duration::from_nanos(1));
                prop_assert!(!bucket.clone().take(limit, now + nearly).allowed);
                prop_assert!(bucket.clone().take(limit, now + before.next).allowed);
            }
            let dropped = (now - start).as_nanos() * u128::from(rate) / SECOND.as_nanos();
            prop_assert!(allowed <= u128::from(burst) + dropped);
        }
    }
}
