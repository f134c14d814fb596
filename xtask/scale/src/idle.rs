//! Two idle timeouts: the server closes a connection at the moment at which the load balancer reuses it.

use std::thread;
use std::time::Duration;

use wire::{Client, request};

use crate::deployment::{Deployment, REPLICAS, Setup, signal};
use crate::front::Retries;
use crate::load::{Counts, Outcome};

/// A short idle timeout for the server, and a longer pause of the load balancer.
const SHORT: &str = "200ms";
const PAUSE: Duration = Duration::from_millis(400);

/// Requests for each replica.
const ATTEMPTS: usize = 2;

/// The maximum number of attempts until a request fails when the server closes first. Now and then the load balancer
/// notices the close before it reuses the connection.
const MAX_ATTEMPTS: usize = 8;

/// The server's default, which is longer than the idle timeout of the load balancer.
pub(crate) fn server_last(setup: &Setup) -> anyhow::Result<Outcome> {
    use_idle_connections(setup, "75s", ATTEMPTS)
}

/// The server closes first.
pub(crate) fn server_first(setup: &Setup) -> anyhow::Result<Outcome> {
    use_idle_connections(setup, SHORT, MAX_ATTEMPTS)
}

/// Sends requests over idle connections that the server may have closed.
///
/// The load balancer is paused. During the pause, the request arrives first and then the server closes the connection.
/// When the load balancer continues it sees both, in this order.
fn use_idle_connections(
    setup: &Setup,
    timeout: &str,
    max_attempts: usize,
) -> anyhow::Result<Outcome> {
    let options = ["--idle-timeout", timeout];
    let Deployment { front, .. } = &Deployment::start(setup, Retries::Idempotent, &options)?;
    let mut counts = Counts::default();
    for attempt in 0..max_attempts * REPLICAS {
        if attempt >= ATTEMPTS * REPLICAS && counts.failed() > 0 {
            break;
        }
        let mut client = Client::connect(front.addr())?;
        let post = request("POST", "/echo", &[("Content-Type", "text/plain")], b"text");
        // Round robin spreads them over all replicas, so each gets an idle connection.
        for _ in 0..REPLICAS {
            client.ask(&post)?;
        }
        signal(front, "STOP")?;
        client.send(&post)?;
        thread::sleep(PAUSE);
        signal(front, "CONT")?;
        counts.post.add(match client.read_reply() {
            Ok(reply) if reply.status == 200 => None,
            Ok(reply) => Some(reply.status.to_string()),
            Err(_) => Some("no response".to_string()),
        });
    }
    Ok(Outcome::of(counts))
}
