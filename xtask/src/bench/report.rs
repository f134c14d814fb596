//! The tables: a line per scenario, a column per server.

use std::fmt::Write;

use super::scenario::Scenario;
use super::table::Tables;
use super::{Base, Sample};

/// The samples of one server in all rounds, or the reason why there are none.
pub(crate) type Cell = Result<Vec<Sample>, String>;

/// A scenario, with a cell per server.
pub(crate) struct Row<'a> {
    pub scenario: &'a Scenario,
    pub cells: Vec<Cell>,
}

/// The tables and notes that are printed at the end.
pub(crate) fn tables(names: &[&str], rows: &[Row]) -> String {
    let mut tables = Tables::new(names, rows);
    throughput(&mut tables);
    cpu_time(&mut tables);
    latency(&mut tables);
    sizes(&mut tables);
    comparisons(&mut tables);
    tables.finish(&notes(names, rows))
}

/// The label of a line that every scenario has.
const ALL: fn(&Scenario) -> Option<String> = |scenario| Some(scenario.name.to_string());

fn throughput(tables: &mut Tables) {
    let rate = |sample: &Sample| Some(sample.rate);
    let absolute = |rate| format!("{rate:.0}/s");
    let limit = tables.column("limit");
    tables.print("requests per second, relative to the limit", &ALL, &|row, at| {
        relative(row, at, limit, rate, absolute)
    });
    if let Some(nginx) = tables.column("nginx") {
        let content = |scenario: &Scenario| {
            let has_content = scenario.is_static() || scenario.is_gzip() || scenario.logs;
            ALL(scenario).filter(|_| has_content && !scenario.demonstration)
        };
        tables.print("requests per second, relative to nginx", &content, &|row, at| {
            relative(row, at, Some(nginx), rate, absolute)
        });
    }
    if let Some(before) = tables.column("before") {
        tables.print("requests per second, relative to before", &ALL, &|row, at| {
            relative(row, at, Some(before), rate, absolute)
        });
    }
}

fn cpu_time(tables: &mut Tables) {
    let cpu = |sample: &Sample| sample.cpu;
    let limit = tables.column("limit");
    tables.print("CPU time per request, relative to the limit", &ALL, &|row, at| {
        relative(row, at, limit, cpu, |cpu| format!("{:.1} us", cpu * 1e6))
    });
    if let Some(before) = tables.column("before") {
        tables.print("CPU time per request, relative to before", &ALL, &|row, at| {
            relative(row, at, Some(before), cpu, |cpu| format!("{:.1} us", cpu * 1e6))
        });
    }
    tables.print("CPU time per request, in microseconds", &ALL, &|row, at| {
        middle(row, at, cpu).map(|cpu| format!("{:.2}", cpu * 1e6))
    });
}

fn latency(tables: &mut Tables) {
    tables.print("latency in ms, p50 / p99", &ALL, &|row, at| {
        let middle = |of: fn(&Sample) -> Option<f64>| middle(row, at, of);
        let (p50, p99) = (middle(|sample| Some(sample.p50))?, middle(|sample| Some(sample.p99))?);
        // wrk prints 0 when the percentile is outside of what it has recorded.
        let shown = |time: f64| match time {
            0.0 => "-".to_string(),
            time => format!("{:.2}", time * 1e3),
        };
        Some(format!("{} / {}", shown(p50), shown(p99)))
    });
    if let Some(before) = tables.column("before") {
        tables.print("p99 latency, relative to before", &ALL, &|row, at| {
            let p99 = |sample: &Sample| Some(sample.p99);
            relative(row, at, Some(before), p99, |p99| format!("{:.2} ms", p99 * 1e3))
        });
    }
}

fn sizes(tables: &mut Tables) {
    tables.print("peak memory, in MiB", &ALL, &|row, at| {
        let samples = row.cells[at].as_ref().ok()?;
        let most = samples.iter().filter_map(|sample| sample.memory).reduce(f64::max)?;
        Some(format!("{:.1}", most / 1024.0))
    });
    let compressed = |scenario: &Scenario| ALL(scenario).filter(|_| scenario.is_gzip());
    tables.print(
        "KiB of a compressed response: less compression is faster",
        &compressed,
        &|row, at| {
            let bytes = middle(row, at, |sample| Some(sample.bytes))?;
            Some(format!("{:.1}", bytes / 1024.0))
        },
    );
}

