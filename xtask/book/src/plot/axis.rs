//! An axis of a plot: where a number is on it, and which numbers are beside it.

use anyhow::{Result, bail};
use serde::Deserialize;

#[derive(Debug, Deserialize)]
pub(super) struct Axis {
    pub(super) label: String,
    /// A logarithmic axis, on which each mark is twice the previous mark.
    doubling: bool,
    from: f64,
    to: f64,
}

impl Axis {
    /// The position of a number on the axis, from 0 to 1.
    pub(super) fn share(&self, value: f64) -> Result<f64> {
        if !(self.from..=self.to).contains(&value) {
            let Axis { label, from, to, .. } = self;
            bail!("{value} lies outside of the axis `{label}`, {from} to {to}");
        }
        if self.doubling {
            return Ok((value / self.from).log2() / (self.to / self.from).log2());
        }
        Ok((value - self.from) / (self.to - self.from))
    }

    /// The numbers beside the axis.
    pub(super) fn ticks(&self) -> Vec<f64> {
        let mut ticks = vec![self.from];
        let step = self.step();
        while let Some(last) = ticks.last().copied() {
            let next = if self.doubling { last * 2.0 } else { last + step };
            if next > self.to + step / 1000.0 {
                break;
            }
            ticks.push(next.min(self.to));
        }
        ticks
    }

    /// The smallest of 1, 2, 5, 10, … and their tenths with which the axis has at most eight steps.
    fn step(&self) -> f64 {
        let length = self.to - self.from;
        (-3..9)
            .flat_map(|power| [1.0, 2.0, 5.0].map(|digit| digit * 10_f64.powi(power)))
            .find(|step| length / step <= 8.5)
            .unwrap_or(length)
    }
}

/// Formats a number with as many decimals as the step needs.
pub(super) fn number(value: f64) -> String {
    let text = format!("{value:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn axis(doubling: bool, from: f64, to: f64) -> Axis {
        Axis { label: "things".to_string(), doubling, from, to }
    }

    #[test]
    fn ticks_are_round_numbers_or_powers_of_two() {
        let linear = axis(false, 0.0, 1.2);
        let told: Vec<_> = linear.ticks().into_iter().map(number).collect();
        assert_eq!(told, ["0", "0.2", "0.4", "0.6", "0.8", "1", "1.2"]);
        let doubling = axis(true, 1.0, 8.0);
        let told: Vec<_> = doubling.ticks().into_iter().map(number).collect();
        assert_eq!(told, ["1", "2", "4", "8"]);
        assert!((doubling.share(2.0).unwrap() - 1.0 / 3.0).abs() < 1e-9);
    }

    #[test]
    fn a_number_outside_of_its_axis_is_a_mistake_and_not_a_line_that_leaves_the_picture() {
        let error = axis(false, 0.0, 1.0).share(1.5).unwrap_err().to_string();
        assert_eq!(error, "1.5 lies outside of the axis `things`, 0 to 1");
    }
}
