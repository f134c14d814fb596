use super::super::background::Outcome;
use super::super::load::Load;
use super::super::measure::Cell;
use super::super::scenario::SCENARIOS;
use super::*;
use crate::ui::plain;

fn sample(rate: f64, micros: f64) -> Sample {
    let load = Load { requests: rate, seconds: 1.0, p50: 0.0005, p99: 0.0015, errors: 0.0 };
    let (cpu, memory) = (Some(micros / 1e6), Some(2048.0));
    Sample { load, cpu, memory, background: Outcome::default() }
}

fn row(name: &str, cells: Vec<Cell>) -> Row {
    let scenario = SCENARIOS.iter().find(|scenario| scenario.name == name).unwrap();
    Row { scenario, bases: cells.clone(), cells }
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
        Err("it writes no log".into()),
        Ok(vec![sample(80.0, 4.0)]),
        Ok(vec![sample(100.0, 4.0)]),
    ];
    let text = plain(&tables(&["limit", "final", "nginx"], &[row("access-log", cells)]));
    assert!(
        text.contains(
            "relative to the limit\n            limit  final  nginx\naccess-log      -   80/s  100/s\n"
        ),
        "{text}"
    );
    assert!(
        text.contains(
            "relative to nginx\n            limit  final  nginx\naccess-log      -   0.80  100/s\n"
        ),
        "{text}"
    );
    assert!(!text.contains("relative to before"), "{text}");
    assert!(text.ends_with("limit, access-log: skipped, it writes no log\n"), "{text}");
}

#[test]
fn what_a_scenario_adds_is_compared_with_the_same_server() {
    let skipped = || Err("it has no handlers".to_string());
    let own = vec![sample(60.0, 6.0), sample(40.0, 10.0), sample(70.0, 5.6)];
    // The second round was a slow one, for both.
    let base = vec![sample(100.0, 4.0), sample(50.0, 8.0), sample(100.0, 4.0)];
    let row = Row { bases: vec![skipped(), Ok(base)], ..row("mix", vec![skipped(), Ok(own)]) };
    let text = plain(&tables(&["limit", "final"], &[row]));
    let wanted = "
requests per second, one scenario relative to the other on the same server
             limit  final
mix / hello      -   0.70

CPU time per request, one scenario relative to the other on the same server
             limit  final
mix / hello      -   1.40

p99 latency in ms, one scenario and the other
             limit        final
mix / hello      -  1.50 / 1.50
";
    assert!(text.contains(wanted), "{text}");
}

#[test]
fn errors_are_in_the_notes() {
    let background = Outcome { lost: 7.0, share: Some(0.25) };
    let mut bad = Sample { background, ..sample(1.0, 1.0) };
    bad.load.errors = 2.0;
    let text = notes(&["final"], &[row("idle-2000", vec![Ok(vec![bad.clone(), bad])])]);
    assert_eq!(
        text,
        "final, idle-2000: 4 failed requests or connections\n\
             final, idle-2000: up to 7 background connections or requests failed\n\
             final, idle-2000: the background requests had 0.25 of the possible throughput\n"
    );
}

#[test]
fn the_median_is_in_the_middle() {
    assert_eq!(median(vec![]), None);
    assert_eq!(median(vec![9.0, 1.0, 2.0]), Some(2.0));
    assert_eq!(median(vec![4.0, 1.0, 9.0, 2.0]), Some(3.0));
}

/// Regression test: the ratio was 0.00, as if no request had taken any time.
#[test]
fn a_percentile_that_wrk_does_not_have_is_left_out() {
    let mut own = sample(1.0, 1.0);
    own.load.p99 = 0.0;
    let cells = vec![Ok(vec![sample(1.0, 1.0)]), Ok(vec![own])];
    let text = plain(&tables(&["before", "final"], &[row("pipelining", cells)]));
    assert!(text.contains("pipelining  0.50 / 1.50  0.50 / -\n"), "{text}");
    assert!(text.contains("\npipelining  1.50 ms      -\n"), "{text}");
}
