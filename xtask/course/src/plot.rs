//! The numbers of a plot, as a file has them. `cargo xtask plot` writes it, and the book's tools draw it.

use serde::{Deserialize, Serialize};

/// The names of the plots, which are also those of their files.
pub const NAMES: [&str; 4] = ["token-bucket", "overload", "pausing-clients", "memory"];

/// Lines over two axes, and the origin of the numbers.
#[derive(Debug, Serialize, Deserialize)]
pub struct Plot {
    /// The command that makes the file again.
    pub command: String,
    /// The machine on which it was measured, or `None` for computed numbers.
    pub machine: Option<String>,
    /// The horizontal axis.
    pub x: Axis,
    /// The vertical axis.
    pub y: Axis,
    /// The lines and marks.
    pub series: Vec<Series>,
}

/// An axis.
#[derive(Debug, Serialize, Deserialize)]
pub struct Axis {
    /// The measured quantity, with the unit.
    pub label: String,
    /// Whether it is logarithmic, such that each mark is twice the previous mark.
    pub doubling: bool,
    /// Its first number.
    pub from: f64,
    /// Its last number.
    pub to: f64,
}

impl Axis {
    /// An axis with equal distances.
    pub fn linear(label: &str, from: f64, to: f64) -> Axis {
        Axis { label: label.to_string(), doubling: false, from, to }
    }

    /// A logarithmic axis.
    pub fn doubling(label: &str, from: f64, to: f64) -> Axis {
        Axis { doubling: true, ..Axis::linear(label, from, to) }
    }
}

/// The points of a line, or marks without a line.
#[derive(Debug, Serialize, Deserialize)]
pub struct Series {
    /// Its name for the reader.
    pub name: String,
    /// Marks only, without a line.
    pub marks_only: bool,
    /// Pairs of x and y.
    pub points: Vec<(f64, f64)>,
}

impl Series {
    /// A line through these points.
    pub fn line(name: &str, points: Vec<(f64, f64)>) -> Series {
        Series { name: name.to_string(), marks_only: false, points }
    }
}
