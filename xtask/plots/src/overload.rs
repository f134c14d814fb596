//! How long a task waits when more come than can be done, with a short queue and with one that has no end.

use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Result;
use ch02_thread_pool::core::thread_pool::PoolConfig;
use ch02_thread_pool::core::{Deadline, ThreadPool};

use crate::plot::{Axis, Plot, Series, machine, rounded};

/// What a task takes. It sleeps, so the plot does not depend on how quick the machine is.
const TASK: Duration = Duration::from_millis(10);
const WORKERS: u32 = 4;

/// The median of so many measurements counts: whatever else the machine does comes in between.
const ROUNDS: usize = 5;

/// Places in the short queue.
const PLACES: usize = 16;

/// How long tasks come at each load.
const TIME: Duration = Duration::from_secs(2);

/// So many times what the workers can do.
const LOADS: [f64; 9] = [0.25, 0.5, 0.7, 0.8, 0.9, 1.0, 1.1, 1.25, 1.5];

pub(crate) fn plot() -> Result<Plot> {
    let (mut short, mut endless, mut rejected) = (Vec::new(), Vec::new(), Vec::new());
    for load in LOADS {
        let rounds = |places| {
            // Side by side: they sleep most of the time and do not disturb each other.
            let outcomes: Result<Vec<Outcome>> = thread::scope(|scope| {
                let rounds: Vec<_> =
                    (0..ROUNDS).map(|_| scope.spawn(|| measure(load, places))).collect();
                rounds.into_iter().map(|it| it.join().expect("does not panic")).collect()
            });
            outcomes.map(|mut outcomes| {
                outcomes.sort_by(|a, b| a.wait.total_cmp(&b.wait));
                outcomes.swap_remove(ROUNDS / 2)
            })
        };
        let (with_limit, without) = (rounds(PLACES)?, rounds(usize::MAX / 2)?);
        short.push((load, rounded(with_limit.wait)));
        endless.push((load, rounded(without.wait)));
        rejected.push(format!("{load}: {:.0} %", with_limit.rejected * 100.0));
    }
    println!("rejected by the short queue, by load: {}", rejected.join(", "));
    Ok(Plot {
        command: "cargo xtask plot overload",
        machine: Some(machine()),
        x: Axis {
            label: "tasks that come ÷ tasks that can be done",
            doubling: false,
            from: 0.0,
            to: 1.5,
        },
        y: Axis {
            label: "wait of the slowest tenth ÷ time of a task",
            doubling: false,
            from: 0.0,
            to: 100.0,
        },
        series: vec![
            Series::line("a queue without a limit", endless),
            Series::line("16 places, then refused", short),
        ],
    })
}

struct Outcome {
    /// Nine of ten tasks that were done had waited no longer than so many times what a task takes.
    wait: f64,
    /// The share of tasks that found no place.
    rejected: f64,
}

fn measure(load: f64, places: usize) -> Result<Outcome> {
    let (done, waits) = channel();
    let size = PoolConfig { workers: WORKERS as usize, queue: places };
    let pool = ThreadPool::start("worker", size, move |came: Instant| {
        // Nobody listens any more when the measurement is over.
        let _ = done.send(came.elapsed());
        thread::sleep(TASK);
    })?;
    let mean = TASK.as_secs_f64() / (f64::from(WORKERS) * load);
    let mut random = Random(0x9E37_79B9_7F4A_7C15);
    let started = Instant::now();
    let (mut next, mut count, mut rejected) = (Duration::ZERO, 0_u32, 0_u32);
    while next < TIME {
        // Tasks come one by one, whether those before them are done or not: that is what makes it overload.
        thread::sleep(next.saturating_sub(started.elapsed()));
        count += 1;
        if pool.submit(started + next).is_err() {
            rejected += 1;
        }
        next += Duration::from_secs_f64(mean * random.exponential());
    }
    pool.close();
    pool.wait(Deadline::after(4 * TIME));
    drop(pool);
    let mut waits: Vec<_> = waits.try_iter().collect();
    waits.sort_unstable();
    let slow = waits.get(waits.len() * 9 / 10).copied().unwrap_or_default();
    Ok(Outcome {
        wait: slow.as_secs_f64() / TASK.as_secs_f64(),
        rejected: f64::from(rejected) / f64::from(count),
    })
}

/// The same numbers in each run (xorshift64).
struct Random(u64);

impl Random {
    /// The time to the next arrival when arrivals know nothing of each other; 1 on average.
    fn exponential(&mut self) -> f64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        let bits = u32::try_from(self.0 >> 32).expect("thirty-two bits are left");
        -((f64::from(bits) + 1.0) / (f64::from(u32::MAX) + 1.0)).ln()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrivals_are_one_apart_on_average() {
        let mut random = Random(0x9E37_79B9_7F4A_7C15);
        let sum: f64 = (0..10_000).map(|_| random.exponential()).sum();
        assert!((9_700.0..10_300.0).contains(&sum), "{sum}");
    }
}
