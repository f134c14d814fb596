//! Runs an input, and reports the result as JSON.

use std::sync::atomic::Ordering;

use anyhow::Context;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use httpserver::{Config, Limits};
use serde_json::{Value, json};

use crate::explain;
use crate::in_memory::InMemoryConnection;
use crate::sandbox::{self, Slept};

/// The maximum number of requests in one input. The response to the last of them has `Connection: close`.
const MAX_REQUESTS: usize = 64;

/// Runs an input on a new connection to a new sandbox.
///
/// # Errors
/// Returns an error when the application or the connection cannot be created.
pub(crate) fn make(input: &[u8], config: &Config) -> anyhow::Result<Value> {
    let slept = Slept::default();
    let application = sandbox::application(config, &slept)?;
    let requests = config.limits.requests.min(MAX_REQUESTS);
    let limits = Limits { requests, ..config.limits };
    let mut connection = InMemoryConnection::new(application, limits, Slept::clone(&slept));
    connection.send(input).context("the connection")?;
    let mut report = explain::run(input, &limits);
    report["output"] = STANDARD.encode(&connection.output).into();
    report["truncated"] = connection.is_truncated.into();
    report["clock_ms"] = slept.load(Ordering::Relaxed).into();
    report["next"] = next(&connection);
    Ok(report)
}

/// The behavior of the server if it gets no more bytes.
fn next(connection: &InMemoryConnection) -> Value {
    let timeout = connection.timeout();
    let (state, text) = if connection.is_truncated {
        ("sending", "It has more to send than is shown here.")
    } else if timeout.is_none() {
        ("close", "It has closed the connection.")
    } else if !connection.is_open() {
        ("close", "It has sent its last response and its FIN, and waits for the client's FIN.")
    } else if connection.is_idle() {
        ("idle", "It keeps the connection open, and waits for the next request.")
    } else {
        ("request", "It waits for the rest of the request.")
    };
    let timeout = timeout.filter(|_| state != "sending");
    let milliseconds = timeout.map(|time| u64::try_from(time.as_millis()).unwrap_or(u64::MAX));
    json!({ "state": state, "text": text, "after_ms": milliseconds })
}
