//! The token bucket of chapter 5 over time. The clock is simulated, so the result is exact.

use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use ch05_middleware::middleware::token_bucket::{Limit, TokenBucket};
use course::plot::{Axis, Plot, Series};

use crate::output::rounded;

const BURST: NonZeroU32 = NonZeroU32::new(5).expect("five is not zero");
const RATE: NonZeroU32 = NonZeroU32::new(1).expect("one is not zero");
const LIMIT: Limit = Limit { burst: BURST, rate: RATE, per: Duration::from_secs(1) };

/// The length of the plot and the interval of its points, in milliseconds.
const END: u64 = 20_000;
const STEP: u64 = 100;

/// When requests arrive, in milliseconds: eight at once, then too many for a while, then none, and then three.
fn requests() -> Vec<u64> {
    let mut times = vec![1000; 8];
    times.extend((0..12).map(|number| 4000 + 500 * number));
    times.extend([18_000; 3]);
    times
}

/// The tokens in the bucket, and the accepted and rejected requests.
pub(crate) fn plot() -> Plot {
    let start = Instant::now();
    let mut bucket = TokenBucket::new(LIMIT, start);
    let (mut level, mut accepted, mut rejected) = (Vec::new(), Vec::new(), Vec::new());
    let requests = requests();
    for time in (0..=END).step_by(usize::try_from(STEP).expect("a hundred fits")) {
        let now = start + Duration::from_millis(time);
        let x = seconds(time);
        level.push((x, tokens(bucket, now)));
        for _ in requests.iter().filter(|request| **request == time) {
            let before = tokens(bucket, now);
            if bucket.take(LIMIT, now).allowed {
                accepted.push((x, before));
            } else {
                rejected.push((x, before));
            }
            level.push((x, tokens(bucket, now)));
        }
    }
    level.dedup();
    rejected.dedup();
    let marks = |name: &str, points| Series { name: name.to_string(), marks_only: true, points };
    Plot {
        command: "cargo xtask plot token-bucket".to_string(),
        machine: None,
        x: Axis::linear("seconds", 0.0, seconds(END)),
        y: Axis::linear("tokens", 0.0, 6.0),
        series: vec![
            Series::line("tokens in the bucket", level),
            marks("an accepted request", accepted),
            marks("a rejected request", rejected),
        ],
    }
}

/// The tokens in the bucket at this moment. They follow from the time until the bucket is full, which only
/// `take` returns, so a token is taken from a copy.
fn tokens(mut bucket: TokenBucket, now: Instant) -> f64 {
    let verdict = bucket.take(LIMIT, now);
    let missing = verdict.full.as_secs_f64() * f64::from(RATE.get()) / LIMIT.per.as_secs_f64();
    let taken = if verdict.allowed { 1.0 } else { 0.0 };
    rounded(f64::from(BURST.get()) - missing + taken)
}

fn seconds(milliseconds: u64) -> f64 {
    Duration::from_millis(milliseconds).as_secs_f64()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output;

    #[test]
    fn the_plot_in_the_book_shows_the_bucket_of_chapter_5() {
        let file = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../book/src/generated/plots/token-bucket.json"
        );
        let stored = std::fs::read_to_string(file).unwrap();
        assert_eq!(
            stored,
            output::to_json(&plot()).unwrap(),
            "make it again: cargo xtask plot token-bucket"
        );
    }
}
