//! A table of text: a line per scenario, a column per server.

use std::fmt::Write;

use super::report::Row;
use super::scenario::Scenario;
use crate::ui;

/// The tables so far, and what they are made from.
pub(crate) struct Tables<'a> {
    names: &'a [&'a str],
    rows: &'a [Row<'a>],
    text: String,
}

impl<'a> Tables<'a> {
    pub(crate) fn new(names: &'a [&'a str], rows: &'a [Row<'a>]) -> Tables<'a> {
        Tables { names, rows, text: String::new() }
    }

    /// The column of a server, if it is measured.
    pub(crate) fn column(&self, name: &str) -> Option<usize> {
        self.names.iter().position(|other| *other == name)
    }

    /// Adds a table. It has a line for each scenario with a label, and no table is printed without a line. A cell gets the
    /// row and the number of its column.
    pub(crate) fn print(
        &mut self,
        title: &str,
        label: &dyn Fn(&Scenario) -> Option<String>,
        cell: &dyn Fn(&Row, usize) -> Option<String>,
    ) {
        let lines = self.rows.iter().filter_map(|row| {
            let cells = (0..self.names.len()).map(|at| cell(row, at).unwrap_or_else(|| "-".into()));
            Some((label(row.scenario)?, cells.collect()))
        });
        let lines: Vec<(String, Vec<String>)> = lines.collect();
        if !lines.is_empty() {
            let title = ui::paint(ui::TITLE, title);
            let _ = write!(self.text, "\n{title}\n{}", aligned(self.names, &lines));
        }
    }

    /// All tables, and the notes after them.
    pub(crate) fn finish(mut self, notes: &str) -> String {
        if !notes.is_empty() {
            let _ = write!(self.text, "\n{}\n{notes}", ui::paint(ui::TITLE, "notes"));
        }
        self.text
    }
}

/// Aligns the columns.
fn aligned(names: &[&str], lines: &[(String, Vec<String>)]) -> String {
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
