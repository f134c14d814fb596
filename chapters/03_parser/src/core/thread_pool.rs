//! A thread pool: a fixed number of threads that take tasks from one bounded queue.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;

use super::task_queue::Rejected;
use super::{Deadline, TaskQueue};

/// The size of a pool and of its queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PoolConfig {
    /// The number of threads, which is also the maximum number of tasks that run at the same time.
    pub workers: usize,
    /// The maximum number of tasks that wait for a thread. Further tasks are rejected.
    pub queue: usize,
}

/// A pool of named threads that all run the same function on the tasks that are submitted.
///
/// A task is a value of type `T`, such as an accepted socket, and the function takes it as its
/// argument. So a rejected task is handed back whole, and the caller can still send its client a
/// response.
#[derive(Debug)]
pub struct ThreadPool<T> {
    shared: Arc<PoolShared<T>>,
}

#[derive(Debug)]
struct PoolShared<T> {
    queue: TaskQueue<T>,
    counters: Counters,
    /// The number of running threads. `ended` is notified when one of them ends.
    alive: Mutex<usize>,
    ended: Condvar,
}

#[derive(Debug, Default)]
struct Counters {
    busy: AtomicUsize,
    completed: AtomicUsize,
    panicked: AtomicUsize,
    rejected: AtomicUsize,
}

/// A snapshot of a pool's counters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Statistics {
    /// The number of running threads.
    pub workers: usize,
    /// The number of threads that are processing a task.
    pub busy: usize,
    /// The number of tasks in the queue.
    pub queued: usize,
    /// The number of tasks that ran to completion.
    pub completed: usize,
    /// The number of tasks that panicked.
    pub panicked: usize,
    /// The number of tasks that were rejected.
    pub rejected: usize,
}

impl<T: Send + 'static> ThreadPool<T> {
    /// Starts `size.workers` threads, named `NAME-0` and so on, that call `work` with each task.
    ///
    /// # Errors
    /// Returns an error when the OS cannot create a thread. The threads that are already running
    /// then end.
    pub fn start<W>(name: &str, size: PoolConfig, work: W) -> io::Result<ThreadPool<T>>
    where
        W: Fn(T) + Send + Sync + 'static,
    {
        let shared = Arc::new(PoolShared {
            queue: TaskQueue::new(size.queue),
            counters: Counters::default(),
            alive: Mutex::new(0),
            ended: Condvar::new(),
        });
        let pool = ThreadPool { shared: Arc::clone(&shared) };
        let work = Arc::new(work);
        for number in 0..size.workers {
            let (shared, work) = (Arc::clone(&shared), Arc::clone(&work));
            *pool.alive() += 1;
            let started = thread::Builder::new()
                .name(format!("{name}-{number}"))
                .spawn(move || shared.run_worker(&*work));
            if let Err(error) = started {
                *pool.alive() -= 1;
                return Err(error); // dropping the pool closes the queue, which ends the other threads
            }
        }
        Ok(pool)
    }

    /// Submits a task to the pool without waiting.
    ///
    /// # Errors
    /// Returns [`Rejected`] with the task when the queue is full or the pool is closed.
    pub fn submit(&self, task: T) -> Result<(), Rejected<T>> {
        self.shared.queue.push(task).inspect_err(|_| {
            self.shared.counters.rejected.fetch_add(1, Ordering::Relaxed);
        })
    }
}

impl<T> ThreadPool<T> {
    /// Returns the counters. They are read one after the other while the threads run, so the
    /// numbers may disagree by a few tasks.
    pub fn statistics(&self) -> Statistics {
        let Counters { busy, completed, panicked, rejected } = &self.shared.counters;
        Statistics {
            workers: *self.alive(),
            busy: busy.load(Ordering::Relaxed),
            queued: self.shared.queue.len(),
            completed: completed.load(Ordering::Relaxed),
            panicked: panicked.load(Ordering::Relaxed),
            rejected: rejected.load(Ordering::Relaxed),
        }
    }

    /// Closes the pool for new tasks. Tasks that were accepted still run.
    pub fn close(&self) {
        self.shared.queue.close();
    }

    /// Removes and returns the tasks that no thread has started. Running tasks continue.
    pub fn take_back(&self) -> impl IntoIterator<Item = T> {
        self.shared.queue.take_back()
    }

    /// Waits until all threads of a closed pool have ended, and returns the number of threads that
    /// are still running at the deadline. Zero means that the pool has ended.
    pub fn wait(&self, deadline: Deadline) -> usize {
        let mut alive = self.alive();
        while *alive > 0 {
            let Some(remaining) = deadline.remaining() else {
                break;
            };
            (alive, _) = self
                .shared
                .ended
                .wait_timeout(alive, remaining)
                .unwrap_or_else(PoisonError::into_inner);
        }
        *alive
    }

