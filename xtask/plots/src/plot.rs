//! What a plot consists of, as its file has it.

use std::fmt::Write as _;

use anyhow::Result;
use serde::Serialize;

/// A plot: lines over two axes, and where the numbers come from.
#[derive(Debug, Serialize)]
pub(crate) struct Plot {
    /// What to run to make it again.
    pub(crate) command: &'static str,
    /// What it was measured on; none when it is computed.
    pub(crate) machine: Option<String>,
    pub(crate) x: Axis,
    pub(crate) y: Axis,
    pub(crate) series: Vec<Series>,
}

/// What an axis counts, with its unit.
#[derive(Debug, Serialize)]
pub(crate) struct Axis {
    pub(crate) label: &'static str,
    /// Each mark is twice as much as the one before.
    pub(crate) doubling: bool,
    pub(crate) from: f64,
    pub(crate) to: f64,
}

#[derive(Debug, Serialize)]
pub(crate) struct Series {
    pub(crate) name: String,
    /// Only marks, without a line through them.
    pub(crate) marks_only: bool,
    pub(crate) points: Vec<(f64, f64)>,
}

impl Series {
    pub(crate) fn line(name: &str, points: Vec<(f64, f64)>) -> Series {
        Series { name: name.to_string(), marks_only: false, points }
    }
}

impl Plot {
    /// A line for each point's numbers would be long, so each point is a line of its own.
    pub(crate) fn to_json(&self) -> Result<String> {
        let mut text = serde_json::to_string_pretty(self)?;
        // [
        //   1.0,
        //   2.0
        // ] is longer than it is clear.
        while let Some(at) = text.find("[\n          ") {
            let end = at + text[at..].find(']').unwrap_or_default();
            let pair = text[at..=end].split_whitespace().collect::<Vec<_>>().join(" ");
            text.replace_range(at..=end, &pair.replace("[ ", "[").replace(" ]", "]"));
        }
        text.push('\n');
        Ok(text)
    }

    /// The numbers, for a person at the terminal.
    pub(crate) fn table(&self) -> String {
        let mut table = String::new();
        for series in &self.series {
            let points: Vec<_> =
                series.points.iter().map(|(x, y)| format!("{x:.2}:{y:.3}")).collect();
            let shown = if points.len() > 20 { &points[..20] } else { &points };
            // Writing to a string cannot fail.
            let _ = writeln!(table, "  {:<24} {}", series.name, shown.join(" "));
        }
        table
    }
}

/// So many digits behind the point as there is something to see.
pub(crate) fn rounded(number: f64) -> f64 {
    (number * 1000.0).round() / 1000.0
}

/// What the reader should know of the machine.
pub(crate) fn machine() -> String {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    format!("Linux, {cores} cores, the clients on the same machine")
}
