//! Who else is connected while a server is measured.

use std::net::SocketAddr;
use std::thread;
use std::time::Duration;

use anyhow::Context;

use super::idle::Idle;
use super::scenario::Beside;
use super::sleepers::Sleepers;
use super::slow::Slow;

/// A server that has just lost 10,000 clients is busy for a while, and the next one's round shall not pay.
const REST: Duration = Duration::from_millis(300);

/// Those who are there. They leave when it is dropped.
pub(crate) enum Company {
    Nobody,
    Idle(Idle),
    Sleepers(Sleepers),
    Slow(Slow),
}

/// How it was for them.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Parting {
    /// How many the server has closed.
    pub lost: usize,
    /// What they got of what they could get.
    pub share: Option<f64>,
}

impl Company {
    pub(crate) fn meet(address: SocketAddr, beside: Beside) -> anyhow::Result<Company> {
        Ok(match beside {
            Beside::Nobody => Company::Nobody,
            Beside::Idle(count) => Company::Idle(
                Idle::open(address, count).with_context(|| format!("{count} idle connections"))?,
            ),
            Beside::Slow(path) => Company::Slow(Slow::open(address, path)?),
            Beside::Sleepers(path) => Company::Sleepers(Sleepers::start(address, path)?),
        })
    }

    pub(crate) fn leave(self) -> Parting {
        match self {
            Company::Nobody => Parting::default(),
            Company::Idle(idle) => {
                let lost = idle.closed_by_the_server();
                drop(idle);
                thread::sleep(REST);
                Parting { lost, share: None }
            }
            Company::Slow(slow) => {
                let lost = slow.stop();
                thread::sleep(REST);
                Parting { lost, share: None }
            }
            Company::Sleepers(sleepers) => {
                let (lost, share) = sleepers.stop();
                Parting { lost, share: Some(share) }
            }
        }
    }
}
