//! The picture of a plot: the axes, and the names and the lines of the series. Positions have one decimal, because a
//! tenth of a pixel is as exact as a line is seen.

use std::fmt::{Display, Write};
use std::iter::successors;

use anyhow::{Context, Result, bail};
use course::plot::{Axis, Plot, Series};

use crate::html::escaped;

/// The size of the picture in pixels: the area between the axes and the space around it.
const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 260.0;
const LEFT: f64 = 46.0;
const RIGHT: f64 = 24.0;
const BELOW: f64 = 48.0;
/// The height of a line of text above the area, for the name of a series or of the vertical axis.
const LINE: f64 = 22.0;

/// A line with more points than this is drawn without marks.
pub(super) const MAX_MARKS: usize = 30;

pub(super) fn svg(plot: &Plot) -> Result<String> {
    // The names come first, then the name of the vertical axis, then the area.
    let names: f64 = plot.series.iter().map(|_| LINE).sum();
    let area = Area { x: &plot.x, y: &plot.y, top: names + LINE + 8.0 };
    let height = area.top + HEIGHT + BELOW;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{height}\" viewBox=\"0 0 {WIDTH} {height}\">\n"
    );
    svg += &area.axes()?;
    let mut y = 12.0;
    for (index, series) in plot.series.iter().enumerate() {
        svg += &name(index, series, y);
        svg += &area.series(index, series).with_context(|| series.name.clone())?;
        y += LINE;
    }
    Ok(svg + "</svg>\n")
}

/// The area between the axes, which maps numbers to positions.
struct Area<'a> {
    x: &'a Axis,
    y: &'a Axis,
    top: f64,
}

impl Area<'_> {
    fn x(&self, value: f64) -> Result<f64> {
        Ok(LEFT + share(self.x, value)? * (WIDTH - LEFT - RIGHT))
    }

    fn y(&self, value: f64) -> Result<f64> {
        Ok(self.top + (1.0 - share(self.y, value)?) * HEIGHT)
    }

    fn axes(&self) -> Result<String> {
        let (right, bottom) = (WIDTH - RIGHT, self.top + HEIGHT);
        let mut svg = String::new();
        for value in ticks(self.y) {
            let y = self.y(value)?;
            let _ = writeln!(
                svg,
                "<line class=\"grid\" x1=\"{LEFT}\" y1=\"{y:.1}\" x2=\"{right}\" y2=\"{y:.1}\"/>"
            );
            svg += &text("end", LEFT - 8.0, format_args!("{:.1}", y + 5.0), &number(value));
        }
        for value in ticks(self.x) {
            let (x, end) = (self.x(value)?, bottom + 5.0);
            let _ = writeln!(
                svg,
                "<line class=\"axis\" x1=\"{x:.1}\" y1=\"{bottom}\" x2=\"{x:.1}\" y2=\"{end}\"/>"
            );
            svg += &text("middle", format_args!("{x:.1}"), bottom + 20.0, &number(value));
        }
        svg += &path("axis", &format!("M{LEFT} {} V{bottom} H{right}", self.top));
        svg += &text("middle", LEFT.midpoint(right), bottom + 42.0, &escaped(&self.x.label));
        let label = format!("↑ {}", escaped(&self.y.label));
        Ok(svg + &text("", LEFT - 6.0, self.top - 12.0, &label))
    }

    fn series(&self, index: usize, series: &Series) -> Result<String> {
        let mut places = Vec::new();
        for (x, y) in &series.points {
            places.push((self.x(*x)?, self.y(*y)?));
        }
        let points: Vec<_> = places.iter().map(|(x, y)| format!("{x:.1} {y:.1}")).collect();
        Ok(line(index, series, &format!("M{}", points.join(" L")), places))
    }
}

/// A piece of the line, its mark, and the name of the series.
fn name(index: usize, series: &Series, y: f64) -> String {
    let (from, to) = (LEFT, LEFT + 34.0);
    let mark = (from.midpoint(to), y);
    let line = line(index, series, &format!("M{from} {y} H{to}"), vec![mark]);
    line + &text("", to + 10.0, y + 5.0, &escaped(&series.name))
}

/// A line of the series, and marks at these places.
fn line(index: usize, series: &Series, shape: &str, places: Vec<(f64, f64)>) -> String {
    let mut svg = String::new();
    if !series.marks_only {
        svg += &path(&format!("series s{index}"), shape);
    }
    if series.marks_only || series.points.len() <= MAX_MARKS {
        svg.extend(places.into_iter().map(|place| mark(index, place)));
    }
    svg
}

fn path(class: &str, shape: &str) -> String {
    format!("<path class=\"{class}\" d=\"{shape}\"/>\n")
}

/// A disc, a square or a cross, so that series differ in their shape too.
fn mark(index: usize, (x, y): (f64, f64)) -> String {
    let (filled, shape) = match index % 3 {
        0 => {
            (" filled", format!("M{:.1} {y:.1} a4.5 4.5 0 1 0 9 0 a4.5 4.5 0 1 0 -9 0 Z", x - 4.5))
        }
        1 => (" filled", format!("M{:.1} {:.1} h8 v8 h-8 Z", x - 4.0, y - 4.0)),
        _ => ("", format!("M{:.1} {:.1} l10 10 m0 -10 l-10 10", x - 5.0, y - 5.0)),
    };
    path(&format!("mark s{index}{filled}"), &shape)
}

/// A text, which begins at `x` if it has no anchor.
fn text(anchor: &str, x: impl Display, y: impl Display, content: &str) -> String {
    let anchor = match anchor {
        "" => String::new(),
        anchor => format!(" text-anchor=\"{anchor}\""),
    };
    format!("<text{anchor} x=\"{x}\" y=\"{y}\">{content}</text>\n")
}

/// The position of a number on the axis, from 0 to 1.
fn share(axis: &Axis, value: f64) -> Result<f64> {
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
fn ticks(axis: &Axis) -> Vec<f64> {
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
