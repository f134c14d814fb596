//! Draws measured or computed numbers as a plot, with lines over two axes, as SVG.
//!
//! The numbers are in files in `book/src/generated/plots`, made by `cargo xtask plot`. This code measures nothing, so a
//! plot always shows the contents of its file. The style sheet sets the colours. Each series also has its own dashes
//! and marks, for paper and for readers who don't distinguish the colours.

mod draw;

use std::path::Path;

use anyhow::{Context, Result, ensure};
use course::plot::{Plot, Series};

use crate::arguments::word;
use crate::files;
use crate::html::escaped;
use draw::{MAX_MARKS, number};

/// Draws the plot `NAME`. The text after the name is the alternative text.
pub(crate) fn render(root: &Path, rest: &str) -> Result<String> {
    let (name, alt) = word(rest);
    ensure!(!alt.is_empty(), "a plot needs a text for those who cannot see it, behind its name");
    let file = format!("book/src/generated/plots/{name}.json");
    let text = files::read(root, &file)
        .with_context(|| format!("make it with `cargo xtask plot {name}`"))?;
    let plot: Plot = serde_json::from_str(&text).context(file)?;
    Ok(format!(
        "<div class=\"figure plot\" role=\"img\" aria-label=\"{}\">\n{}</div>\n{}{}\n",
        escaped(alt),
        draw::svg(&plot)?,
        source(&plot),
        numbers(&plot)
    ))
}

/// The origin of the numbers, and the command that makes them again.
fn source(plot: &Plot) -> String {
    let from = match &plot.machine {
        Some(machine) => format!("Measured: {machine}."),
        None => "Computed: the clock is invented, so it is the same on each machine.".to_string(),
    };
    let (from, command) = (escaped(&from), escaped(&plot.command));
    format!("<p class=\"plot-source\">{from} Make it again: <code>{command}</code></p>\n")
}

/// The numbers of the lines in a fold, if there are few and all lines have the same points. There is no blank line,
/// which would end the HTML block.
fn numbers(plot: &Plot) -> String {
    let lines: Vec<_> = plot.series.iter().filter(|series| !series.marks_only).collect();
    let Some((first, others)) = lines.split_first() else { return String::new() };
    if first.points.len() > MAX_MARKS || !others.iter().all(|other| have_same_xs(first, other)) {
        return String::new();
    }
    let names: Vec<_> = lines.iter().map(|series| escaped(&series.name)).collect();
    let row = |(at, (x, _)): (usize, &(f64, f64))| {
        let ys = lines.iter().map(|series| number(series.points[at].1));
        let cells: Vec<_> = [number(*x)].into_iter().chain(ys).collect();
        format!("<tr><td>{}</td></tr>\n", cells.join("</td><td>"))
    };
    let rows: String = first.points.iter().enumerate().map(row).collect();
    let names = names.join("</th><th>");
    let [x, y] = [&plot.x.label, &plot.y.label].map(|label| escaped(label));
    format!(
        "<details class=\"plot-numbers\"><summary>The numbers</summary>\n\
         <div class=\"table-wrapper\"><table><thead><tr><th>{x}</th><th>{names}</th></tr></thead><tbody>\n\
         {rows}</tbody></table></div>\n<p>In the columns: {y}.</p>\n</details>\n"
    )
}

/// Whether two lines have points at the same places of the horizontal axis.
fn have_same_xs(one: &Series, other: &Series) -> bool {
    let mut pairs = one.points.iter().zip(&other.points);
    one.points.len() == other.points.len() && pairs.all(|(a, b)| (a.0 - b.0).abs() < 1e-9)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sources::Sources;

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
