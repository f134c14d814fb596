//! The report: the tables, how their figures are made from the samples, and notes about what was not as it should be.

use std::fmt::Write;

use super::measure::{Row, Sample};
use super::scenario::Scenario;
use crate::table;
use crate::ui;
use Figure::{Both, Own, To};

/// A figure of one server.
enum Figure {
    /// The median of the ratios to another server's sample in the same round. That server's own figure is its median,
    /// written by the second function. Without that server there is no table.
    To(&'static str, Value, fn(f64) -> String),
    /// A figure that needs no other server.
    Own(fn(&[Sample]) -> Option<String>),
    /// A figure of the scenario and the one that it is compared with, on the same server.
    Both(fn(&[Sample], &[Sample]) -> Option<String>),
}

type Value = fn(&Sample) -> Option<f64>;

/// The tables in the order of the report, each with its title. It has a line per scenario and a column per server.
const TABLES: &[(&str, Figure)] = &[
    ("requests per second, relative to the limit", To("limit", RATE, per_second)),
    ("requests per second, relative to nginx", To("nginx", RATE, per_second)),
    ("requests per second, relative to before", To("before", RATE, per_second)),
    ("CPU time per request, relative to the limit", To("limit", CPU, microseconds)),
    ("CPU time per request, relative to before", To("before", CPU, microseconds)),
    (
        "CPU time per request, in microseconds",
        Own(|samples| Some(format!("{:.2}", middle(samples, CPU)? * 1e6))),
    ),
    (
        "latency in ms, p50 / p99",
        Own(|samples| {
            let p50 = middle(samples, |sample| Some(sample.load.p50))?;
            Some(format!("{} / {}", latency(p50), latency(middle(samples, P99).unwrap_or(0.0))))
        }),
    ),
    ("p99 latency, relative to before", To("before", P99, milliseconds)),
    (
        "peak memory, in MiB",
        Own(|samples| {
            let most = samples.iter().filter_map(|sample| sample.memory).reduce(f64::max)?;
            Some(format!("{:.1}", most / 1024.0))
        }),
    ),
    (
        "requests per second, one scenario relative to the other on the same server",
        Both(|own, base| ratio(own, base, RATE)),
    ),
    (
        "CPU time per request, one scenario relative to the other on the same server",
        Both(|own, base| ratio(own, base, CPU)),
    ),
    (
        "p99 latency in ms, one scenario and the other",
        Both(|own, base| {
            let base = middle(base, P99)?;
            Some(format!("{:.2} / {:.2}", middle(own, P99)? * 1e3, base * 1e3))
        }),
    ),
];

const RATE: Value = |sample| Some(sample.load.rate());
/// wrk prints 0 for a percentile outside of the range that it has recorded.
const P99: Value = |sample| Some(sample.load.p99).filter(|p99| *p99 > 0.0);
const CPU: Value = |sample| sample.cpu;

fn per_second(rate: f64) -> String {
    format!("{rate:.0}/s")
}

fn microseconds(seconds: f64) -> String {
    format!("{:.1} us", seconds * 1e6)
}

fn milliseconds(seconds: f64) -> String {
    format!("{:.2} ms", seconds * 1e3)
}

fn latency(seconds: f64) -> String {
    if seconds == 0.0 { "-".to_string() } else { format!("{:.2}", seconds * 1e3) }
}

impl Figure {
    /// The label of a scenario's line; a scenario without a label is not in the table.
    fn label(&self, scenario: &Scenario) -> Option<String> {
        match self {
            Both(_) => Some(format!("{} / {}", scenario.name, scenario.against?.name)),
            _ => Some(scenario.name.to_string()),
        }
    }

    /// The figure of the server in column `at`.
    fn of(&self, names: &[&str], row: &Row, at: usize) -> Option<String> {
        let samples = row.cells[at].as_ref().ok()?;
        match self {
            Own(figure) => figure(samples),
            Both(figure) => figure(samples, row.bases[at].as_ref().ok()?),
            To(server, value, absolute) => {
                let base = names.iter().position(|name| name == server).filter(|&base| base != at);
                // A server that cannot run the scenario has no samples to compare with.
                match base.and_then(|base| row.cells[base].as_ref().ok()) {
                    Some(base) => ratio(samples, base, *value),
                    None => middle(samples, value).map(absolute),
                }
            }
        }
    }
}

/// The median of the ratios of the samples of the same round.
fn ratio(samples: &[Sample], base: &[Sample], value: Value) -> Option<String> {
    let pairs = samples.iter().zip(base).filter_map(|(own, base)| value(own).zip(value(base)));
    let ratios = pairs.filter(|(_, base)| *base > 0.0).map(|(own, base)| own / base).collect();
    median(ratios).map(|ratio| format!("{ratio:.2}"))
}

/// The median over the rounds.
fn middle(samples: &[Sample], of: impl Fn(&Sample) -> Option<f64>) -> Option<f64> {
    median(samples.iter().filter_map(of).collect())
}

/// The middle value, or the mean of the two middle values.
fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let (low, high) = (values.len().checked_sub(1)? / 2, values.len() / 2);
    Some(f64::midpoint(values[low], values[high]))
}

/// The tables and notes that are printed at the end.
pub(crate) fn tables(names: &[&str], rows: &[Row]) -> String {
    let mut text = String::new();
    for (title, figure) in TABLES {
        if let To(server, ..) = figure
            && !names.contains(server)
        {
            continue;
        }
        let line = |row: &Row| {
            let cell = |at| figure.of(names, row, at).unwrap_or_else(|| "-".to_string());
            Some((figure.label(row.scenario)?, (0..names.len()).map(cell).collect()))
        };
        let lines: Vec<(String, Vec<String>)> = rows.iter().filter_map(line).collect();
        if !lines.is_empty() {
            let title = ui::paint(ui::TITLE, title);
            let _ = write!(text, "\n{title}\n{}", table::aligned(names, &lines));
        }
    }
    let notes = notes(names, rows);
    if !notes.is_empty() {
        let _ = write!(text, "\n{}\n{notes}", ui::paint(ui::TITLE, "notes"));
    }
    text
}

/// A line for each scenario that a server did not run, and for each kind of error during a measurement.
fn notes(names: &[&str], rows: &[Row]) -> String {
    let mut text = String::new();
    for row in rows {
        for (name, cell) in names.iter().zip(&row.cells) {
            let notes = match cell {
                Err(reason) => vec![format!("skipped, {reason}")],
                Ok(samples) => errors(samples),
            };
            for note in notes {
                let _ = writeln!(text, "{name}, {}: {note}", row.scenario.name);
            }
        }
    }
    text
}

fn errors(samples: &[Sample]) -> Vec<String> {
    let mut notes = Vec::new();
    let errors: f64 = samples.iter().map(|sample| sample.load.errors).sum();
    if errors > 0.0 {
        notes.push(format!("{errors:.0} failed requests or connections"));
    }
    let lost = samples.iter().map(|sample| sample.background.lost).fold(0.0, f64::max);
    if lost > 0.0 {
        notes.push(format!("up to {lost} background connections or requests failed"));
    }
    let share = samples.iter().filter_map(|sample| sample.background.share).reduce(f64::min);
    if let Some(share) = share.filter(|share| *share < 0.5) {
        notes.push(format!("the background requests had {share:.2} of the possible throughput"));
    }
    notes
}

#[cfg(test)]
mod tests;
