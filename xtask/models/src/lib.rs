//! Code that the models share. Each test compiles the tested files unchanged, by their paths.

use loom::model::Builder;
use loom::sync::Arc;
use loom::thread::{self, JoinHandle};

/// Tries every order of the model's threads with at most three preemptions. Known bugs of this kind need no more
/// than two, and all orders of three threads would take minutes.
pub fn check(model: impl Fn() + Send + Sync + 'static) {
    let mut builder = Builder::new();
    builder.preemption_bound = Some(3);
    builder.check(model);
}

/// Starts a thread of a model on a value that the model's threads share.
pub fn spawn<T: 'static, R: 'static>(
    shared: &Arc<T>,
    work: impl FnOnce(&T) -> R + 'static,
) -> JoinHandle<R> {
    let shared = Arc::clone(shared);
    thread::spawn(move || work(&shared))
}
