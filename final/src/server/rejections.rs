//! REJECT: every rejected request or connection is counted by its reason, and a line about it is
//! written for the operator.
//!
//! The access log contains the requests to which a handler or a layer responded. Earlier rejections
//! would leave no trace: malformed requests, requests that do not arrive in time, and connections
//! over a limit.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use crate::core::sync::lock;
use crate::http::rejection::Rejection;

/// The maximum number of lines in a second. A flood of rejections must not fill the disk with the
/// log: with 200 bytes per line, this is 170 MB a day.
const LINES_A_SECOND: u32 = 10;

const SECOND: Duration = Duration::from_secs(1);

/// The counts by reason, and the limit on lines. Methods return a line instead of writing it, so
/// that it can be written without holding the lock.
#[derive(Debug, Default)]
pub(super) struct Rejections(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    by_reason: BTreeMap<&'static str, u64>,
    /// The start of the current second, and the number of rejections in it.
    second: Option<(Instant, u32)>,
    /// The number of rejections in this second that were not logged.
    suppressed: u64,
}

impl Rejections {
    /// Counts a rejection. Returns a line about the previous second, if it had too many rejections,
    /// and a line about this rejection, if this second may have another line.
    pub(super) fn record(
        &self,
        peer: SocketAddr,
        rejection: &Rejection,
        now: Instant,
    ) -> [Option<String>; 2] {
        let mut state = lock(&self.0);
        let summary = state.next_second(now);
        *state.by_reason.entry(rejection.reason).or_default() += 1;
        let (_, count) = state.second.get_or_insert((now, 0));
        *count = count.saturating_add(1);
        if *count > LINES_A_SECOND {
            state.suppressed += 1;
            return [summary, None];
        }
        [summary, Some(line(peer, rejection))]
    }

    /// Checks the time. When a second with too many rejections is over, returns a line with the
    /// number of rejections that were not logged.
    pub(super) fn tick(&self, now: Instant) -> Option<String> {
        lock(&self.0).next_second(now)
    }

    /// Returns the number of rejections for each reason, in alphabetical order.
    pub(super) fn by_reason(&self) -> Vec<(&'static str, u64)> {
        lock(&self.0).by_reason.iter().map(|(reason, count)| (*reason, *count)).collect()
    }
}

impl State {
    fn next_second(&mut self, now: Instant) -> Option<String> {
        self.second.take_if(|(began, _)| now.saturating_duration_since(*began) >= SECOND)?;
        let suppressed = std::mem::take(&mut self.suppressed);
        (suppressed > 0).then(|| format!("{suppressed} more rejections in the same second"))
    }
}

fn line(peer: SocketAddr, rejection: &Rejection) -> String {
    let Rejection { reason, status, client, request } = rejection;
    let client = match client {
        Some(client) if *client != peer.ip().to_canonical() => format!("{client} via {peer}"),
        _ => peer.to_string(),
    };
    let request = if request.is_empty() { "-" } else { request };
    match status {
        Some(status) => format!("{client}: rejected \"{request}\" with {status}: {reason}"),
        None => {
            format!("{client}: ended \"{request}\" before the client read the response: {reason}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::Status;

    fn peer() -> SocketAddr {
        SocketAddr::from(([192, 0, 2, 1], 50_000))
    }

    fn rejection(reason: &'static str) -> Rejection {
        let request = "GET /".to_string();
        Rejection { reason, status: Some(Status::BAD_REQUEST), client: None, request }
    }

    #[test]
    fn a_rejection_is_a_line_with_client_request_status_and_reason() {
        let table = [
            (rejection("bad_request"), "rejected \"GET /\" with 400 Bad Request: bad_request"),
            (
                Rejection { request: String::new(), ..rejection("bad_request") },
                "rejected \"-\" with 400 Bad Request: bad_request",
            ),
            (
                Rejection { status: None, ..rejection("write_timeout") },
                "ended \"GET /\" before the client read the response: write_timeout",
            ),
        ];
        for (rejection, expected) in table {
            assert_eq!(line(peer(), &rejection), format!("192.0.2.1:50000: {expected}"));
        }
    }

    #[test]
    fn the_line_has_the_client_behind_the_proxy_if_it_is_known() {
        for (client, expected) in [
            ("203.0.113.9", "203.0.113.9 via 192.0.2.1:50000: rejected"),
            ("2001:db8::9", "2001:db8::9 via 192.0.2.1:50000: rejected"),
            ("192.0.2.1", "192.0.2.1:50000: rejected"),
        ] {
            let rejection =
                Rejection { client: Some(client.parse().unwrap()), ..rejection("bad_request") };
            let line = line(peer(), &rejection);
            assert!(line.starts_with(expected), "{line}");
        }
    }

    #[test]
    fn a_flood_is_counted_and_has_few_lines() {
        let rejections = Rejections::default();
        let start = Instant::now();
        let record = |reason, micros| {
            let now = start + Duration::from_micros(micros);
            rejections.record(peer(), &rejection(reason), now)
        };
        let lines = (0..1000).flat_map(|micros| record("a", micros)).flatten().count();
        assert_eq!(rejections.by_reason(), [("a", 1000)]);
        assert_eq!(lines, LINES_A_SECOND as usize);

        assert_eq!(rejections.tick(start + Duration::from_micros(999_999)), None);
        let summary = "990 more rejections in the same second";
        assert_eq!(rejections.tick(start + SECOND).as_deref(), Some(summary));
        assert_eq!(rejections.tick(start + SECOND), None, "once");
        assert!(matches!(record("b", 1_000_000), [None, Some(_)]));
        assert_eq!(rejections.by_reason(), [("a", 1000), ("b", 1)]);
    }

    #[test]
    fn the_next_rejection_reports_how_many_had_no_line_if_no_tick_has() {
        let rejections = Rejections::default();
        let start = Instant::now();
        for _ in 0..=LINES_A_SECOND {
            rejections.record(peer(), &rejection("a"), start);
        }
        let [summary, line] = rejections.record(peer(), &rejection("a"), start + SECOND);
        assert_eq!(summary.as_deref(), Some("1 more rejections in the same second"));
        assert!(line.is_some());
    }
}
