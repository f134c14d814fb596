//! The contents of a plot, and the format of its file.

use std::fmt::Write as _;

use anyhow::Result;
use serde::Serialize;

/// Lines over two axes, and the origin of the numbers.
#[derive(Debug, Serialize)]
pub(crate) struct Plot {
    /// The command that makes the file again.
    pub(crate) command: &'static str,
    /// The machine on which it was measured, or `None` for computed numbers.
    pub(crate) machine: Option<String>,
    pub(crate) x: Axis,
    pub(crate) y: Axis,
    pub(crate) series: Vec<Series>,
}

/// An axis. Its label has the unit.
#[derive(Debug, Serialize)]
pub(crate) struct Axis {
    pub(crate) label: &'static str,
    /// A logarithmic axis, on which each mark is twice the previous mark.
    pub(crate) doubling: bool,
    pub(crate) from: f64,
    pub(crate) to: f64,
}

#[derive(Debug, Serialize)]
pub(crate) struct Series {
    pub(crate) name: String,
    /// Marks only, without a line.
    pub(crate) marks_only: bool,
    pub(crate) points: Vec<(f64, f64)>,
}

impl Series {
    pub(crate) fn line(name: &str, points: Vec<(f64, f64)>) -> Series {
        Series { name: name.to_string(), marks_only: false, points }
    }
}

impl Plot {
    /// The contents of its file, with a line for each point.
    pub(crate) fn to_json(&self) -> Result<String> {
        let mut text = serde_json::to_string_pretty(self)?;
        // serde_json writes each number on a line of its own.
        while let Some(at) = text.find("[\n          ") {
            let end = at + text[at..].find(']').unwrap_or_default();
            let pair = text[at..=end].split_whitespace().collect::<Vec<_>>().join(" ");
            text.replace_range(at..=end, &pair.replace("[ ", "[").replace(" ]", "]"));
        }
        text.push('\n');
        Ok(text)
    }

    /// The numbers, for the terminal.
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

/// Three decimal places are more than a plot can show.
pub(crate) fn rounded(number: f64) -> f64 {
    (number * 1000.0).round() / 1000.0
}

/// The description of the machine, for readers.
pub(crate) fn machine() -> String {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    format!("Linux, {cores} cores, the clients on the same machine")
}
