//! Draws measured or computed numbers as a plot, with lines over two axes, as SVG.
//!
//! The numbers are in files in `book/src/generated/plots`, made by `cargo xtask plot`. This code measures nothing, so a
//! plot always shows the contents of its file. The style sheet sets the colours. Each series also has its own dashes
//! and marks, for paper and for readers who don't distinguish the colours.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;

use crate::figure::attribute_text;

/// The contents of a file of numbers.
#[derive(Debug, Deserialize)]
struct Plot {
    /// The command that makes the file again.
    command: String,
    /// The machine on which it was measured, or `None` for computed numbers.
    machine: Option<String>,
    x: Axis,
    y: Axis,
    series: Vec<Series>,
}

#[derive(Debug, Deserialize)]
struct Axis {
    label: String,
    /// A logarithmic axis, on which each mark is twice the previous mark.
    doubling: bool,
    from: f64,
    to: f64,
}

#[derive(Debug, Deserialize)]
struct Series {
    name: String,
    /// Marks only, without a line.
    marks_only: bool,
    points: Vec<(f64, f64)>,
}

/// The size of the picture in pixels: the area between the axes and the space around it.
const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 260.0;
const LEFT: f64 = 46.0;
const RIGHT: f64 = 24.0;
const BELOW: f64 = 48.0;
/// The height of a line of text above the area, for the name of a series or of the vertical axis.
const LINE: f64 = 22.0;

/// A line with more points than this is drawn without marks.
const MOST_MARKS: usize = 30;

/// Draws the plot `NAME`. The text after the name is the alternative text.
pub(crate) fn render(root: &Path, rest: &str) -> Result<String> {
    let (name, alt) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
    ensure!(
        !alt.trim().is_empty(),
        "a plot needs a text for those who cannot see it, behind its name"
    );
    let file = root.join(format!("book/src/generated/plots/{name}.json"));
    let text = fs::read_to_string(&file)
        .with_context(|| format!("{}: make it with `cargo xtask plot {name}`", file.display()))?;
    let plot: Plot = serde_json::from_str(&text).with_context(|| format!("{}", file.display()))?;
    Ok(format!(
        "<div class=\"figure plot\" role=\"img\" aria-label=\"{}\">\n{}</div>\n{}\n",
        attribute_text(alt.trim()),
        draw(&plot)?,
        below(&plot),
    ))
}

/// The text below a plot: the origin of the numbers, the command that makes them again, and the numbers in a fold.
fn below(plot: &Plot) -> String {
    let from = match &plot.machine {
        Some(machine) => format!("Measured: {machine}."),
        None => "Computed: the clock is invented, so it is the same on each machine.".to_string(),
    };
    let mut text = format!(
        "<p class=\"plot-source\">{} Make it again: <code>{}</code></p>\n",
        attribute_text(&from),
        attribute_text(&plot.command)
    );
    let lines: Vec<_> = plot.series.iter().filter(|series| !series.marks_only).collect();
    let xs = &lines.first().map_or(&[][..], |series| &series.points);
    let same = lines.iter().all(|series| {
        series.points.len() == xs.len()
            && series.points.iter().zip(*xs).all(|(a, b)| near(a.0, b.0))
    });
    if same && xs.len() <= MOST_MARKS {
        // There is no blank line, which would end the HTML block.
        text.push_str("<details class=\"plot-numbers\"><summary>The numbers</summary>\n");
        let _ = write!(
            text,
            "<div class=\"table-wrapper\"><table><thead><tr><th>{}</th>",
            attribute_text(&plot.x.label)
        );
        for series in &lines {
            let _ = write!(text, "<th>{}</th>", attribute_text(&series.name));
        }
        text.push_str("</tr></thead><tbody>\n");
        for (row, (x, _)) in xs.iter().enumerate() {
            let _ = write!(text, "<tr><td>{}</td>", number(*x));
            for series in &lines {
                let _ = write!(text, "<td>{}</td>", number(series.points[row].1));
            }
            text.push_str("</tr>\n");
        }
        let _ = writeln!(
            text,
            "</tbody></table></div>\n<p>In the columns: {}.</p>\n</details>",
            attribute_text(&plot.y.label)
        );
    }
    text
}

