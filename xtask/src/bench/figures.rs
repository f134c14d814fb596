//! The tables of the report, and how their figures are made from the samples.

use super::sample::{Base, Sample};
use super::scenario::Scenario;

/// The samples of one server in all rounds, or the reason why there are none.
pub(crate) type Cell = Result<Vec<Sample>, String>;

/// A scenario, with a cell per server.
pub(crate) struct Row<'a> {
    pub scenario: &'a Scenario,
    pub cells: Vec<Cell>,
}

/// A table with a line per scenario and a column per server.
pub(super) struct Table {
    pub title: &'static str,
    /// The label of a scenario's line; a scenario without a label is not in the table.
    pub label: fn(&Scenario) -> Option<String>,
    pub figure: Figure,
}

/// A figure of one server.
pub(super) enum Figure {
    /// The median of the ratios to another server's sample in the same round. That server's own figure is its median,
    /// written by `absolute`. Without that server there is no table.
    RelativeTo { server: &'static str, of: fn(&Sample) -> Option<f64>, absolute: fn(f64) -> String },
    /// A figure that needs no other server.
    Own(fn(&[Sample]) -> Option<String>),
}

/// In the order of the report.
pub(super) const TABLES: &[Table] = &[
    relative("requests per second, relative to the limit", NAME, "limit", RATE, per_second),
    relative("requests per second, relative to nginx", content_name, "nginx", RATE, per_second),
    relative("requests per second, relative to before", NAME, "before", RATE, per_second),
    relative("CPU time per request, relative to the limit", NAME, "limit", cpu, microseconds),
    relative("CPU time per request, relative to before", NAME, "before", cpu, microseconds),
    own("CPU time per request, in microseconds", NAME, |samples| {
        Some(format!("{:.2}", middle(samples, cpu)? * 1e6))
    }),
    own("latency in ms, p50 / p99", NAME, |samples| {
        let p50 = middle(samples, |sample| Some(sample.p50))?;
        Some(format!("{} / {}", latency(p50), latency(middle(samples, P99)?)))
    }),
    relative("p99 latency, relative to before", NAME, "before", P99, milliseconds),
    own("peak memory, in MiB", NAME, |samples| {
        let most = samples.iter().filter_map(|sample| sample.memory).reduce(f64::max)?;
        Some(format!("{:.1}", most / 1024.0))
    }),
    own("KiB of a compressed response: less compression is faster", gzip_name, |samples| {
        Some(format!("{:.1}", middle(samples, |sample| Some(sample.bytes))? / 1024.0))
    }),
    own(
        "requests per second, one scenario relative to the other on the same server",
        both_names,
        |samples| to_base(samples, |own, base| Some(own.rate / base.rate)),
    ),
    own(
        "CPU time per request, one scenario relative to the other on the same server",
        both_names,
        |samples| to_base(samples, |own, base| Some(own.cpu? / base.cpu?)),
    ),
    own("p99 latency in ms, one scenario and the other", both_names, |samples| {
        let base = middle(samples, |sample| Some(sample.base?.p99))?;
        Some(format!("{:.2} / {:.2}", middle(samples, P99)? * 1e3, base * 1e3))
    }),
];

const fn relative(
    title: &'static str,
    label: fn(&Scenario) -> Option<String>,
    server: &'static str,
    of: fn(&Sample) -> Option<f64>,
    absolute: fn(f64) -> String,
) -> Table {
    Table { title, label, figure: Figure::RelativeTo { server, of, absolute } }
}

const fn own(
    title: &'static str,
    label: fn(&Scenario) -> Option<String>,
    figure: fn(&[Sample]) -> Option<String>,
) -> Table {
    Table { title, label, figure: Figure::Own(figure) }
}

const NAME: fn(&Scenario) -> Option<String> = |scenario| Some(scenario.name.to_string());
const RATE: fn(&Sample) -> Option<f64> = |sample| Some(sample.rate);
const P99: fn(&Sample) -> Option<f64> = |sample| Some(sample.p99);

fn both_names(scenario: &Scenario) -> Option<String> {
    Some(format!("{} / {}", scenario.name, scenario.against?.name))
}

/// Of a scenario with work that is typical of nginx, such as sending a file.
fn content_name(scenario: &Scenario) -> Option<String> {
    let has_content = scenario.is_static() || scenario.is_gzip() || scenario.logs;
    NAME(scenario).filter(|_| has_content && !scenario.demonstration)
}

fn gzip_name(scenario: &Scenario) -> Option<String> {
    NAME(scenario).filter(|_| scenario.is_gzip())
}

fn cpu(sample: &Sample) -> Option<f64> {
    sample.cpu
}

fn per_second(rate: f64) -> String {
    format!("{rate:.0}/s")
}

fn microseconds(seconds: f64) -> String {
    format!("{:.1} us", seconds * 1e6)
}

fn milliseconds(seconds: f64) -> String {
    format!("{:.2} ms", seconds * 1e3)
}

/// wrk prints 0 for a percentile outside of the range that it has recorded.
fn latency(seconds: f64) -> String {
    if seconds == 0.0 { "-".to_string() } else { format!("{:.2}", seconds * 1e3) }
}

impl Figure {
    /// The figure of the server in column `at`.
    pub(super) fn of(&self, names: &[&str], row: &Row, at: usize) -> Option<String> {
        let samples = row.cells[at].as_ref().ok()?;
        let (server, of, absolute) = match self {
            Figure::Own(figure) => return figure(samples),
            Figure::RelativeTo { server, of, absolute } => (server, of, absolute),
        };
        let base = names.iter().position(|name| name == server).filter(|&base| base != at);
        // A server that cannot run the scenario has no samples to compare with.
        let Some(base) = base.and_then(|base| row.cells[base].as_ref().ok()) else {
            return middle(samples, of).map(absolute);
        };
        let pairs = samples.iter().zip(base).filter_map(|(own, base)| of(own).zip(of(base)));
        let ratios = pairs.filter(|(_, base)| *base > 0.0).map(|(own, base)| own / base).collect();
        median(ratios).map(|ratio| format!("{ratio:.2}"))
    }
}

/// The median over the rounds.
fn middle(samples: &[Sample], of: impl Fn(&Sample) -> Option<f64>) -> Option<f64> {
    median(samples.iter().filter_map(of).collect())
}

/// The median of the ratios to the other scenario on the same server in the same round.
fn to_base(samples: &[Sample], ratio: fn(&Sample, Base) -> Option<f64>) -> Option<String> {
    let ratio = middle(samples, |sample| ratio(sample, sample.base?))?;
    Some(format!("{ratio:.2}"))
}

/// The middle value, or the mean of the two middle values.
fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let (low, high) = (values.len().checked_sub(1)? / 2, values.len() / 2);
    Some(f64::midpoint(values[low], values[high]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_in_the_middle() {
        assert_eq!(median(vec![]), None);
        assert_eq!(median(vec![3.0]), Some(3.0));
        assert_eq!(median(vec![9.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(vec![4.0, 1.0, 9.0, 2.0]), Some(3.0));
    }
}