/// The scenarios that are compared with another one.
fn comparisons(tables: &mut Tables) {
    let label =
        |scenario: &Scenario| Some(format!("{} / {}", scenario.name, scenario.against?.name));
    tables.print(
        "requests per second, one scenario relative to the other on the same server",
        &label,
        &|row, at| relative_to_base(row, at, |sample, base| Some(sample.rate / base.rate)),
    );
    tables.print(
        "CPU time per request, one scenario relative to the other on the same server",
        &label,
        &|row, at| relative_to_base(row, at, |sample, base| Some(sample.cpu? / base.cpu?)),
    );
    tables.print("p99 latency in ms, one scenario and the other", &label, &|row, at| {
        let base = middle(row, at, |sample| Some(sample.base?.p99))?;
        let own = middle(row, at, |sample| Some(sample.p99))?;
        Some(format!("{:.2} / {:.2}", own * 1e3, base * 1e3))
    });
}

/// The median over the rounds of one server.
fn middle(row: &Row, at: usize, of: impl Fn(&Sample) -> Option<f64>) -> Option<f64> {
    median(row.cells[at].as_ref().ok()?.iter().filter_map(of).collect())
}

/// The median of the ratios to the `base` of the same round; where there is none, and for the base itself,
/// the figure as it is.
fn relative(
    row: &Row,
    at: usize,
    base: Option<usize>,
    of: impl Fn(&Sample) -> Option<f64>,
    absolute: impl Fn(f64) -> String,
) -> Option<String> {
    let base = base.filter(|&base| base != at).and_then(|base| row.cells[base].as_ref().ok());
    let Some(base) = base else { return middle(row, at, of).map(absolute) };
    let samples = row.cells[at].as_ref().ok()?;
    let pairs = samples.iter().zip(base).filter_map(|(own, base)| of(own).zip(of(base)));
    let ratios = pairs.filter(|(_, base)| *base > 0.0).map(|(own, base)| own / base).collect();
    median(ratios).map(|ratio| format!("{ratio:.2}"))
}

/// The median of the ratios to the other scenario on the same server in the same round.
fn relative_to_base(
    row: &Row,
    at: usize,
    ratio: impl Fn(&Sample, Base) -> Option<f64>,
) -> Option<String> {
    let ratio = middle(row, at, |sample| ratio(sample, sample.base?))?;
    Some(format!("{ratio:.2}"))
}

/// The middle value, or the mean of the two middle values.
fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let (low, high) = (values.len().checked_sub(1)? / 2, values.len() / 2);
    Some(f64::midpoint(values[low], values[high]))
}

/// Skipped scenarios, and errors during the measurement.
fn notes(names: &[&str], rows: &[Row]) -> String {
    let mut text = String::new();
    for row in rows {
        for (name, cell) in names.iter().zip(&row.cells) {
            let about = format!("{name}, {}", row.scenario.name);
            let _ = match cell {
                Err(reason) => writeln!(text, "{about}: skipped, {reason}"),
                Ok(samples) => {
                    let errors: f64 = samples.iter().map(|sample| sample.errors).sum();
                    let lost = samples.iter().map(|sample| sample.lost).max().unwrap_or_default();
                    if errors > 0.0 {
                        let _ =
                            writeln!(text, "{about}: {errors:.0} failed requests or connections");
                    }
                    if lost > 0 {
                        let _ = writeln!(
                            text,
                            "{about}: the server closed up to {lost} background connections"
                        );
                    }
                    let share = samples.iter().filter_map(|sample| sample.share);
                    if let Some(share) = share.reduce(f64::min).filter(|share| *share < 0.5) {
                        let _ = writeln!(
                            text,
                            "{about}: the background requests had {share:.2} of the possible throughput"
                        );
                    }
                    Ok(())
                }
            };
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::super::scenario::SCENARIOS;
    use super::*;
    use crate::ui::tests::plain;

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
    fn the_median_is_in_the_middle() {
        assert_eq!(median(vec![]), None);
        assert_eq!(median(vec![3.0]), Some(3.0));
        assert_eq!(median(vec![9.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(vec![4.0, 1.0, 9.0, 2.0]), Some(3.0));
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
