//! A bad release, which cannot find its files: it listens and responds with 404, and its readiness probe fails.

use std::ffi::OsStr;
use std::fs;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use wire::Program;

use crate::deployment::Deployment;
use crate::front::Retries;
use crate::interrupt::LONG;
use crate::outcome::Outcome;
use crate::replica;
use crate::setup::Setup;

/// The maximum time for the new replica to become ready.
const START_LIMIT: Duration = Duration::from_secs(1);

/// The new replica starts beside the old ones, and would replace one only if it were ready.
pub(crate) fn rolled_back(setup: &Setup, name: &str) -> anyhow::Result<Outcome> {
    let mut deployment = Deployment::start(setup, name, Retries::Idempotent)?.with_load()?;
    let bad = start_bad(&deployment, deployment.spare_address())?;
    let deadline = Instant::now() + START_LIMIT;
    let mut probes = 0_u32;
    let mut is_ready = false;
    setup.interrupt.wait_until("the end of the probes", LONG, || {
        probes += 1;
        is_ready = replica::is_ready(bad.addr());
        Ok(is_ready || Instant::now() >= deadline)
    })?;
    drop(bad);
    deployment.several_more()?;
    let counts = deployment.finish_load();
    let note = format!("{} of {probes} probes passed", u32::from(is_ready));
    let is_expected = counts.failed() == 0 && !is_ready;
    Ok(Outcome { counts, note: Some(note), is_expected })
}

/// All old replicas are replaced, one after the other, each gracefully, and the new ones are not probed.
pub(crate) fn unchecked(setup: &Setup, name: &str) -> anyhow::Result<Outcome> {
    let mut deployment = Deployment::start(setup, name, Retries::Idempotent)?.with_load()?;
    for number in deployment.numbers() {
        deployment.stop(number)?;
        let bad = start_bad(&deployment, deployment.address(number))?;
        deployment.replace(number, bad);
        deployment.several_more()?;
    }
    Ok(Outcome::of(deployment.finish_load(), true))
}

/// Starts the bad release. Its directory is deleted after the start.
fn start_bad(deployment: &Deployment<'_>, address: SocketAddr) -> anyhow::Result<Program> {
    let root = tempfile::tempdir_in(&deployment.directory)?;
    let options = ["--files-only", "--root"].map(OsStr::new);
    let options = [&options[..], &[root.path().as_os_str()]].concat();
    let bad = replica::start(&deployment.setup.program, address, &options)?;
    fs::remove_dir(root.path())?;
    Ok(bad)
}
