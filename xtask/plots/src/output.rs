//! Writes the numbers of a plot.

use anyhow::Result;
use course::plot::Plot;

/// The contents of its file, with a line for each point.
pub(crate) fn to_json(plot: &Plot) -> Result<String> {
    let mut text = serde_json::to_string_pretty(plot)?;
    // serde_json writes each number on a separate line.
    while let Some(at) = text.find("[\n          ") {
        let end = at + text[at..].find(']').unwrap_or_default();
        let pair = text[at..=end].split_whitespace().collect::<Vec<_>>().join(" ");
        text.replace_range(at..=end, &pair.replace("[ ", "[").replace(" ]", "]"));
    }
    text.push('\n');
    Ok(text)
}

/// Three decimal places are more than a plot can show.
pub(crate) fn rounded(number: f64) -> f64 {
    (number * 1000.0).round() / 1000.0
}

/// The median of several measurements, because other work on the machine disturbs some of them.
pub(crate) fn median(mut rounds: Vec<f64>) -> Option<f64> {
    rounds.sort_by(f64::total_cmp);
    rounds.get(rounds.len() / 2).copied()
}

/// The description of the machine, for readers.
pub(crate) fn machine() -> String {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    format!("Linux, {cores} cores, the clients on the same machine")
}
