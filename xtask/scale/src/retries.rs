//! A replica that is killed or paused, and the requests that the load balancer retries.

use std::thread;
use std::time::Duration;

use crate::configuration::Retries;
use crate::deployment::{Deployment, Setup};
use crate::load::{Counts, Outcome};

/// Longer than the load balancer's timeout of 300 ms.
const PAUSE: Duration = Duration::from_millis(800);

/// The load balancer retries nothing.
pub(crate) fn never(setup: &Setup, name: &str) -> anyhow::Result<Outcome> {
    Ok(Outcome::of(killed(setup, name, Retries::Never)?, true))
}

/// The load balancer retries only requests that are safe to retry.
pub(crate) fn idempotent(setup: &Setup, name: &str) -> anyhow::Result<Outcome> {
    let counts = killed(setup, name, Retries::Idempotent)?;
    let is_expected = counts.get.failed() == 0;
    Ok(Outcome { counts, note: None, is_expected })
}

fn killed(setup: &Setup, name: &str, retries: Retries) -> anyhow::Result<Counts> {
    let mut deployment = Deployment::under_load(setup, name, retries)?;
    deployment.kill(0);
    deployment.several_more()?;
    deployment.start_again(0)?;
    deployment.several_more()?;
    Ok(deployment.finish_load())
}

/// The load balancer retries everything, although the replica is only slow.
pub(crate) fn all(setup: &Setup, name: &str) -> anyhow::Result<Outcome> {
    let mut deployment = Deployment::under_load(setup, name, Retries::All)?;
    deployment.pause(0, true)?;
    thread::sleep(PAUSE);
    deployment.pause(0, false)?;
    deployment.several_more()?;
    let counts = deployment.finish_load();
    let twice = deployment.carried_out()?.saturating_sub(counts.counted);
    let note = format!("{twice} POST carried out twice");
    Ok(Outcome { counts, note: Some(note), is_expected: twice > 0 })
}
