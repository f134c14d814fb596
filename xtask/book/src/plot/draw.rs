//! The picture of a plot: the axes, and the names and the lines of the series.

use std::fmt::Display;

use anyhow::{Context, Result};
use course::plot::{Axis, Plot, Series};

use super::axis::{number, share, ticks};
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

fn has_marks(series: &Series) -> bool {
    series.marks_only || series.points.len() <= MAX_MARKS
}

pub(super) fn svg(plot: &Plot) -> Result<String> {
    // The names come first, then the name of the vertical axis, then the area.
    let names = f64::from(u16::try_from(plot.series.len())?);
    let area = Area { x: &plot.x, y: &plot.y, top: (names + 1.0) * LINE + 8.0 };
    let height = area.top + HEIGHT + BELOW;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{height}\" viewBox=\"0 0 {WIDTH} {height}\">\n"
    );
    svg += &area.axes()?;
    for (index, series) in plot.series.iter().enumerate() {
        svg += &name(index, series)?;
        svg += &area.series(index, series).with_context(|| series.name.clone())?;
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
            svg += &rule("grid", [LEFT.to_string(), tenth(y), right.to_string(), tenth(y)]);
            svg += &text("end", LEFT - 8.0, tenth(y + 5.0), &number(value));
        }
        for value in ticks(self.x) {
            let x = tenth(self.x(value)?);
            let (from, to) = (bottom.to_string(), (bottom + 5.0).to_string());
            svg += &rule("axis", [x.clone(), from, x.clone(), to]);
            svg += &text("middle", x, bottom + 20.0, &number(value));
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
        let mut svg = String::new();
        if !series.marks_only {
            let points: Vec<_> = places.iter().map(|(x, y)| format!("{x:.1} {y:.1}")).collect();
            svg += &path(&format!("series s{index}"), &format!("M{}", points.join(" L")));
        }
        if has_marks(series) {
            svg.extend(places.into_iter().map(|place| mark(index, place)));
        }
        Ok(svg)
    }
}

/// A piece of the line, its mark, and the name of the series.
fn name(index: usize, series: &Series) -> Result<String> {
    let y = f64::from(u16::try_from(index)?) * LINE + 12.0;
    let (from, to) = (LEFT, LEFT + 34.0);
    let mut svg = String::new();
    if !series.marks_only {
        svg += &path(&format!("series s{index}"), &format!("M{from} {y} H{to}"));
    }
    if has_marks(series) {
        svg += &mark(index, (from.midpoint(to), y));
    }
    Ok(svg + &text("", to + 10.0, y + 5.0, &escaped(&series.name)))
}

fn path(class: &str, shape: &str) -> String {
    format!("<path class=\"{class}\" d=\"{shape}\"/>\n")
}

fn rule(class: &str, [x1, y1, x2, y2]: [String; 4]) -> String {
    format!("<line class=\"{class}\" x1=\"{x1}\" y1=\"{y1}\" x2=\"{x2}\" y2=\"{y2}\"/>\n")
}

/// A tenth of a pixel is as exact as a line is seen.
fn tenth(position: f64) -> String {
    format!("{position:.1}")
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