fn draw(plot: &Plot) -> Result<String> {
    // The names come first, then the name of the vertical axis, then the area.
    let names = f64::from(u16::try_from(plot.series.len())?);
    let top = (names + 1.0) * LINE + 8.0;
    let area = Area { plot, top };
    let mut svg = String::new();
    writeln!(
        svg,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{height}\" viewBox=\"0 0 {WIDTH} {height}\">",
        height = top + HEIGHT + BELOW
    )?;
    area.axes(&mut svg)?;
    for (index, series) in plot.series.iter().enumerate() {
        name(&mut svg, index, series)?;
        area.series(&mut svg, index, series).with_context(|| series.name.clone())?;
    }
    svg.push_str("</svg>\n");
    Ok(svg)
}

/// The area between the axes, which maps numbers to positions.
struct Area<'a> {
    plot: &'a Plot,
    top: f64,
}

impl Area<'_> {
    fn x(&self, value: f64) -> Result<f64> {
        Ok(LEFT + self.plot.x.share(value)? * (WIDTH - LEFT - RIGHT))
    }

    fn y(&self, value: f64) -> Result<f64> {
        Ok(self.top + (1.0 - self.plot.y.share(value)?) * HEIGHT)
    }

    fn axes(&self, svg: &mut String) -> Result<()> {
        let (right, bottom) = (WIDTH - RIGHT, self.top + HEIGHT);
        for value in self.plot.y.ticks() {
            let y = self.y(value)?;
            writeln!(
                svg,
                "<line class=\"grid\" x1=\"{LEFT}\" y1=\"{y:.1}\" x2=\"{right}\" y2=\"{y:.1}\"/>"
            )?;
            let (x, y) = (LEFT - 8.0, y + 5.0);
            writeln!(
                svg,
                "<text text-anchor=\"end\" x=\"{x}\" y=\"{y:.1}\">{}</text>",
                number(value)
            )?;
        }
        for value in self.plot.x.ticks() {
            let x = self.x(value)?;
            writeln!(
                svg,
                "<line class=\"axis\" x1=\"{x:.1}\" y1=\"{bottom}\" x2=\"{x:.1}\" y2=\"{}\"/>",
                bottom + 5.0
            )?;
            writeln!(
                svg,
                "<text text-anchor=\"middle\" x=\"{x:.1}\" y=\"{}\">{}</text>",
                bottom + 20.0,
                number(value)
            )?;
        }
        writeln!(svg, "<path class=\"axis\" d=\"M{LEFT} {} V{bottom} H{right}\"/>", self.top)?;
        let [x, y] = [&self.plot.x.label, &self.plot.y.label].map(|label| attribute_text(label));
        writeln!(
            svg,
            "<text text-anchor=\"middle\" x=\"{}\" y=\"{}\">{x}</text>",
            LEFT.midpoint(right),
            bottom + 42.0
        )?;
        writeln!(svg, "<text x=\"{}\" y=\"{}\">↑ {y}</text>", LEFT - 6.0, self.top - 12.0)?;
        Ok(())
    }

    fn series(&self, svg: &mut String, index: usize, series: &Series) -> Result<()> {
        let mut places = Vec::new();
        for (x, y) in &series.points {
            places.push((self.x(*x)?, self.y(*y)?));
        }
        if !series.marks_only {
            let path: Vec<_> = places.iter().map(|(x, y)| format!("{x:.1} {y:.1}")).collect();
            writeln!(svg, "<path class=\"series s{index}\" d=\"M{}\"/>", path.join(" L"))?;
        }
        if series.marks_only || places.len() <= MOST_MARKS {
            for place in places {
                mark(svg, index, place)?;
            }
        }
        Ok(())
    }
}

