//! Where a number is on an axis of a plot, and which numbers are beside the axis.

use std::iter::successors;

use anyhow::{Result, bail};
use course::plot::Axis;

/// The position of a number on the axis, from 0 to 1.
pub(super) fn share(axis: &Axis, value: f64) -> Result<f64> {
    let Axis { label, from, to, .. } = axis;
    if !(from..=to).contains(&&value) {
        bail!("{value} lies outside of the axis `{label}`, {from} to {to}");
    }
    if axis.doubling {
        return Ok((value / from).log2() / (to / from).log2());
    }
    Ok((value - from) / (to - from))
}

/// The numbers beside the axis.
pub(super) fn ticks(axis: &Axis) -> Vec<f64> {
    let step = step(axis.to - axis.from);
    let next = |last: &f64| {
        let next = if axis.doubling { last * 2.0 } else { last + step };
        (next <= axis.to + step / 1000.0).then(|| next.min(axis.to))
    };
    successors(Some(axis.from), next).collect()
}

/// The smallest of 1, 2, 5, 10, … and their tenths with which an axis of this length has at most eight steps.
fn step(length: f64) -> f64 {
    (-3..9)
        .flat_map(|power| [1.0, 2.0, 5.0].map(|digit| digit * 10_f64.powi(power)))
        .find(|step| length / step <= 8.5)
        .unwrap_or(length)
}

/// Formats a number with as many decimals as the step needs.
pub(super) fn number(value: f64) -> String {
    let text = format!("{value:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_numbers_or_powers_of_two() {
        let told = |axis: &Axis| ticks(axis).into_iter().map(number).collect::<Vec<_>>();
        let linear = Axis::linear("things", 0.0, 1.2);
        assert_eq!(told(&linear), ["0", "0.2", "0.4", "0.6", "0.8", "1", "1.2"]);
        let doubling = Axis::doubling("things", 1.0, 8.0);
        assert_eq!(told(&doubling), ["1", "2", "4", "8"]);
        assert!((share(&doubling, 2.0).unwrap() - 1.0 / 3.0).abs() < 1e-9);
    }

    #[test]
    fn a_number_outside_of_its_axis_is_a_mistake_and_not_a_line_that_leaves_the_picture() {
        let error = share(&Axis::linear("things", 0.0, 1.0), 1.5).unwrap_err().to_string();
        assert_eq!(error, "1.5 lies outside of the axis `things`, 0 to 1");
    }
}
