//! Replicas that are killed, paused, restarted or replaced under load.

use std::net::SocketAddr;
use std::thread;
use std::time::Duration;

use crate::deployment::{Deployment, REPLICAS, Setup, is_ready, signal};
use crate::front::Retries;
use crate::load::{Load, Outcome};
use crate::process::new_host;

/// How long a stopping replica still accepts connections. It is longer than `HAProxy` needs to detect that the replica
/// is not ready: three probes, one every 100 ms.
const STOP_DELAY: &[&str] = &["--stop-delay", "1s"];

/// A pause that is longer than the load balancer's timeout of 300 ms.
const PAUSE: Duration = Duration::from_millis(800);

/// How often a new replica is probed, at this interval, until it is taken for a bad release.
const PROBES: u32 = 20;
const INTERVAL: Duration = Duration::from_millis(50);

type Steps = fn(&mut Deployment, &Load) -> anyhow::Result<()>;

/// Runs the steps under load.
fn under_load(
    setup: &Setup,
    retries: Retries,
    options: &[&str],
    steps: Steps,
) -> anyhow::Result<Outcome> {
    let mut deployment = Deployment::start(setup, retries, options)?;
    let front = deployment.front.addr();
    Ok(Outcome::of(Load::during(front, |load| steps(&mut deployment, load))?))
}

/// A replica is killed, and the load balancer retries nothing.
pub(crate) fn kill_without_retries(setup: &Setup) -> anyhow::Result<Outcome> {
    under_load(setup, Retries::Never, STOP_DELAY, |it, load| kill(it, load, 0))
}

/// A replica is killed, and the load balancer retries only requests that are safe to retry.
pub(crate) fn kill_with_retries(setup: &Setup) -> anyhow::Result<Outcome> {
    let outcome = under_load(setup, Retries::Idempotent, STOP_DELAY, |it, load| kill(it, load, 0))?;
    Ok(Outcome { is_wrong: outcome.counts.get.failed() > 0, ..outcome })
}

fn kill(deployment: &mut Deployment, load: &Load, number: usize) -> anyhow::Result<()> {
    signal(&deployment.replicas[number], "KILL")?;
    load.several_more()?;
    deployment.start_again(number)?;
    load.several_more()
}

/// The load balancer retries everything, although the replica is only slow.
pub(crate) fn pause_with_all_retries(setup: &Setup) -> anyhow::Result<Outcome> {
    let deployment = Deployment::start(setup, Retries::All, STOP_DELAY)?;
    let counts = Load::during(deployment.front.addr(), |load| {
        signal(&deployment.replicas[0], "STOP")?;
        thread::sleep(PAUSE);
        signal(&deployment.replicas[0], "CONT")?;
        load.several_more()
    })?;
    let twice = deployment.carried_out()?.saturating_sub(counts.post.sent());
    let note = format!("{twice} POST carried out twice");
    Ok(Outcome { counts, note: Some(note), is_wrong: twice > 0 })
}

/// The right order: one replica at a time, each stopped gracefully, and the next only when the restarted replica is
/// ready.
pub(crate) fn right(setup: &Setup) -> anyhow::Result<Outcome> {
    under_load(setup, Retries::Idempotent, STOP_DELAY, one_after_the_other)
}

/// The right order, but the socket closes at the signal, and the load balancer does not retry.
pub(crate) fn without_delay(setup: &Setup) -> anyhow::Result<Outcome> {
    under_load(setup, Retries::Never, &["--stop-delay", "0s"], one_after_the_other)
}

fn one_after_the_other(deployment: &mut Deployment, load: &Load) -> anyhow::Result<()> {
    for number in 0..REPLICAS {
        deployment.stop(&[number])?;
        // For a moment the clients have one replica less.
        load.several_more()?;
        deployment.start_again(number)?;
        load.several_more()?;
    }
    Ok(())
}

/// SIGKILL instead of SIGTERM.
pub(crate) fn kill_each(setup: &Setup) -> anyhow::Result<Outcome> {
    under_load(setup, Retries::Idempotent, STOP_DELAY, |it, load| {
        (0..REPLICAS).try_for_each(|number| kill(it, load, number))
    })
}

/// The new replicas take longer to start than the old replicas take to stop, and the restart does not wait for them. A
/// replica does not listen while it loads, so starting it later looks the same to the load balancer.
pub(crate) fn next_too_early(setup: &Setup) -> anyhow::Result<Outcome> {
    under_load(setup, Retries::Idempotent, STOP_DELAY, |it, load| {
        (0..REPLICAS).try_for_each(|number| it.stop(&[number]))?;
        start_all(it, load)
    })
}

/// All replicas stop at the same time, each gracefully.
pub(crate) fn all_at_once(setup: &Setup) -> anyhow::Result<Outcome> {
    under_load(setup, Retries::Idempotent, STOP_DELAY, |it, load| {
        it.stop(&[0, 1, 2])?;
        start_all(it, load)
    })
}

/// Starts all replicas after a moment without any.
fn start_all(deployment: &mut Deployment, load: &Load) -> anyhow::Result<()> {
    load.several_more()?;
    (0..REPLICAS).try_for_each(|number| deployment.start_again(number))?;
    load.several_more()
}

/// A release that is never ready starts beside the old replicas, and would replace one only if it were ready.
pub(crate) fn probed_release(setup: &Setup) -> anyhow::Result<Outcome> {
    let deployment = Deployment::start(setup, Retries::Idempotent, STOP_DELAY)?;
    let mut passed = 0;
    let counts = Load::during(deployment.front.addr(), |load| {
        let bad = deployment.start_bad(SocketAddr::new(new_host(), 0))?;
        for _ in 0..PROBES {
            thread::sleep(INTERVAL);
            passed += u32::from(is_ready(bad.addr()));
        }
        drop(bad);
        load.several_more()
    })?;
    let note = format!("{passed} of {PROBES} probes passed");
    let is_wrong = counts.failed() > 0 || passed > 0;
    Ok(Outcome { counts, note: Some(note), is_wrong })
}

/// All old replicas are replaced, one after the other, each gracefully, and the new ones are not probed.
pub(crate) fn unchecked_release(setup: &Setup) -> anyhow::Result<Outcome> {
    under_load(setup, Retries::Idempotent, STOP_DELAY, |it, load| {
        for number in 0..REPLICAS {
            it.stop(&[number])?;
            it.replicas[number] = it.start_bad(it.replicas[number].addr())?;
            load.several_more()?;
        }
        Ok(())
    })
}
