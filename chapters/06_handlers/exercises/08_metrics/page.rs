//! The page `/metrics`, and the requirements for it.

use std::fmt::Display;
use std::time::Duration;

use wire::exercise::{Answer, Failure, Server};

use super::exposition::{self, Family, Sample};
use super::visit::{Timed, waited};

pub(super) const REQUESTS: &str = "http_requests_total";
pub(super) const IN_FLIGHT: &str = "http_requests_in_flight";
pub(super) const DURATION: &str = "http_request_duration_seconds";

pub(super) const FORMAT: &str = "Prometheus, Exposition formats (Text format details)";

/// The maximum number of lines that a message shows. Further lines are only counted. A route has 14
/// in its histogram.
const MOST_LINES: usize = 16;

/// The tolerance for a sum that is written with few digits.
const ROUNDED: Duration = Duration::from_millis(1);

/// The contents of `/metrics` at one time.
pub(super) struct Page {
    pub(super) answer: Answer,
    pub(super) families: Vec<Family>,
    /// The requests before it, in words.
    asked: String,
}

impl Page {
    /// Requests the page, which must be well-formed. `asked` describes the requests before it.
    pub(super) fn of(server: &Server, asked: String) -> Result<Page, Failure> {
        let answer = server.get("/metrics")?;
        answer.status(200)?;
        let text = str::from_utf8(&answer.body)
            .map_err(|error| answer.failure("a body in UTF-8", error).with_rule(FORMAT))?;
        match exposition::parse(text) {
            Ok(families) => Ok(Page { answer, families, asked }),
            Err(Failure { expected, got, .. }) => {
                let line = got.as_bytes();
                let at = answer.raw.windows(line.len().max(1)).position(|place| place == line);
                let failure = answer.failure(expected, &got).with_rule(FORMAT);
                Err(at.into_iter().fold(failure, Failure::with_wrong_at))
            }
        }
    }

    pub(super) fn require(
        &self,
        holds: bool,
        expected: impl Display,
        got: impl Display,
    ) -> Result<(), Failure> {
        if holds { Ok(()) } else { Err(self.failure(expected, got)) }
    }

    /// A failure that names the requests before it. It does not show the page, which may be long: the relevant
    /// lines are in `got`.
    pub(super) fn failure(&self, expected: impl Display, got: impl Display) -> Failure {
        let after = if self.asked.is_empty() { "" } else { "\nafter: " };
        let failure = self.answer.failure(format!("{expected}{after}{}", self.asked), got);
        Failure { received: Box::default(), ..failure }
    }

    pub(super) fn family(&self, name: &str) -> Result<&Family, Failure> {
        let found = self.families.iter().find(|family| family.name == name);
        found.ok_or_else(|| {
            let names: Vec<&str> = self.families.iter().map(|it| it.name.as_str()).collect();
            let got = if names.is_empty() {
                "a page without any".to_string()
            } else {
                format!("only {}", names.join(", "))
            };
            self.failure(format!("a family {name}"), got)
        })
    }

    fn samples(&self) -> impl Iterator<Item = &Sample> {
        self.families.iter().flat_map(|family| &family.samples)
    }

    pub(super) fn requests(&self) -> impl Iterator<Item = &Sample> {
        self.samples().filter(|it| it.name == REQUESTS)
    }

    /// The lines of a route whose names begin like this, as they are on the page.
    pub(super) fn lines(&self, name: &str, route: &str) -> String {
        let ours = |it: &&Sample| it.name.starts_with(name) && it.label("route") == route;
        let lines = listed(self.samples().filter(ours));
        if lines.is_empty() { format!("no {name}… with route=\"{route}\"") } else { lines }
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
        let right = series.is_some_and(|it| is(it.value, count));
        let got = if self.requests().any(|it| it.label("route") == route) {
            self.lines(REQUESTS, route)
        } else {
            format!("no series with route=\"{route}\", but\n{}", self.all_requests())
        };
        self.require(right, expected, got)
    }

    /// The counter must have `count` series.
    pub(super) fn has_series(&self, count: usize) -> Result<(), Failure> {
        self.family(REQUESTS)?;
        let expected = format!("{count} series of {REQUESTS}");
        let all = self.requests().count();
        self.require(all == count, expected, format!("{all}:\n{}", self.all_requests()))
    }

