//! Other connections that are open while a server is measured.

use std::net::SocketAddr;
use std::thread;
use std::time::Duration;

use anyhow::Context;

use super::idle::Idle;
use super::scenario::BackgroundLoad;
use super::sleepers::Sleepers;
use super::slow::Slow;

/// A server that has just lost 10,000 clients stays busy for a while, which must not slow down the next measurement.
const COOL_DOWN: Duration = Duration::from_millis(300);

/// The open connections, which are closed when this is dropped.
pub(crate) enum Background {
    Nothing,
    Idle(Idle),
    Sleepers(Sleepers),
    Slow(Slow),
}

/// How the connections fared.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Outcome {
    /// How many connections the server has closed.
    pub lost: usize,
    /// Their throughput as a fraction of what is possible.
    pub share: Option<f64>,
}

impl Background {
    pub(crate) fn start(address: SocketAddr, load: BackgroundLoad) -> anyhow::Result<Background> {
        Ok(match load {
            BackgroundLoad::Nothing => Background::Nothing,
            BackgroundLoad::Idle(count) => Background::Idle(
                Idle::open(address, count).with_context(|| format!("{count} idle connections"))?,
            ),
            BackgroundLoad::Slow(path) => Background::Slow(Slow::open(address, path)?),
            BackgroundLoad::Sleepers(path) => Background::Sleepers(Sleepers::start(address, path)?),
        })
    }

    pub(crate) fn stop(self) -> Outcome {
        match self {
            Background::Nothing => Outcome::default(),
            Background::Idle(idle) => {
                let lost = idle.closed_by_the_server();
                drop(idle);
                thread::sleep(COOL_DOWN);
                Outcome { lost, share: None }
            }
            Background::Slow(slow) => {
                let lost = slow.stop();
                thread::sleep(COOL_DOWN);
                Outcome { lost, share: None }
            }
            Background::Sleepers(sleepers) => {
                let (lost, share) = sleepers.stop();
                Outcome { lost, share: Some(share) }
            }
        }
    }
}
