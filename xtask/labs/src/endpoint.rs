//! The labs' endpoint: what would the server do with these bytes?
//!
//! A page sends the bytes of a connection. They go through the code that serves every connection, and the page gets
//! back all that came out, and which part of the input each byte was.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use httpserver::Config;
use httpserver::core::blocking;
use httpserver::core::stderr::log_stderr;
use httpserver::http::limits::{KIB, MIB};
use httpserver::http::{
    HeaderValue, HttpError, IntoResponse, Request, Response, Router, Status, header,
};
use serde_json::json;

use crate::{guard, report};

/// Bytes that are taken at once.
const INPUT: usize = 64 * KIB;

/// Bytes of answers that are given back.
pub(crate) const OUTPUT: usize = MIB;

/// Requests among the bytes. The last of them is answered with `Connection: close`.
pub(crate) const REQUESTS: usize = 64;

/// Parts that are named.
pub(crate) const SPANS: usize = 8192;

/// Pages that may ask at the same time.
const AT_ONCE: usize = 4;

/// Adds `GET /labs/info` and `POST /labs/wire` to the routes of a server that listens at `address`.
pub(crate) fn routes(router: &mut Router, config: &Config, address: SocketAddr) {
    router.get("/labs/info", move |request: &mut Request| {
        guard::check(request, address)?;
        Ok::<_, HttpError>(fresh(info(address)))
    });
    let config = config.clone();
    let running = Arc::new(AtomicUsize::new(0));
    router.post("/labs/wire", move |request: &mut Request| {
        guard::check(request, address)?;
        let input = request.body_mut().read_all(INPUT)?;
        let Some(_place) = Place::take(&running) else { return Ok(busy()) };
        // Another thread serves the others meanwhile.
        let report = blocking(|| report::make(&input, &config)).map_err(|error| {
            log_stderr(format_args!("/labs/wire: {error:#}"));
            let message = "the lab has no connection to try this with";
            HttpError::new(Status::INTERNAL_SERVER_ERROR, "labs_failed", message)
        })?;
        Ok::<_, HttpError>(fresh(Response::json(&report)))
    });
}

/// By this a page knows that the server is there.
fn info(address: SocketAddr) -> Response {
    Response::json(&json!({
        "labs": 1,
        "name": env!("CARGO_PKG_NAME"),
        "version": env!("CARGO_PKG_VERSION"),
        "addr": address.to_string(),
        "limits": { "input": INPUT, "output": OUTPUT, "requests": REQUESTS, "spans": SPANS },
    }))
}

fn busy() -> Response {
    let message = "other pages have their bytes tried just now; try again";
    HttpError::new(Status::SERVICE_UNAVAILABLE, "labs_busy", message)
        .into_response()
        .with_header(header::RETRY_AFTER, 1u64.into())
}

/// It is about now, and nobody may keep it.
fn fresh(response: Response) -> Response {
    response.with_header(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))
}

/// One of [`AT_ONCE`].
struct Place(Arc<AtomicUsize>);

impl Place {
    fn take(running: &Arc<AtomicUsize>) -> Option<Place> {
        let place = Place(Arc::clone(running));
        (running.fetch_add(1, Ordering::AcqRel) < AT_ONCE).then_some(place)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_so_many_places_and_they_are_given_back() {
        let running = Arc::default();
        let mut places: Vec<_> = (0..AT_ONCE).map(|_| Place::take(&running)).collect();
        assert!(places.iter().all(Option::is_some));
        assert!(Place::take(&running).is_none());
        places.pop();
        assert!(Place::take(&running).is_some());
    }
}
