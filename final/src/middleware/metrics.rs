//! Metrics: the counts and durations of requests, in the text format of Prometheus.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{Middleware, Next};
use crate::core::sync::{Mutex, lock};
use crate::http::{HeaderValue, Method, Request, Response, Router, Status, header};

/// The path of the metrics. Requests for it are not counted, because a read of the numbers would
/// change them.
const PAGE: &str = "/metrics";

/// The route label of a request that matches no route.
const UNMATCHED: &str = "unmatched";

/// The upper bounds of the histogram buckets, in seconds: the defaults of the Prometheus client
/// libraries. One more bucket without a bound follows.
const BOUNDS: [f64; 11] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// A layer that counts and times all requests. Clones share the same numbers.
///
/// A label never contains a value that a client chooses, because each value would create a series
/// that is kept forever. The number of series is bounded by the routes, methods and statuses of the
/// program.
#[derive(Debug, Clone, Default)]
pub struct Metrics {
    numbers: Arc<Mutex<Numbers>>,
}

/// All numbers. They are under one lock, so that the page is a consistent snapshot. The lock is
/// held for two lookups, and never while a handler runs.
#[derive(Debug, Default)]
struct Numbers {
    in_flight: u64,
    requests: BTreeMap<Series, u64>,
    durations: BTreeMap<String, Histogram>,
}

/// The labels of a counter. The order of the fields is the order in which the series are sorted.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Series {
    method: &'static str,
    route: String,
    status: u16,
}

/// A histogram of durations. Each request is counted in one bucket here. The buckets of Prometheus
/// are cumulative, so the sums are computed when the page is written.
#[derive(Debug, Clone, Default)]
struct Histogram {
    counts: [u64; BOUNDS.len() + 1],
    sum: Duration,
}

impl Metrics {
    /// Creates metrics with all numbers at zero.
    pub fn new() -> Metrics {
        Metrics::default()
    }

    /// Adds the route of the metrics page.
    pub fn routes(&self, router: &mut Router) {
        self.routes_with(router, String::new);
    }

    /// Adds the same route, with a page that also contains the metric families of another part of
    /// the program, as text.
    pub fn routes_with(
        &self,
        router: &mut Router,
        others: impl Fn() -> String + Send + Sync + 'static,
    ) {
        let metrics = self.clone();
        router.get(PAGE, move |_: &mut Request| {
            let content_type = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
            let page = lock(&metrics.numbers).page() + &others();
            Response::bytes(content_type, page.into_bytes())
                .with_header(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))
        });
    }
}

impl Middleware for Metrics {
    fn handle(&self, request: &mut Request, next: Next<'_>) -> Response {
        if request.path() == PAGE {
            return next.run(request);
        }
        lock(&self.numbers).in_flight += 1;
        let start = Instant::now();
        // A handler or an inner layer may panic. The request is counted, and then the panic is
        // resumed for an outer layer.
        let outcome = catch_unwind(AssertUnwindSafe(|| next.run(request)));
        let took = start.elapsed();
        let status = outcome.as_ref().map_or(Status::INTERNAL_SERVER_ERROR, Response::status);
        let series = Series {
            method: method_label(request.method()),
            route: request.route().unwrap_or(UNMATCHED).to_string(),
            status: status.code(),
        };
        lock(&self.numbers).finish(series, took);
        outcome.unwrap_or_else(|panic| resume_unwind(panic))
    }
}

/// Returns the label of a method. Each method that routes use has its own label, and all other
/// methods share one.
fn method_label(method: Method) -> &'static str {
    match method {
        Method::Connect | Method::Trace => "OTHER",
        named => named.as_str(),
    }
}

impl Numbers {
    fn finish(&mut self, series: Series, took: Duration) {
        self.in_flight -= 1;
        self.durations.entry(series.route.clone()).or_default().observe(took);
        *self.requests.entry(series).or_default() += 1;
    }

    /// Formats the page in the text format, version 0.0.4. The maps are sorted, so the series are
    /// sorted too.
    fn page(&self) -> String {
        let mut page = String::new();
        // Writing to a string cannot fail.
        let _ = self.write(&mut page);
        page
    }

