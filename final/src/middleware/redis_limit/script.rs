//! The token bucket as a script: the store runs it as one atomic step, so two servers cannot read
//! the same token.

use std::time::Duration;

use redis::{Cmd, Script};

use crate::middleware::limit_store::InvalidStore;
use crate::middleware::token_bucket::{Decision, Limit};

const TAKE: &str = include_str!("take.lua");

/// The maximum number of parts in a bucket. The script adds at most twice as many, and a double
/// represents all whole numbers up to 2^53.
const MAX_PARTS: u64 = 1 << 51;

/// A limit in the units of the script: a token has as many parts as `per` has microseconds, and
/// `rate` parts are added each microsecond. It is the arithmetic of
/// [`TokenBucket`](crate::middleware::token_bucket::TokenBucket), which has nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Units {
    pub(super) token: u64,
    full: u64,
    rate: u64,
}

impl Units {
    /// Converts a limit. A `per` that is not a whole number of microseconds is rounded up.
    ///
    /// # Errors
    /// Returns an error if a full bucket has more parts than the script can count.
    pub(super) fn of(limit: Limit) -> Result<Units, InvalidStore> {
        let token = u64::try_from(limit.per.as_nanos().div_ceil(1000)).ok().map(|it| it.max(1));
        let full = token.and_then(|token| token.checked_mul(limit.burst.get().into()));
        match token.zip(full.filter(|full| *full <= MAX_PARTS)) {
            Some((token, full)) => Ok(Units { token, full, rate: limit.rate.get().into() }),
            None => Err(InvalidStore(format!(
                "a limit of {} requests with {} more in every {:?} is too large for a shared store: burst times \
                 microseconds may be at most 2^51",
                limit.burst, limit.rate, limit.per
            ))),
        }
    }

    /// Returns the decision about a request that has left `parts` in its bucket.
    pub(super) fn decision(self, allowed: bool, parts: u64) -> Decision {
        let time_for = |parts: u64| Duration::from_micros(parts.div_ceil(self.rate));
        Decision {
            allowed,
            remaining: u32::try_from(parts / self.token).unwrap_or(u32::MAX),
            next: time_for(self.token.saturating_sub(parts)),
            full: time_for(self.full.saturating_sub(parts)),
        }
    }
}

/// The script's SHA-1, by which the store finds it once it has run it.
pub(super) struct TakeScript(String);

impl TakeScript {
    pub(super) fn new() -> TakeScript {
        TakeScript(Script::new(TAKE).get_hash().to_string())
    }

    /// Returns the command that runs the script by its hash, and the command that sends its text.
    /// The second loads the script into a store that does not have it, such as one that has
    /// restarted. `now` replaces the store's clock, in microseconds.
    pub(super) fn commands(&self, key: &str, units: Units, now: Option<u64>) -> [Cmd; 2] {
        [("EVALSHA", self.0.as_str()), ("EVAL", TAKE)].map(|(name, script)| {
            let mut command = redis::cmd(name);
            command.arg(script).arg(1).arg(key).arg(units.token).arg(units.full).arg(units.rate);
            command.arg(now);
            command
        })
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use super::*;

    fn units(burst: u32, per: Duration) -> Result<Units, InvalidStore> {
        let burst = NonZeroU32::new(burst).unwrap();
        Units::of(Limit { burst, rate: NonZeroU32::MIN, per })
    }

    #[test]
    fn a_token_has_at_least_one_part_and_a_bucket_at_most_two_to_the_51() {
        for (nanoseconds, token) in
            [(0, 1), (1, 1), (1_000, 1), (1_001, 2), (1_000_000_000, 1_000_000)]
        {
            let units = units(1, Duration::from_nanos(nanoseconds)).unwrap();
            assert_eq!(units.token, token, "{nanoseconds} ns");
        }
        assert!(units(1 << 31, Duration::from_micros(1 << 20)).is_ok());
        let large = units((1 << 31) + 1, Duration::from_micros(1 << 20)).unwrap_err();
        assert!(large.to_string().contains("2147483649 requests"), "{large}");
        assert!(units(u32::MAX, Duration::MAX).is_err());
    }
}
