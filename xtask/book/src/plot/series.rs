//! The points of a line, or of marks without a line.

use serde::Deserialize;

/// A line with more points than this is drawn without marks.
pub(super) const MAX_MARKS: usize = 30;

#[derive(Debug, Deserialize)]
pub(super) struct Series {
    pub(super) name: String,
    /// Marks only, without a line.
    pub(super) marks_only: bool,
    pub(super) points: Vec<(f64, f64)>,
}

impl Series {
    pub(super) fn has_marks(&self) -> bool {
        self.marks_only || self.points.len() <= MAX_MARKS
    }

    /// Whether both have points at the same places of the horizontal axis.
    pub(super) fn has_xs_of(&self, other: &Series) -> bool {
        let mut pairs = self.points.iter().zip(&other.points);
        self.points.len() == other.points.len() && pairs.all(|(a, b)| (a.0 - b.0).abs() < 1e-9)
    }
}