    fn write(&self, out: &mut String) -> std::fmt::Result {
        let name = "http_requests_total";
        head(out, name, "counter", "Requests that have had their response.")?;
        for (Series { method, route, status }, count) in &self.requests {
            let route = escape(route);
            writeln!(
                out,
                "{name}{{method=\"{method}\",route=\"{route}\",status=\"{status}\"}} {count}"
            )?;
        }
        let name = "http_requests_in_flight";
        head(out, name, "gauge", "Requests in progress.")?;
        writeln!(out, "{name} {}", self.in_flight)?;
        let name = "http_request_duration_seconds";
        head(out, name, "histogram", "Time until the handler returned its response.")?;
        for (route, histogram) in &self.durations {
            histogram.write(out, name, &escape(route))?;
        }
        Ok(())
    }
}

impl Histogram {
    fn observe(&mut self, took: Duration) {
        let seconds = took.as_secs_f64();
        let bucket = BOUNDS.iter().position(|bound| seconds <= *bound).unwrap_or(BOUNDS.len());
        self.counts[bucket] += 1;
        self.sum += took;
    }

    fn write(&self, out: &mut String, name: &str, route: &str) -> std::fmt::Result {
        let bounds = BOUNDS.iter().map(f64::to_string).chain(["+Inf".to_string()]);
        let mut so_far = 0;
        for (bound, count) in bounds.zip(self.counts) {
            so_far += count;
            writeln!(out, "{name}_bucket{{route=\"{route}\",le=\"{bound}\"}} {so_far}")?;
        }
        writeln!(out, "{name}_sum{{route=\"{route}\"}} {}", self.sum.as_secs_f64())?;
        writeln!(out, "{name}_count{{route=\"{route}\"}} {so_far}")
    }
}

/// Writes the `HELP` and `TYPE` lines before the series of a family.
fn head(out: &mut String, name: &str, kind: &str, help: &str) -> std::fmt::Result {
    writeln!(out, "# HELP {name} {help}\n# TYPE {name} {kind}")
}

