//! Two workers, ten tasks, every second one panics: `cargo run -p ch02_thread_pool --example panics`.

use std::time::Duration;

use ch02_thread_pool::core::thread_pool::PoolConfig;
use ch02_thread_pool::core::{Deadline, ThreadPool};

fn main() -> std::io::Result<()> {
    let size = PoolConfig { workers: 2, queue: 10 };
    let pool = ThreadPool::start("worker", size, |task: u32| {
        assert!(task.is_multiple_of(2), "task {task} panics");
    })?;
    for task in 0..10 {
        assert!(pool.submit(task).is_ok(), "the queue has room for ten");
    }
    // The queue is first in first out, so when the pool has ended, every task has run.
    println!("workers before: {}", pool.statistics().workers);
    while pool.statistics().completed + pool.statistics().panicked < 10 {
        std::thread::yield_now();
    }
    println!("workers after:  {}", pool.statistics().workers);
    pool.close();
    pool.wait(Deadline::after(Duration::from_secs(10)));
    let end = pool.statistics();
    println!("completed: {}, panicked: {}", end.completed, end.panicked);
    Ok(())
}