    fn all_requests(&self) -> String {
        let all = listed(self.requests());
        if all.is_empty() { format!("no series of {REQUESTS}") } else { all }
    }

    pub(super) fn value_in_flight(&self) -> Result<f64, Failure> {
        let value = self.family(IN_FLIGHT)?.samples.first().map(value);
        value.ok_or_else(|| self.failure(format!("a value of {IN_FLIGHT}"), "no series"))
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
        found.ok_or_else(|| self.failure(expected, self.lines(DURATION, route)))
    }

    /// `count` requests with this route must have been timed.
    pub(super) fn has_timed(&self, route: &str, count: u32) -> Result<(), Failure> {
        let found = self.duration("count", route)?;
        let name = format!("{DURATION}_count");
        let expected = format!("{name}{{route=\"{route}\"}} {count}");
        self.require(is(found, count), expected, self.lines(&name, route))
    }

    /// The buckets of a route in the order of the page: the upper bound, and the line.
    pub(super) fn buckets(&self, route: &str) -> Result<Vec<(f64, &Sample)>, Failure> {
        let name = format!("{DURATION}_bucket");
        let all = self.family(DURATION)?.samples.iter();
        let ours = all.filter(|sample| sample.name == name && sample.label("route") == route);
        ours.map(|sample| {
            let end = exposition::number(sample.label("le"));
            let end = end.ok_or_else(|| self.failure("le as a number", sample))?;
            Ok((end, sample))
        })
        .collect()
    }

    /// Each bucket of the route must count all requests for which the client has waited no longer than its
    /// bound, and none whose handler has slept longer.
    pub(super) fn buckets_have(&self, route: &str, times: &[Timed]) -> Result<(), Failure> {
        for (end, bucket) in self.buckets(route)? {
            let count = |it: &dyn Fn(&&Timed) -> bool| times.iter().filter(it).count();
            let surely = count(&|it| it.most.as_secs_f64() <= end);
            let perhaps = count(&|it| it.least.as_secs_f64() <= end);
            // A float represents such a count exactly.
            let right = (0..=perhaps).skip(surely).any(|it| is(bucket.value, number(it)));
            let range = if surely == perhaps {
                surely.to_string()
            } else {
                format!("between {surely} and {perhaps}")
            };
            let name = format!("{DURATION}_bucket");
            let expected = format!(
                "{name}{{route=\"{route}\",le=\"{}\"}} {range}, for the client has waited\n{}",
                bucket.label("le"),
                waited(times),
            );
            self.require(right, expected, self.lines(&name, route))?;
        }
        Ok(())
    }

    /// The sum of the route must be at least the time that the handlers have slept, and at most the time that
    /// the client has waited.
    pub(super) fn sum_is_of(&self, route: &str, times: &[Timed]) -> Result<(), Failure> {
        let sum = self.duration("sum", route)?;
        let least: Duration = times.iter().map(|it| it.least).sum();
        let most: Duration = times.iter().map(|it| it.most).sum();
        let right = (least.saturating_sub(ROUNDED).as_secs_f64()..=(most + ROUNDED).as_secs_f64())
            .contains(&sum);
        let name = format!("{DURATION}_sum");
        let expected = format!(
            "{name}{{route=\"{route}\"}} between {} and {:.4}, in seconds, for the client has waited\n{}",
            least.as_secs_f64(),
            most.as_secs_f64(),
            waited(times),
        );
        self.require(right, expected, self.lines(&name, route))
    }
}

/// Lines, one below the other.
fn listed<'a>(samples: impl Iterator<Item = &'a Sample>) -> String {
    let lines: Vec<String> = samples.map(Sample::to_string).collect();
    let shown = lines[..lines.len().min(MOST_LINES)].join("\n");
    if lines.len() > MOST_LINES {
        format!("{shown}\n… ({} lines in all)", lines.len())
    } else {
        shown
    }
}

pub(super) fn value(sample: &Sample) -> f64 {
    sample.value
}

/// Whether a value is this whole number.
pub(super) fn is(value: f64, number: u32) -> bool {
    (value - f64::from(number)).abs() < 1e-9
}

fn number(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}