/// Escapes the value of a label, which is in quotes on a single line.
fn escape(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::{Handler, HttpError};
    use crate::middleware::{CatchPanic, Chain};

    /// Creates an application whose requests are counted in `metrics`.
    fn application(metrics: &Metrics) -> Chain {
        let mut router = Router::new();
        router.get("/users/:id<u32>", |request: &mut Request| match request.param("id") {
            Some("9") => Err(HttpError::new(Status::NOT_FOUND, "no_such_user", "")),
            _ => Ok("a user"),
        });
        router.get("/panic", |_: &mut Request| -> Status { panic!("this message is expected") });
        metrics.routes(&mut router);
        Chain::around(router.build().unwrap()).with(metrics.clone())
    }

    fn ask(handler: &impl Handler, method: Method, path: &str) {
        handler.handle(&mut Request::builder(method, path).build());
    }

    /// Returns the samples whose lines begin with `start`, without that prefix.
    fn samples(metrics: &Metrics, start: &str) -> Vec<String> {
        let page = lock(&metrics.numbers).page();
        page.lines().filter_map(|line| line.strip_prefix(start)).map(str::to_string).collect()
    }

    #[test]
    fn requests_are_counted_by_method_pattern_and_status() {
        let metrics = Metrics::new();
        let application = application(&metrics);
        for path in ["/users/1", "/users/2", "/users/9", "/users/x", "/y", "/metrics"] {
            ask(&application, Method::Get, path);
        }
        ask(&application, Method::Post, "/users/1");
        ask(&application, Method::Trace, "/users/1");
        assert_eq!(
            samples(&metrics, "http_requests_total"),
            [
                r#"{method="GET",route="/users/:id<u32>",status="200"} 2"#,
                r#"{method="GET",route="/users/:id<u32>",status="404"} 1"#,
                r#"{method="GET",route="unmatched",status="404"} 2"#,
                r#"{method="OTHER",route="unmatched",status="405"} 1"#,
                r#"{method="POST",route="unmatched",status="405"} 1"#,
            ]
        );
    }

    #[test]
    fn a_panic_is_counted_on_whichever_side_of_the_layer_it_is_caught() {
        let metrics = Metrics::new();
        let outside = Chain::around(application(&metrics)).with(CatchPanic);
        ask(&outside, Method::Get, "/panic");
        let numbers = lock(&metrics.numbers);
        let series = Series { method: "GET", route: "/panic".to_string(), status: 500 };
        assert_eq!((numbers.in_flight, numbers.requests.get(&series)), (0, Some(&1)));
    }

    #[test]
    fn a_request_in_its_handler_is_in_flight() {
        let metrics = Metrics::new();
        let inside = metrics.clone();
        let chain =
            Chain::around(move |_: &mut Request| lock(&inside.numbers).in_flight.to_string())
                .with(metrics.clone());
        let response = chain.handle(&mut Request::builder(Method::Get, "/").build());
        assert_eq!(response.body().length(), Some(1));
        assert_eq!(samples(&metrics, "http_requests_in_flight "), ["0"]);
    }

    #[test]
    fn a_bucket_counts_all_requests_up_to_its_bound() {
        let mut histogram = Histogram::default();
        for milliseconds in [1, 5, 6, 250, 10_000, 10_001] {
            histogram.observe(Duration::from_millis(milliseconds));
        }
        let mut out = String::new();
        histogram.write(&mut out, "d", "/").unwrap();
        let values: Vec<_> =
            out.lines().filter_map(|line| Some(line.rsplit_once(' ')?.1)).collect();
        assert_eq!(
            values,
            ["2", "3", "3", "3", "3", "4", "4", "4", "4", "4", "5", "6", "20.263", "6"]
        );
        assert!(out.contains("d_bucket{route=\"/\",le=\"0.005\"} 2\n"), "{out}");
        assert!(out.contains("d_bucket{route=\"/\",le=\"1\"} 4\n"), "{out}");
        assert!(out.contains("d_bucket{route=\"/\",le=\"+Inf\"} 6\n"), "{out}");
    }

    #[test]
    fn a_label_cannot_end_its_quotes_or_its_line() {
        assert_eq!(escape("/a\\b\"c\nd"), r#"/a\\b\"c\nd"#);
    }

    #[test]
    fn a_panic_goes_on_to_the_layers_outside() {
        let application = application(&Metrics::new());
        let asked = || ask(&application, Method::Get, "/panic");
        assert!(catch_unwind(AssertUnwindSafe(asked)).is_err());
    }

    /// Each family has a help line, and the response is not stored by caches.
    #[test]
    fn the_page_is_in_the_format_of_prometheus() {
        let metrics = Metrics::new();
        let mut router = Router::new();
        router.get("/a\"b", |_: &mut Request| "here");
        metrics.routes(&mut router);
        let application = Chain::around(router.build().unwrap()).with(metrics.clone());
        ask(&application, Method::Get, "/a%22b");
        let response = application.handle(&mut Request::builder(Method::Get, "/metrics").build());
        let field = |name| response.headers().get(name).and_then(HeaderValue::to_str);
        assert_eq!(field(header::CACHE_CONTROL), Some("no-store"));
        assert_eq!(field(header::CONTENT_TYPE), Some("text/plain; version=0.0.4; charset=utf-8"));
        let crate::http::ResponseBody::Bytes(page) = response.body() else { panic!("no page") };
        let page = String::from_utf8_lossy(page);
        for line in [
            "# TYPE http_requests_total counter",
            "# TYPE http_requests_in_flight gauge",
            "# TYPE http_request_duration_seconds histogram",
            r#"http_requests_total{method="GET",route="/a\"b",status="200"} 1"#,
            r#"http_request_duration_seconds_count{route="/a\"b"} 1"#,
        ] {
            assert!(page.lines().any(|it| it == line), "{line} is not in {page}");
        }
    }
}
