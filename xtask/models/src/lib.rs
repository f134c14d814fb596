//! Code that the models share. Each test compiles the tested files unchanged, by their paths.

use loom::model::Builder;

/// Tries every order of the model's threads with at most three preemptions. Known bugs of this kind need no more
/// than two, and all orders of three threads would take minutes.
pub fn check(model: impl Fn() + Send + Sync + 'static) {
    let mut builder = Builder::new();
    builder.preemption_bound = Some(3);
    builder.check(model);
}
