//! The report: the tables of figures, and notes about what was not as it should be.

use std::fmt::Write;

use super::figures::{Figure, Row, TABLES, Table};
use super::sample::Sample;
use crate::table;
use crate::ui;

/// The tables and notes that are printed at the end.
pub(crate) fn tables(names: &[&str], rows: &[Row]) -> String {
    let mut text = String::new();
    for Table { title, label, figure } in TABLES {
        if let Figure::RelativeTo { server, .. } = figure
            && !names.contains(server)
        {
            continue;
        }
        let line = |row: &Row| {
            let cell = |at| figure.of(names, row, at).unwrap_or_else(|| "-".to_string());
            Some((label(row.scenario)?, (0..names.len()).map(cell).collect()))
        };
        let lines: Vec<(String, Vec<String>)> = rows.iter().filter_map(line).collect();
        if !lines.is_empty() {
            let title = ui::paint(ui::TITLE, title);
            let _ = write!(text, "\n{title}\n{}", table::aligned(names, &lines));
        }
    }
    let notes = notes(names, rows);
    if !notes.is_empty() {
        let _ = write!(text, "\n{}\n{notes}", ui::paint(ui::TITLE, "notes"));
    }
    text
}

/// A line for each scenario that a server did not run, and for each kind of error during a measurement.
fn notes(names: &[&str], rows: &[Row]) -> String {
    let mut text = String::new();
    for row in rows {
        for (name, cell) in names.iter().zip(&row.cells) {
            let notes = match cell {
                Err(reason) => vec![format!("skipped, {reason}")],
                Ok(samples) => errors(samples),
            };
            for note in notes {
                let _ = writeln!(text, "{name}, {}: {note}", row.scenario.name);
            }
        }
    }
    text
}

fn errors(samples: &[Sample]) -> Vec<String> {
    let mut notes = Vec::new();
    let errors: f64 = samples.iter().map(|sample| sample.errors).sum();
    if errors > 0.0 {
        notes.push(format!("{errors:.0} failed requests or connections"));
    }
    let lost = samples.iter().map(|sample| sample.lost).max().unwrap_or_default();
    if lost > 0 {
        notes.push(format!("the server closed up to {lost} background connections"));
    }
    let share = samples.iter().filter_map(|sample| sample.share).reduce(f64::min);
    if let Some(share) = share.filter(|share| *share < 0.5) {
        notes.push(format!("the background requests had {share:.2} of the possible throughput"));
    }
    notes
}

#[cfg(test)]
mod tests {
    use super::super::figures::Cell;
    use super::super::sample::Base;
    use super::super::scenario::SCENARIOS;
    use super::*;
    use crate::ui::plain;

    fn sample(rate: f64, micros: f64) -> Sample {
        Sample {
            rate,
            cpu: Some(micros / 1e6),
            bytes: 2048.0,
            p50: 0.0005,
            p99: 0.0015,
            memory: Some(2048.0),
            errors: 0.0,
            lost: 0,
            share: None,
            base: None,
        }
    }

    fn row(name: &str, cells: Vec<Cell>) -> Row<'static> {
        Row { scenario: SCENARIOS.iter().find(|scenario| scenario.name == name).unwrap(), cells }
    }

    #[test]
    fn a_round_is_compared_with_itself() {
        // The machine was half as fast in the second round, for both.
        let limit = vec![sample(100.0, 4.0), sample(50.0, 8.0), sample(100.0, 4.0)];
        let own = vec![sample(90.0, 5.0), sample(45.0, 10.0), sample(80.0, 6.0)];
        let text = plain(&tables(&["limit", "final"], &[row("route", vec![Ok(limit), Ok(own)])]));
        assert_eq!(
            text,
            "
requests per second, relative to the limit
       limit  final
route  100/s   0.90

CPU time per request, relative to the limit
        limit  final
route  4.0 us   1.25

CPU time per request, in microseconds
       limit  final
route   4.00   6.00

latency in ms, p50 / p99
             limit        final
route  0.50 / 1.50  0.50 / 1.50

peak memory, in MiB
       limit  final
route    2.0    2.0
"
        );
    }

    #[test]
    fn without_the_limit_figures_are_absolute() {
        let cells = vec![
            Err("it compresses nothing".into()),
            Ok(vec![sample(80.0, 4.0)]),
            Ok(vec![sample(100.0, 4.0)]),
        ];
        let text = plain(&tables(&["limit", "final", "nginx"], &[row("gzip", cells)]));
        assert!(
            text.contains(
                "relative to the limit\n      limit  final  nginx\ngzip      -   80/s  100/s\n"
            ),
            "{text}"
        );
        assert!(
            text.contains(
                "relative to nginx\n      limit  final  nginx\ngzip      -   0.80  100/s\n"
            ),
            "{text}"
        );
        assert!(text.ends_with("limit, gzip: skipped, it compresses nothing\n"), "{text}");
    }

    #[test]
    fn an_earlier_build_is_compared_in_the_same_round() {
        let names = ["limit", "before", "final"];
        let [limit, before, after] = [4.0, 6.0, 5.4].map(|micros| Ok(vec![sample(100.0, micros)]));
        let text = plain(&tables(&names, &[row("route", vec![limit, before, after])]));
        let wanted = "
CPU time per request, relative to before
       limit  before  final
route   0.67  6.0 us   0.90
";
        assert!(text.contains(wanted), "{text}");
        assert!(!plain(&tables(&["final"], &[])).contains("relative to before"));
    }

    #[test]
    fn what_a_scenario_adds_is_compared_with_the_same_server() {
        let with = |base: Base, rate, micros| Sample { base: Some(base), ..sample(rate, micros) };
        let base = |rate, micros: f64| Base { rate, cpu: Some(micros / 1e6), p99: 0.001 };
        // The second round was a slow one, for both.
        let own = vec![
            with(base(100.0, 4.0), 60.0, 6.0),
            with(base(50.0, 8.0), 40.0, 10.0),
            with(base(100.0, 4.0), 70.0, 5.6),
        ];
        let skipped = Err("it has no handlers".into());
        let text = plain(&tables(&["limit", "final"], &[row("mix", vec![skipped, Ok(own)])]));
        let wanted = "
requests per second, one scenario relative to the other on the same server
             limit  final
mix / hello      -   0.70

CPU time per request, one scenario relative to the other on the same server
             limit  final
mix / hello      -   1.40

p99 latency in ms, one scenario and the other
             limit        final
mix / hello      -  1.50 / 1.00
";
        assert!(text.contains(wanted), "{text}");
    }

    #[test]
    fn errors_are_in_the_notes() {
        let bad = Sample { errors: 2.0, lost: 7, share: Some(0.25), ..sample(1.0, 1.0) };
        let text = notes(&["final"], &[row("idle-2000", vec![Ok(vec![bad, bad])])]);
        assert_eq!(
            text,
            "final, idle-2000: 4 failed requests or connections\n\
             final, idle-2000: the server closed up to 7 background connections\n\
             final, idle-2000: the background requests had 0.25 of the possible throughput\n"
        );
    }
}
