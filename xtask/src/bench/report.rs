//! The report: the tables, how their figures are made from the samples, and notes about what was not as it should be.

use std::fmt::Write;

use super::measure::{Cell, Sample};
use super::scenario::Scenario;
use crate::table;
use crate::ui;

/// A scenario, with a cell per server.
pub(crate) struct Row<'a> {
    pub scenario: &'a Scenario,
    pub cells: Vec<Cell>,
}

/// A table with a line per scenario and a column per server.
struct Table {
    title: &'static str,
    /// The label of a scenario's line; a scenario without a label is not in the table.
    label: fn(&Scenario) -> Option<String>,
    figure: Figure,
}

/// A figure of one server.
enum Figure {
    /// The median of the ratios to another server's sample in the same round. That server's own figure is its median,
    /// written by `absolute`. Without that server there is no table.
    RelativeTo { server: &'static str, of: fn(&Sample) -> Option<f64>, absolute: fn(f64) -> String },
    /// A figure that needs no other server.
    Own(fn(&[Sample]) -> Option<String>),
}

/// In the order of the report.
const TABLES: &[Table] = &[
    relative("requests per second, relative to the limit", NAME, "limit", RATE, per_second),
    relative("requests per second, relative to nginx", NAME, "nginx", RATE, per_second),
    relative("requests per second, relative to before", NAME, "before", RATE, per_second),
    relative("CPU time per request, relative to the limit", NAME, "limit", CPU, microseconds),
    relative("CPU time per request, relative to before", NAME, "before", CPU, microseconds),
    own("CPU time per request, in microseconds", NAME, |samples| {
        Some(format!("{:.2}", middle(samples, CPU)? * 1e6))
    }),
    own("latency in ms, p50 / p99", NAME, |samples| {
        let p50 = middle(samples, |sample| Some(sample.load.p50))?;
        Some(format!("{} / {}", latency(p50), latency(middle(samples, P99).unwrap_or(0.0))))
    }),
    relative("p99 latency, relative to before", NAME, "before", P99, milliseconds),
    own("peak memory, in MiB", NAME, |samples| {
        let most = samples.iter().filter_map(|sample| sample.memory).reduce(f64::max)?;
        Some(format!("{:.1}", most / 1024.0))
    }),
    own("KiB of a compressed response: less compression is faster", gzip_name, |samples| {
        Some(format!(
            "{:.1}",
            middle(samples, |sample| Some(sample.load.bytes / sample.load.requests))? / 1024.0
        ))
    }),
    own(
        "requests per second, one scenario relative to the other on the same server",
        both_names,
        |samples| to_base(samples, RATE),
    ),
    own(
        "CPU time per request, one scenario relative to the other on the same server",
        both_names,
        |samples| to_base(samples, CPU),
    ),
    own("p99 latency in ms, one scenario and the other", both_names, |samples| {
        let base = middle(samples, |sample| P99(sample.base.as_ref()?))?;
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
const RATE: fn(&Sample) -> Option<f64> = |sample| Some(sample.load.rate());
/// wrk prints 0 for a percentile outside of the range that it has recorded.
const P99: fn(&Sample) -> Option<f64> = |sample| Some(sample.load.p99).filter(|p99| *p99 > 0.0);
const CPU: fn(&Sample) -> Option<f64> = |sample| sample.cpu;

fn both_names(scenario: &Scenario) -> Option<String> {
    Some(format!("{} / {}", scenario.name, scenario.against?.name))
}

fn gzip_name(scenario: &Scenario) -> Option<String> {
    NAME(scenario).filter(|_| scenario.is_gzip())
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

fn latency(seconds: f64) -> String {
    if seconds == 0.0 { "-".to_string() } else { format!("{:.2}", seconds * 1e3) }
}

impl Figure {
    /// The figure of the server in column `at`.
    fn of(&self, names: &[&str], row: &Row, at: usize) -> Option<String> {
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
fn to_base(samples: &[Sample], of: fn(&Sample) -> Option<f64>) -> Option<String> {
    let ratio = middle(samples, |own| Some(of(own)? / of(own.base.as_ref()?)?))?;
    Some(format!("{ratio:.2}"))
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
    for Table { title, label, figure } in TABLES {
        if let Figure::RelativeTo { server, .. } = figure
            && !names.contains(server)
        {
            continue;
        }
        let line = |row: &Row| {
            let cell = |at| figure.of(names, row, at).unwrap_or_else(|| "-".to_string());
            Some((label(row.scenario)?, (0..names.len()).map(cell).collect()))
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
    let lost = samples.iter().map(|sample| sample.lost).max().unwrap_or_default();
    if lost > 0 {
        notes.push(format!("the server closed up to {lost} background connections"));
    }
    let share = samples.iter().filter_map(|sample| sample.share).reduce(f64::min);
    if let Some(share) = share.filter(|share| *share < 0.5) {
        notes.push(format!("the background requests had {share:.2} of the possible throughput"));
    }
    notes
}

#[cfg(test)]
mod tests;
