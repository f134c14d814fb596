//! How long tasks wait when they arrive faster than the workers can run them, with a short and an unbounded queue.

use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use ch02_thread_pool::core::thread_pool::PoolConfig;
use ch02_thread_pool::core::{Deadline, ThreadPool};
use course::plot::{Axis, Plot, Series};
use wire::at_once;

use crate::output::{machine, median, rounded};

/// The duration of a task, which sleeps, so that the speed of the machine does not matter.
const TASK: Duration = Duration::from_millis(10);
const WORKERS: u32 = 4;

/// The number of measurements of each point.
const ROUNDS: usize = 5;

/// The length of the short queue.
const SLOTS: usize = 16;

/// How long tasks arrive at each load.
const TIME: Duration = Duration::from_secs(2);

/// Arriving tasks as a multiple of the tasks that the workers can run.
const LOADS: [f64; 9] = [0.25, 0.5, 0.7, 0.8, 0.9, 1.0, 1.1, 1.25, 1.5];

pub(crate) fn plot() -> Result<Plot> {
    let (mut short, mut endless, mut rejected) = (Vec::new(), Vec::new(), Vec::new());
    for load in LOADS {
        let (wait, share) = medians(load, SLOTS)?;
        short.push((load, rounded(wait)));
        rejected.push(format!("{load}: {:.0} %", share * 100.0));
        let (wait, _) = medians(load, usize::MAX / 2)?;
        endless.push((load, rounded(wait)));
    }
    println!("rejected by the short queue, by load: {}", rejected.join(", "));
    Ok(Plot {
        command: "cargo xtask plot overload".to_string(),
        machine: Some(machine()),
        x: Axis::linear("arriving tasks ÷ tasks that the workers can run", 0.0, 1.5),
        y: Axis::linear("90th percentile of the wait ÷ time of a task", 0.0, 100.0),
        series: vec![
            Series::line("an unbounded queue", endless),
            Series::line("16 slots, then rejected", short),
        ],
    })
}

/// The medians of several measurements.
fn medians(load: f64, slots: usize) -> Result<(f64, f64)> {
    // At the same time: they sleep nearly all the time, so they do not disturb each other.
    let rounds = at_once(ROUNDS, |_| measure(load, slots)).into_iter();
    let (waits, rejected) = rounds.collect::<Result<Vec<_>>>()?.into_iter().unzip();
    Ok((median(waits).context("no rounds")?, median(rejected).context("no rounds")?))
}

/// The 90th percentile of the wait of the accepted tasks, in durations of a task, and the share of tasks that were
/// rejected.
fn measure(load: f64, slots: usize) -> Result<(f64, f64)> {
    let (done, waits) = channel();
    let size = PoolConfig { workers: WORKERS as usize, queue: slots };
    let pool = ThreadPool::start("worker", size, move |arrived: Instant| {
        // After the measurement there is no receiver.
        let _ = done.send(arrived.elapsed());
        thread::sleep(TASK);
    })?;
    let mean = TASK.as_secs_f64() / (f64::from(WORKERS) * load);
    let mut random = Random(0x9E37_79B9_7F4A_7C15);
    let started = Instant::now();
    let (mut next, mut count, mut rejected) = (Duration::ZERO, 0_u32, 0_u32);
    while next < TIME {
        // Tasks arrive whether the earlier ones are done or not. Clients that wait for a response could not overload it.
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
    let wait = slow.as_secs_f64() / TASK.as_secs_f64();
    Ok((wait, f64::from(rejected) / f64::from(count)))
}

/// Random numbers that are the same in each run (xorshift64).
struct Random(u64);

impl Random {
    /// The time to the next arrival, for independent arrivals; 1 on average.
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
