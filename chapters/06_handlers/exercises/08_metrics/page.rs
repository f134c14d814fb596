//! The page `/metrics`, and what can be asked of it.

use wire::exercise::{Answer, Failure, Server};

use super::exposition::{self, Family, Sample};

pub(super) const REQUESTS: &str = "http_requests_total";
pub(super) const IN_FLIGHT: &str = "http_requests_in_flight";
pub(super) const DURATION: &str = "http_request_duration_seconds";

pub(super) const FORMAT: &str = "Prometheus, Exposition formats (Text format details)";

/// What `/metrics` said at one time.
pub(super) struct Page {
    pub(super) answer: Answer,
    pub(super) families: Vec<Family>,
}

pub(super) fn scrape(server: &Server) -> Result<Page, Failure> {
    let answer = server.get("/metrics")?;
    answer.status(200)?;
    let text = str::from_utf8(&answer.body)
        .map_err(|error| answer.failure("a body in UTF-8", error).with_rule(FORMAT))?;
    match exposition::parse(text) {
        Ok(families) => Ok(Page { answer, families }),
        Err(error) => Err(answer.failure(error.expected, error.got).with_rule(FORMAT)),
    }
}

impl Page {
    pub(super) fn require(
        &self,
        holds: bool,
        expected: impl std::fmt::Display,
        got: impl std::fmt::Display,
    ) -> Result<(), Failure> {
        self.answer.require(holds, expected, got)
    }

    pub(super) fn family(&self, name: &str) -> Result<&Family, Failure> {
        let found = self.families.iter().find(|family| family.name == name);
        found.ok_or_else(|| {
            let names: Vec<&str> = self.families.iter().map(|it| it.name.as_str()).collect();
            self.answer.failure(format!("a family {name}"), format!("only [{}]", names.join(", ")))
        })
    }

    pub(super) fn requests(&self) -> impl Iterator<Item = &Sample> {
        let families = self.families.iter().filter(|family| family.name == REQUESTS);
        families.flat_map(|family| &family.samples)
    }

    /// The counter with these labels must have this value.
    pub(super) fn counts(
        &self,
        method: &str,
        route: &str,
        status: &str,
        count: u32,
    ) -> Result<(), Failure> {
        self.family(REQUESTS)?;
        let labels = [("method", method), ("route", route), ("status", status)];
        let series =
            self.requests().find(|it| labels.iter().all(|(name, value)| it.label(name) == *value));
        let expected = format!(
            "{REQUESTS}{{method=\"{method}\",route=\"{route}\",status=\"{status}\"}} {count}"
        );
        let got = if let Some(series) = series {
            series.to_string()
        } else {
            let near = self.requests().filter(|it| it.label("route") == route);
            let near: Vec<String> = near.map(Sample::to_string).collect();
            format!("no such series, but [{}] of this route", near.join(", "))
        };
        self.require(series.is_some_and(|it| is(it.value, count)), expected, got)
    }

    /// There must be so many series of the counter.
    pub(super) fn has_series(&self, count: usize) -> Result<(), Failure> {
        self.family(REQUESTS)?;
        let all: Vec<String> = self.requests().map(Sample::to_string).collect();
        let shown = if all.len() > 8 { String::new() } else { format!(": {}", all.join(", ")) };
        let expected = format!("{count} series of {REQUESTS}");
        self.require(all.len() == count, expected, format!("{}{shown}", all.len()))
    }

    pub(super) fn value_in_flight(&self) -> Result<f64, Failure> {
        let value = self.family(IN_FLIGHT)?.samples.first().map(value);
        value.ok_or_else(|| self.answer.failure(format!("a value of {IN_FLIGHT}"), "no series"))
    }

    pub(super) fn in_flight(&self, count: u32) -> Result<(), Failure> {
        let value = self.value_in_flight()?;
        let expected = format!("{IN_FLIGHT} {count}");
        self.require(is(value, count), expected, format!("{IN_FLIGHT} {value}"))
    }

    /// The `sum` or the `count` of a route's durations.
    pub(super) fn duration(&self, what: &str, route: &str) -> Result<f64, Failure> {
        let name = format!("{DURATION}_{what}");
        let mut samples = self.family(DURATION)?.samples.iter();
        let found = samples.find(|it| it.name == name && it.label("route") == route).map(value);
        let expected = format!("{name}{{route=\"{route}\"}}");
        found.ok_or_else(|| self.answer.failure(expected, "no such series"))
    }

    /// The buckets of a route in the order of the page: the upper end, and how many are below it.
    pub(super) fn buckets(&self, route: &str) -> Result<Vec<(f64, f64)>, Failure> {
        let name = format!("{DURATION}_bucket");
        let all = self.family(DURATION)?.samples.iter();
        let ours = all.filter(|sample| sample.name == name && sample.label("route") == route);
        ours.map(|sample| {
            let bound = exposition::number(sample.label("le"));
            let bound = bound.ok_or_else(|| self.answer.failure("le as a number", sample))?;
            Ok((bound, sample.value))
        })
        .collect()
    }
}

pub(super) fn value(sample: &Sample) -> f64 {
    sample.value
}

/// Whether a value is this whole number.
pub(super) fn is(value: f64, number: u32) -> bool {
    (value - f64::from(number)).abs() < 1e-9
}