/// A piece of the line, its mark, and the name of the series.
fn name(svg: &mut String, index: usize, series: &Series) -> Result<()> {
    let y = f64::from(u16::try_from(index)?) * LINE + 12.0;
    let (from, to) = (LEFT, LEFT + 34.0);
    if !series.marks_only {
        writeln!(svg, "<path class=\"series s{index}\" d=\"M{from} {y} H{to}\"/>")?;
    }
    if series.marks_only || series.points.len() <= MOST_MARKS {
        mark(svg, index, (from.midpoint(to), y))?;
    }
    writeln!(
        svg,
        "<text x=\"{}\" y=\"{}\">{}</text>",
        to + 10.0,
        y + 5.0,
        attribute_text(&series.name)
    )?;
    Ok(())
}

/// A disc, a square or a cross, so that series differ in their shape too.
fn mark(svg: &mut String, index: usize, (x, y): (f64, f64)) -> Result<()> {
    let shape = match index % 3 {
        0 => format!("M{:.1} {y:.1} a4.5 4.5 0 1 0 9 0 a4.5 4.5 0 1 0 -9 0 Z", x - 4.5),
        1 => format!("M{:.1} {:.1} h8 v8 h-8 Z", x - 4.0, y - 4.0),
        _ => format!("M{:.1} {:.1} l10 10 m0 -10 l-10 10", x - 5.0, y - 5.0),
    };
    let filled = if index % 3 == 2 { "" } else { " filled" };
    writeln!(svg, "<path class=\"mark s{index}{filled}\" d=\"{shape}\"/>")?;
    Ok(())
}

impl Axis {
    /// The position of a number on the axis, from 0 to 1.
    fn share(&self, value: f64) -> Result<f64> {
        if !(self.from..=self.to).contains(&value) {
            bail!(
                "{value} lies outside of the axis `{}`, {} to {}",
                self.label,
                self.from,
                self.to
            );
        }
        if self.doubling {
            return Ok((value / self.from).log2() / (self.to / self.from).log2());
        }
        Ok((value - self.from) / (self.to - self.from))
    }

    /// The numbers beside the axis.
    fn ticks(&self) -> Vec<f64> {
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
fn number(value: f64) -> String {
    let text = format!("{value:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_string()
}

fn near(a: f64, b: f64) -> bool {
    (a - b).abs() < 1e-9
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Sources;

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
        assert!(near(doubling.share(2.0).unwrap(), 1.0 / 3.0));
    }

    #[test]
    fn a_number_outside_of_its_axis_is_a_mistake_and_not_a_line_that_leaves_the_picture() {
        let error = axis(false, 0.0, 1.0).share(1.5).unwrap_err().to_string();
        assert_eq!(error, "1.5 lies outside of the axis `things`, 0 to 1");
    }

    #[test]
    fn a_plot_without_a_text_or_without_its_file_is_refused_with_the_way_out() {
        let root = Sources::find().unwrap().root().to_path_buf();
        assert!(render(&root, "token-bucket").unwrap_err().to_string().contains("a text for"));
        let error = render(&root, "nothing A text.").unwrap_err().to_string();
        assert!(error.contains("cargo xtask plot nothing"), "{error}");
    }

    #[test]
    fn a_plot_has_its_lines_its_text_and_its_command() {
        let root = Sources::find().unwrap().root().to_path_buf();
        let html = render(&root, "token-bucket Tokens over time.").unwrap();
        assert!(html.contains("aria-label=\"Tokens over time.\""), "{html}");
        assert!(html.contains("<path class=\"series s0\""), "{html}");
        assert!(html.contains("cargo xtask plot token-bucket"), "{html}");
        // A blank line would end the HTML block.
        assert!(!html.trim_end().contains("\n\n"), "{html}");
    }
}
