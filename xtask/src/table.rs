//! A table of text with aligned columns.

use std::fmt::Write;

/// The lines below the names of their columns. A line is its label and a cell for each column.
pub(crate) fn aligned(names: &[&str], lines: &[(String, Vec<String>)]) -> String {
    let first = lines.iter().map(|(name, _)| name.len()).max().unwrap_or_default();
    let widths: Vec<usize> = names
        .iter()
        .enumerate()
        .map(|(at, name)| {
            lines.iter().map(|(_, cells)| cells[at].len()).fold(name.len(), usize::max)
        })
        .collect();
    let mut text = String::new();
    let mut line = |name: &str, cells: &[&str]| {
        let _ = write!(text, "{name:<first$}");
        for (cell, width) in cells.iter().zip(&widths) {
            let _ = write!(text, "  {cell:>width$}");
        }
        text.push('\n');
    };
    line("", names);
    for (name, cells) in lines {
        line(name, &cells.iter().map(String::as_str).collect::<Vec<_>>());
    }
    text
}
