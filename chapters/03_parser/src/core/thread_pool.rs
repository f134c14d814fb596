//! A fixed number of threads that take tasks from one bounded queue.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;

use super::task_queue::Rejected;
use super::{Deadline, TaskQueue};

/// How large a pool is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PoolConfig {
    /// Threads. So many tasks run at the same time.
    pub workers: usize,
    /// Tasks that may wait for a thread. One more is rejected.
    pub queue: usize,
}

/// A pool of named threads which all do the same work on the tasks that are submitted.
///
/// A task is a value of type `T`, such as an accepted socket, and the work is one function that is
/// given it. So a task that is rejected comes back whole, and its client can be told.
#[derive(Debug)]
pub struct ThreadPool<T> {
    shared: Arc<PoolShared<T>>,
}

#[derive(Debug)]
struct PoolShared<T> {
    queue: TaskQueue<T>,
    counters: Counters,
    /// Threads that have not ended, and the bell that rings when one does.
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

/// What a pool is doing and has done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Statistics {
    /// Threads that have not ended.
    pub workers: usize,
    /// Threads that work on a task right now.
    pub busy: usize,
    /// Tasks that wait.
    pub queued: usize,
    /// Tasks that were worked on to their end.
    pub completed: usize,
    /// Tasks whose work panicked.
    pub panicked: usize,
    /// Tasks that were not taken.
    pub rejected: usize,
}

impl<T: Send + 'static> ThreadPool<T> {
    /// Starts `size.workers` threads, named `NAME-0` and so on, that do `work` on each task.
    ///
    /// # Errors
    /// When the system does not give us a thread. The threads started before it end again.
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
                return Err(error); // dropping the pool closes the queue, which ends the others
            }
        }
        Ok(pool)
    }

    /// Hands a task to the pool, without waiting.
    ///
    /// # Errors
    /// [`Rejected`] with the task: the queue is full, or the pool is shutting down.
    pub fn submit(&self, task: T) -> Result<(), Rejected<T>> {
        self.shared.queue.push(task).inspect_err(|_| {
            self.shared.counters.rejected.fetch_add(1, Ordering::Relaxed);
        })
    }
}

impl<T> ThreadPool<T> {
    /// A look at the pool. The numbers are read one after the other while the threads go on, so they
    /// need not fit each other to the last task.
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

    /// Takes no more tasks; those that were taken are worked on to their end.
    pub fn close(&self) {
        self.shared.queue.close();
    }

    /// Takes back the tasks that no thread has begun. Those at work go on.
    pub fn take_back(&self) -> impl IntoIterator<Item = T> {
        self.shared.queue.take_back()
    }

    /// Waits until a closed pool has worked on everything. Returns the number of threads that are
    /// still at work at the deadline: zero is a pool that has ended.
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
    /// A pool that nobody can submit to any more ends, or its threads would sleep for ever.
    fn drop(&mut self) {
        self.close();
    }
}

impl<T> PoolShared<T> {
    /// The life of a worker: take a task, work on it, again, until the queue is closed and empty.
    fn run_worker(&self, work: &(impl Fn(T) + ?Sized)) {
        while let Some(task) = self.queue.pop() {
            self.counters.busy.fetch_add(1, Ordering::Relaxed);
            // A panic unwinds the stack of the work and stops here, so that it costs this task and not
            // this thread. What the work shares with others must be sound after a panic: a poisoned
            // lock tells them, an atomic cannot be half written. That is what AssertUnwindSafe asserts.
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
        let meeting = Arc::new(Barrier::new(4)); // only opens when all four are there
        for _ in 0..3 {
            let meeting = Arc::clone(&meeting);
            assert!(pool.submit(Box::new(move || _ = meeting.wait())).is_ok());
        }
        meeting.wait();
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
    fn closing_works_on_what_was_taken_and_takes_no_more() {
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
    fn waiting_ends_at_the_deadline_and_says_who_is_late() {
        let pool = pool(2, 2);
        let (release, wait) = channel::<()>();
        assert!(pool.submit(Box::new(move || _ = wait.recv())).is_ok());
        pool.close();
        // The idle worker may or may not have ended by now; the busy one cannot have.
        assert!(pool.wait(Deadline::after(Duration::from_millis(50))) >= 1);
        drop(release);
        assert_eq!(pool.wait(Deadline::after(LONG)), 0);
    }

    #[test]
    fn threads_are_named_so_that_ps_and_panics_can_tell_them_apart() {
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
