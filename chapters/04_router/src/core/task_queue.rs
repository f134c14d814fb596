//! A bounded queue between the producers and consumers of tasks.

use std::collections::VecDeque;
use std::sync::PoisonError;

// Under `--cfg loom` the same code runs with loom's mutex and condition variable, which explore all
// interleavings of the threads (xtask/models/tests/queue.rs).
#[cfg(loom)]
use loom::sync::{Condvar, Mutex, MutexGuard};
#[cfg(not(loom))]
use std::sync::{Condvar, Mutex, MutexGuard};

/// A first-in first-out queue with a fixed capacity.
///
/// Adding a task never blocks: when the queue is full, the caller gets the task back at once and
/// can reject its client. An unbounded queue would accept every task, and the wait of the last
/// client would have no limit.
#[derive(Debug)]
pub struct TaskQueue<T> {
    inner: Mutex<Inner<T>>,
    /// The condition variable on which threads wait in [`TaskQueue::pop`]. It is notified when a
    /// task is added or the queue is closed.
    changed: Condvar,
    capacity: usize,
}

#[derive(Debug)]
struct Inner<T> {
    tasks: VecDeque<T>,
    closed: bool,
}

/// The reason why a task was rejected, with the task itself.
#[derive(Debug, PartialEq, Eq)]
pub enum Rejected<T> {
    /// The queue is full.
    Full(T),
    /// The queue has been closed.
    Closed(T),
}

impl<T> TaskQueue<T> {
    /// Creates an empty queue for at most `capacity` tasks.
    pub fn new(capacity: usize) -> TaskQueue<T> {
        let inner = Inner { tasks: VecDeque::new(), closed: false };
        TaskQueue { inner: Mutex::new(inner), changed: Condvar::new(), capacity }
    }

    /// Appends a task without waiting.
    ///
    /// # Errors
    /// Returns [`Rejected`] with the task, when the queue is full or closed.
    pub fn push(&self, task: T) -> Result<(), Rejected<T>> {
        let mut inner = self.lock();
        if inner.closed {
            return Err(Rejected::Closed(task));
        }
        if inner.tasks.len() >= self.capacity {
            return Err(Rejected::Full(task));
        }
        inner.tasks.push_back(task);
        drop(inner);
        // One task needs only one thread, so the other threads stay asleep.
        self.changed.notify_one();
        Ok(())
    }

    /// Removes and returns the task at the front, and waits while the queue is empty.
    ///
    /// Returns `None` once the queue is closed and empty: tasks that were accepted are still handed
    /// out.
    pub fn pop(&self) -> Option<T> {
        let mut inner = self.lock();
        loop {
            if let Some(task) = inner.tasks.pop_front() {
                return Some(task);
            }
            if inner.closed {
                return None;
            }
            // `wait` releases the lock while the thread sleeps, and takes it again before it
            // returns. The loop is necessary because a condition variable may also wake up without
            // a notification (a spurious wake-up).
            inner = self.changed.wait(inner).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Closes the queue for new tasks. Threads in [`TaskQueue::pop`] get the remaining tasks, and
    /// then `None`.
    pub fn close(&self) {
        self.lock().closed = true;
        // All waiting threads must return, so it is not enough to notify one.
        self.changed.notify_all();
    }

    /// Removes and returns all tasks that are still waiting.
    pub fn take_back(&self) -> VecDeque<T> {
        std::mem::take(&mut self.lock().tasks)
    }

    /// Returns the number of waiting tasks.
    pub fn len(&self) -> usize {
        self.lock().tasks.len()
    }

    /// Returns whether no task is waiting.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Locks the queue. A mutex is poisoned when a thread panics while it holds the lock. That
    /// cannot happen here, because no foreign code runs under this lock, so ignoring the poison is
    /// sound.
    fn lock(&self) -> MutexGuard<'_, Inner<T>> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn tasks_come_out_in_the_order_they_went_in() {
        let queue = TaskQueue::new(3);
        for task in 1..=3 {
            queue.push(task).unwrap();
        }
        assert_eq!([queue.pop(), queue.pop(), queue.pop()], [Some(1), Some(2), Some(3)]);
    }

    #[test]
    fn a_full_queue_gives_the_task_back() {
        let queue = TaskQueue::new(1);
        queue.push("first").unwrap();
        assert_eq!(queue.push("second"), Err(Rejected::Full("second")));
        queue.pop();
        queue.push("third").unwrap();
    }

    #[test]
    fn a_queue_of_capacity_zero_rejects_every_task() {
        assert_eq!(TaskQueue::new(0).push(1), Err(Rejected::Full(1)));
    }

    #[test]
    fn a_closed_queue_rejects_new_tasks_and_hands_out_the_rest() {
        let queue = TaskQueue::new(4);
        queue.push(1).unwrap();
        queue.close();
        assert_eq!(queue.push(2), Err(Rejected::Closed(2)));
        assert_eq!((queue.pop(), queue.pop(), queue.pop()), (Some(1), None, None));
    }

    #[test]
    fn tasks_that_are_taken_back_are_not_handed_out_again() {
        let queue = TaskQueue::new(4);
        for task in 1..=3 {
            queue.push(task).unwrap();
        }
        queue.close();
        assert_eq!(queue.pop(), Some(1));
        assert_eq!(queue.take_back(), [2, 3]);
        assert_eq!(queue.pop(), None);
    }
}
