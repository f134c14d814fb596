//! Models the task queue of chapters 2 to 6, in every order in which its threads can interleave.

use loom::sync::Arc;
use models::{check, spawn};
use task_queue::TaskQueue;

#[allow(dead_code, reason = "the models use a part of the file")]
#[path = "../../../chapters/02_thread_pool/src/core/task_queue.rs"]
mod task_queue;

/// Takes all tasks until the queue ends, and returns them.
fn work(queue: &TaskQueue<u32>) -> Vec<u32> {
    std::iter::from_fn(|| queue.pop()).collect()
}

#[test]
fn every_accepted_task_is_handed_out_exactly_once() {
    check(|| {
        let queue = Arc::new(TaskQueue::new(2));
        let workers = [spawn(&queue, work), spawn(&queue, work)];
        let accepted: Vec<u32> = (0..2).filter(|task| queue.push(*task).is_ok()).collect();
        queue.close();
        let mut done: Vec<u32> =
            workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect();
        done.sort_unstable();
        assert_eq!(done, accepted);
    });
}

#[test]
fn no_worker_sleeps_through_the_end() {
    check(|| {
        let queue = Arc::new(TaskQueue::new(1));
        let worker = spawn(&queue, work);
        queue.close();
        assert!(worker.join().unwrap().is_empty()); // loom reports a deadlock if this never returns
    });
}

#[test]
fn closing_races_with_pushing_and_loses_nothing() {
    check(|| {
        let queue = Arc::new(TaskQueue::new(1));
        let worker = spawn(&queue, work);
        let closer = spawn(&queue, TaskQueue::close);
        let accepted = queue.push(7).is_ok();
        closer.join().unwrap();
        assert_eq!(worker.join().unwrap(), if accepted { vec![7] } else { vec![] });
    });
}
