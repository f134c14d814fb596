//! A release that is never ready.

use std::time::{Duration, Instant};

use crate::configuration::Retries;
use crate::deployment::{Deployment, Setup, is_ready};
use crate::load::Outcome;
use crate::process::wait_until;

/// The maximum time for the new replica to become ready.
const START_LIMIT: Duration = Duration::from_secs(1);

/// The new replica starts beside the old ones, and would replace one only if it were ready.
pub(crate) fn rolled_back(setup: &Setup, name: &str) -> anyhow::Result<Outcome> {
    let mut deployment = Deployment::under_load(setup, name, Retries::Idempotent)?;
    let bad = deployment.start_bad(deployment.spare_address)?;
    let deadline = Instant::now() + START_LIMIT;
    let mut probes = 0_u32;
    let mut has_passed = false;
    wait_until("the end of the probes", || {
        probes += 1;
        has_passed = is_ready(bad.addr());
        Ok(has_passed || Instant::now() >= deadline)
    })?;
    drop(bad);
    deployment.several_more()?;
    let counts = deployment.finish_load();
    let note = format!("{} of {probes} probes passed", u32::from(has_passed));
    let is_expected = counts.failed() == 0 && !has_passed;
    Ok(Outcome { counts, note: Some(note), is_expected })
}

/// All old replicas are replaced, one after the other, each gracefully, and the new ones are not probed.
pub(crate) fn unchecked(setup: &Setup, name: &str) -> anyhow::Result<Outcome> {
    let mut deployment = Deployment::under_load(setup, name, Retries::Idempotent)?;
    for number in deployment.numbers() {
        deployment.stop(number)?;
        let bad = deployment.start_bad(deployment.addresses[number])?;
        deployment.replace(number, bad);
        deployment.several_more()?;
    }
    Ok(Outcome::of(deployment.finish_load(), true))
}
