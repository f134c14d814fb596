//! The two routes of the labs: `GET /labs/info` and `POST /labs/wire`.
//!
//! A page posts the bytes of a connection. The code that serves every connection processes them. The page gets back all
//! bytes that the server would send, and the part of a message to which each input byte belongs.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use httpserver::Config;
use httpserver::core::blocking;
use httpserver::core::stderr::log_stderr;
use httpserver::http::limits::KIB;
use httpserver::http::{
    HeaderValue, HttpError, IntoResponse, Request, Response, Router, Status, header,
};
use serde_json::json;

use crate::{guard, report};

/// The maximum number of bytes of input.
const MAX_INPUT: usize = 64 * KIB;

/// The maximum number of inputs that run at the same time.
const MAX_TRIALS: usize = 4;

/// The version of the report. The scripts of the pages check that they can read it.
const REPORT_VERSION: u32 = 3;

/// Adds `GET /labs/info` and `POST /labs/wire` to the routes of a server that listens at `address`.
pub(crate) fn routes(router: &mut Router, config: &Config, address: SocketAddr) {
    router.get("/labs/info", move |request: &mut Request| {
        guard::check(request, address)?;
        Ok::<_, HttpError>(not_stored(info(address)))
    });
    let config = config.clone();
    let running = Arc::new(AtomicUsize::new(0));
    router.post("/labs/wire", move |request: &mut Request| {
        guard::check(request, address)?;
        let input = request.body_mut().read_all(MAX_INPUT)?;
        let Some(_slot) = TrialSlot::take(&running) else { return Ok(busy()) };
        // In the meantime another thread serves the other connections.
        let report = blocking(|| report::make(&input, &config)).map_err(|error| {
            log_stderr(format_args!("/labs/wire: {error:#}"));
            let message = "the lab could not run this input; standard error has the reason";
            HttpError::new(Status::INTERNAL_SERVER_ERROR, "labs_failed", message)
        })?;
        Ok::<_, HttpError>(not_stored(Response::json(&report)))
    });
}

/// Reports to a page that the server is running.
fn info(address: SocketAddr) -> Response {
    Response::json(&json!({
        "labs": REPORT_VERSION,
        "name": env!("CARGO_PKG_NAME"),
        "version": env!("CARGO_PKG_VERSION"),
        "addr": address.to_string(),
    }))
}

fn busy() -> Response {
    let message = "the lab is running other inputs; try again";
    HttpError::new(Status::SERVICE_UNAVAILABLE, "labs_busy", message)
        .into_response()
        .with_header(header::RETRY_AFTER, 1u64.into())
}

/// The response is valid only at this moment, so no cache may store it.
fn not_stored(response: Response) -> Response {
    response.with_header(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))
}

/// One of [`MAX_TRIALS`] slots. Dropping it frees the slot.
struct TrialSlot(Arc<AtomicUsize>);

impl TrialSlot {
    /// Takes a slot, if fewer than [`MAX_TRIALS`] are taken.
    fn take(running: &Arc<AtomicUsize>) -> Option<TrialSlot> {
        let slot = TrialSlot(Arc::clone(running));
        (running.fetch_add(1, Ordering::Relaxed) < MAX_TRIALS).then_some(slot)
    }
}

impl Drop for TrialSlot {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dropped_slot_is_free_again() {
        let running = Arc::default();
        let mut slots: Vec<_> = (0..MAX_TRIALS).map(|_| TrialSlot::take(&running)).collect();
        assert!(slots.iter().all(Option::is_some));
        assert!(TrialSlot::take(&running).is_none());
        slots.pop();
        assert!(TrialSlot::take(&running).is_some());
    }
}
