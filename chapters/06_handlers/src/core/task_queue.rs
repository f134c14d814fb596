//! A bounded queue between those who have work and those who do it.

use std::collections::VecDeque;
use std::sync::PoisonError;

// Under `--cfg loom` the same code runs on loom's lock and condition variable, which try every order
// in which threads can meet (xtask/models/tests/queue.rs).
#[cfg(loom)]
use loom::sync::{Condvar, Mutex, MutexGuard};
#[cfg(not(loom))]
use std::sync::{Condvar, Mutex, MutexGuard};

/// A first-in first-out queue with a fixed capacity.
///
/// Adding never waits: when the queue is full the caller gets the task back at once and can tell its
/// client so. A queue without bound would take every task, and its last client would wait for ever.
#[derive(Debug)]
pub struct TaskQueue<T> {
    inner: Mutex<Inner<T>>,
    /// Wakes a thread that sleeps in [`TaskQueue::pop`]: there is a task, or there will never be one.
    changed: Condvar,
    capacity: usize,
}

#[derive(Debug)]
struct Inner<T> {
    tasks: VecDeque<T>,
    closed: bool,
}

/// Why a task was not taken. The task comes back.
#[derive(Debug, PartialEq, Eq)]
pub enum Rejected<T> {
    /// The queue holds as many tasks as it may.
    Full(T),
    /// The queue has been closed.
    Closed(T),
}

impl<T> TaskQueue<T> {
    /// An empty queue for at most `capacity` tasks.
    pub fn new(capacity: usize) -> TaskQueue<T> {
        let inner = Inner { tasks: VecDeque::new(), closed: false };
        TaskQueue { inner: Mutex::new(inner), changed: Condvar::new(), capacity }
    }

    /// Adds a task at the end, without waiting.
    ///
    /// # Errors
    /// [`Rejected`] with the task, when there is no room or no future.
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
        // One task, one thread to wake. To wake all of them would make the others run for nothing.
        self.changed.notify_one();
        Ok(())
    }

    /// Takes the task at the front; waits while there is none.
    ///
    /// Returns `None` once the queue is closed and empty: tasks that were accepted are still handed out.
    pub fn pop(&self) -> Option<T> {
        let mut inner = self.lock();
        loop {
            if let Some(task) = inner.tasks.pop_front() {
                return Some(task);
            }
            if inner.closed {
                return None;
            }
            // Gives the lock back while it sleeps and has it again when it returns. A condition variable
            // may also wake up for no reason, which is why this is a loop and not an `if`.
            inner = self.changed.wait(inner).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Takes no more tasks. Whoever waits in [`TaskQueue::pop`] gets what is left, and then `None`.
    pub fn close(&self) {
        self.lock().closed = true;
        // Everybody has to hear this, not just one.
        self.changed.notify_all();
    }

    /// Takes back all tasks that are still waiting.
    pub fn take_back(&self) -> VecDeque<T> {
        std::mem::take(&mut self.lock().tasks)
    }

    /// How many tasks are waiting.
    pub fn len(&self) -> usize {
        self.lock().tasks.len()
    }

    /// Whether no task is waiting.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A lock is poisoned when a thread panics while it holds it. None of ours can: nothing under this
    /// lock runs foreign code. So the data is sound, and to go on is right.
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
    fn a_queue_of_capacity_zero_takes_nothing() {
        assert_eq!(TaskQueue::new(0).push(1), Err(Rejected::Full(1)));
    }

    #[test]
    fn a_closed_queue_takes_nothing_and_hands_out_the_rest() {
        let queue = TaskQueue::new(4);
        queue.push(1).unwrap();
        queue.close();
        assert_eq!(queue.push(2), Err(Rejected::Closed(2)));
        assert_eq!((queue.pop(), queue.pop(), queue.pop()), (Some(1), None, None));
    }

    #[test]
    fn what_is_taken_back_is_handed_out_to_nobody_else() {
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
