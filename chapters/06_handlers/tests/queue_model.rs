//! The task queue under a model checker: orders in which threads can meet are tried one by one.
//!
//! Empty in a normal build. Run it with
//! `RUSTFLAGS="--cfg loom" cargo test --release -p ch02_thread_pool --test queue_model`.
#![cfg(loom)]

use loom::model::Builder;
use loom::sync::Arc;
use loom::thread;
use task_queue::TaskQueue;

#[path = "../src/core/task_queue.rs"]
mod task_queue;

/// Tries every order with at most three preemptions, which is where such mistakes show themselves:
/// all orders of three threads would take minutes.
fn check(model: impl Fn() + Send + Sync + 'static) {
    let mut builder = Builder::new();
    builder.preemption_bound = Some(3);
    builder.check(model);
}

/// Takes everything that comes until the queue ends, and returns it.
fn worker(queue: &Arc<TaskQueue<u32>>) -> thread::JoinHandle<Vec<u32>> {
    let queue = Arc::clone(queue);
    thread::spawn(move || std::iter::from_fn(|| queue.pop()).collect())
}

#[test]
fn every_accepted_task_is_handed_out_exactly_once() {
    check(|| {
        let queue = Arc::new(TaskQueue::new(2));
        let workers = [worker(&queue), worker(&queue)];
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
        let worker = worker(&queue);
        queue.close();
        assert!(worker.join().unwrap().is_empty()); // loom reports a deadlock if this never returns
    });
}

#[test]
fn closing_races_with_pushing_and_loses_nothing() {
    check(|| {
        let queue = Arc::new(TaskQueue::new(1));
        let worker = worker(&queue);
        let closer = {
            let queue = Arc::clone(&queue);
            thread::spawn(move || queue.close())
        };
        let accepted = queue.push(7).is_ok();
        closer.join().unwrap();
        assert_eq!(worker.join().unwrap(), if accepted { vec![7] } else { vec![] });
    });
}
