//! The token bucket, and requests at the times that the page gives.

use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use anyhow::Context;
use serde_json::{Value, json};

use crate::middleware::token_bucket::{Decision, Limit, TokenBucket};

/// Takes a token at each of the times `takes`, in milliseconds since the bucket was full. `now` in the result is the
/// decision about a request at the time `now`, which takes no token.
///
/// # Errors
/// Returns an error that names the missing part of `question`.
pub(crate) fn run(question: &Value) -> anyhow::Result<Value> {
    let limit = limit(question)?;
    let start = Instant::now();
    let mut bucket = TokenBucket::new(limit, start);
    let takes = question["takes"].as_array().context("`takes` is missing")?;
    let taken: Vec<Value> =
        takes.iter().map(|at| shown(bucket.take(limit, start + milliseconds(at)))).collect();
    let now = bucket.take(limit, start + milliseconds(&question["now"]));
    Ok(json!({ "taken": taken, "now": shown(now) }))
}

/// The limit `burst`, `rate` and `per_ms` of a question.
///
/// # Errors
/// Returns an error that names the missing number.
pub(crate) fn limit(question: &Value) -> anyhow::Result<Limit> {
    let number = |name: &str| {
        let number = question[name].as_u64().and_then(|number| u32::try_from(number).ok());
        number
            .and_then(NonZeroU32::new)
            .with_context(|| format!("`{name}` must be a number above 0"))
    };
    let per = Duration::from_millis(number("per_ms")?.get().into());
    Ok(Limit { burst: number("burst")?, rate: number("rate")?, per })
}

fn milliseconds(time: &Value) -> Duration {
    Duration::from_millis(time.as_u64().unwrap_or_default())
}

fn shown(decision: Decision) -> Value {
    json!({
        "allowed": decision.allowed,
        "remaining": decision.remaining,
        "next_ms": decision.next.as_secs_f64() * 1000.0,
        "full_ms": decision.full.as_secs_f64() * 1000.0,
    })
}
