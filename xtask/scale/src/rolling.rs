//! A rolling restart, done right and done wrong.

use crate::configuration::Retries;
use crate::deployment::{Deployment, Setup};
use crate::load::Outcome;

/// The right order: one replica at a time, each stopped gracefully, and the next only when the restarted replica is
/// ready.
pub(crate) fn right(setup: &Setup, name: &str) -> anyhow::Result<Outcome> {
    let mut deployment = Deployment::under_load(setup, name, Retries::Idempotent)?;
    one_after_the_other(&mut deployment)?;
    Ok(Outcome::of(deployment.finish_load(), false))
}

/// SIGKILL instead of SIGTERM.
pub(crate) fn kill(setup: &Setup, name: &str) -> anyhow::Result<Outcome> {
    let mut deployment = Deployment::under_load(setup, name, Retries::Idempotent)?;
    for number in deployment.numbers() {
        deployment.kill(number);
        deployment.several_more()?;
        deployment.start_again(number)?;
        deployment.several_more()?;
    }
    Ok(Outcome::of(deployment.finish_load(), true))
}

/// The right order, but the socket closes at the signal, and the load balancer does not retry.
pub(crate) fn no_delay(setup: &Setup, name: &str) -> anyhow::Result<Outcome> {
    let deployment = Deployment::start(setup, name, Retries::Never, &["--stop-delay", "0s"])?;
    let mut deployment = deployment.with_load()?;
    one_after_the_other(&mut deployment)?;
    Ok(Outcome::of(deployment.finish_load(), true))
}

fn one_after_the_other(deployment: &mut Deployment) -> anyhow::Result<()> {
    for number in deployment.numbers() {
        deployment.stop(number)?;
        // For a moment the clients have one replica less.
        deployment.several_more()?;
        deployment.start_again(number)?;
        deployment.several_more()?;
    }
    Ok(())
}

/// The new replicas take longer to start than the old replicas take to stop, and the restart does not wait for them. A
/// replica does not listen while it loads, so starting it later looks the same to the load balancer.
pub(crate) fn next_too_early(setup: &Setup, name: &str) -> anyhow::Result<Outcome> {
    let mut deployment = Deployment::under_load(setup, name, Retries::Idempotent)?;
    for number in deployment.numbers() {
        deployment.stop(number)?;
    }
    start_all(&mut deployment)?;
    Ok(Outcome::of(deployment.finish_load(), true))
}

/// All replicas stop at the same time, each gracefully.
pub(crate) fn all_at_once(setup: &Setup, name: &str) -> anyhow::Result<Outcome> {
    let mut deployment = Deployment::under_load(setup, name, Retries::Idempotent)?;
    for number in deployment.numbers() {
        deployment.terminate(number)?;
    }
    for number in deployment.numbers() {
        deployment.wait_until_ended(number)?;
    }
    start_all(&mut deployment)?;
    Ok(Outcome::of(deployment.finish_load(), true))
}

/// Starts all replicas after a moment without any.
fn start_all(deployment: &mut Deployment) -> anyhow::Result<()> {
    deployment.several_more()?;
    for number in deployment.numbers() {
        deployment.start_again(number)?;
    }
    deployment.several_more()
}