    fn alive(&self) -> std::sync::MutexGuard<'_, usize> {
        self.shared.alive.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Drop for ThreadPool<T> {
    /// Closes the queue, because the threads would otherwise wait for tasks forever.
    fn drop(&mut self) {
        self.close();
    }
}

impl<T> PoolShared<T> {
    /// Runs the loop of a worker: takes a task and runs it, until the queue is closed and empty.
    fn run_worker(&self, work: &(impl Fn(T) + ?Sized)) {
        while let Some(task) = self.queue.pop() {
            self.counters.busy.fetch_add(1, Ordering::Relaxed);
            // A panic unwinds the stack of the task and stops here, so it costs this task but not
            // this thread. State that the task shares with other threads must stay sound after a
            // panic: a mutex gets poisoned, and an atomic is never half written. So
            // `AssertUnwindSafe` is correct.
            let outcome = catch_unwind(AssertUnwindSafe(|| work(task)));
            let counter = match outcome {
                Ok(()) => &self.counters.completed,
                Err(_) => &self.counters.panicked, // the panic hook has printed the message
            };
            counter.fetch_add(1, Ordering::Relaxed);
            self.counters.busy.fetch_sub(1, Ordering::Relaxed);
        }
        *self.alive.lock().unwrap_or_else(PoisonError::into_inner) -= 1;
        self.ended.notify_all();
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use std::sync::Barrier;
    use std::sync::mpsc::channel;
    use std::time::Duration;

    type Task = Box<dyn FnOnce() + Send>;

    const LONG: Duration = Duration::from_secs(10);

    fn pool(workers: usize, queue: usize) -> ThreadPool<Task> {
        ThreadPool::start("test", PoolConfig { workers, queue }, |task: Task| task()).unwrap()
    }

    fn end(pool: &ThreadPool<Task>) -> Statistics {
        pool.close();
        assert_eq!(pool.wait(Deadline::after(LONG)), 0);
        pool.statistics()
    }

    #[test]
    fn as_many_tasks_run_at_once_as_there_are_workers() {
        let pool = pool(3, 3);
        let barrier = Arc::new(Barrier::new(4)); // opens only when all four threads wait at it
        for _ in 0..3 {
            let barrier = Arc::clone(&barrier);
            assert!(pool.submit(Box::new(move || _ = barrier.wait())).is_ok());
        }
        barrier.wait();
        assert_eq!(end(&pool).completed, 3);
    }

    #[test]
    fn a_panicking_task_costs_no_worker() {
        let pool = pool(2, 100);
        for _ in 0..20 {
            assert!(pool.submit(Box::new(|| panic!("a task that panics on purpose"))).is_ok());
        }
        let (send, receive) = channel();
        for _ in 0..20 {
            let send = send.clone();
            assert!(pool.submit(Box::new(move || send.send(()).unwrap())).is_ok());
        }
        for _ in 0..20 {
            receive.recv_timeout(LONG).unwrap();
        }
        assert_eq!(pool.statistics().workers, 2);
        let statistics = end(&pool);
        assert_eq!((statistics.panicked, statistics.completed), (20, 20));
    }

    #[test]
    fn a_full_pool_rejects_and_counts() {
        let pool = pool(1, 1);
        let (started, has_started) = channel();
        let (release, wait) = channel::<()>();
        let first: Task = Box::new(move || {
            started.send(()).unwrap();
            let _ = wait.recv();
        });
        assert!(pool.submit(first).is_ok());
        has_started.recv_timeout(LONG).unwrap(); // the worker is busy, so the queue is empty
        assert!(pool.submit(Box::new(|| ())).is_ok());
        assert!(matches!(pool.submit(Box::new(|| ())), Err(Rejected::Full(_))));
        let statistics = pool.statistics();
        assert_eq!((statistics.busy, statistics.queued, statistics.rejected), (1, 1, 1));
        drop(release);
        assert_eq!(end(&pool).completed, 2);
    }

    #[test]
    fn a_closed_pool_runs_accepted_tasks_and_rejects_new_ones() {
        let pool = pool(1, 10);
        let (send, receive) = channel();
        for number in 0..10 {
            let send = send.clone();
            assert!(pool.submit(Box::new(move || send.send(number).unwrap())).is_ok());
        }
        pool.close();
        assert!(matches!(pool.submit(Box::new(|| ())), Err(Rejected::Closed(_))));
        assert_eq!(pool.wait(Deadline::after(LONG)), 0);
        assert_eq!(receive.try_iter().collect::<Vec<_>>(), (0..10).collect::<Vec<_>>());
    }

    #[test]
    fn waiting_ends_at_the_deadline_and_counts_running_threads() {
        let pool = pool(2, 2);
        let (release, wait) = channel::<()>();
        assert!(pool.submit(Box::new(move || _ = wait.recv())).is_ok());
        pool.close();
        // The idle worker may have ended by now, but the busy one cannot have.
        assert!(pool.wait(Deadline::after(Duration::from_millis(50))) >= 1);
        drop(release);
        assert_eq!(pool.wait(Deadline::after(LONG)), 0);
    }

    #[test]
    fn threads_have_names_that_ps_and_panic_messages_show() {
        let pool = pool(1, 1);
        let (send, receive) = channel();
        let task: Task = Box::new(move || {
            let name = thread::current().name().map(str::to_string);
            send.send(name).unwrap();
        });
        assert!(pool.submit(task).is_ok());
        assert_eq!(receive.recv_timeout(LONG).unwrap().as_deref(), Some("test-0"));
    }
}
