//! Medians and ratios, as a table.

use std::fmt::Write;
use std::time::Duration;

/// One measurement.
#[derive(Debug, Clone, Copy)]
pub(super) struct Measured {
    pub(super) requests_per_second: f64,
    pub(super) p99: Duration,
    pub(super) cpu_per_request: Duration,
}

/// What is told in the end. The first server is the one that the others are compared with.
pub(super) struct Report {
    peers: Vec<&'static str>,
    rows: Vec<(String, Vec<Option<[f64; 3]>>)>,
    memory: Vec<(&'static str, u64)>,
}

impl Report {
    pub(super) fn new(peers: Vec<&'static str>) -> Report {
        Report { peers, rows: Vec::new(), memory: Vec::new() }
    }

    /// Adds the measurements of one scenario: a list for each server, empty if it was not asked.
    pub(super) fn add(&mut self, scenario: &str, measured: &[Vec<Measured>]) {
        let of = |results: &Vec<Measured>| {
            let median_of =
                |value: fn(&Measured) -> f64| median(results.iter().map(value).collect());
            Some([
                median_of(|it| it.requests_per_second)?,
                median_of(|it| it.p99.as_secs_f64())?,
                median_of(|it| it.cpu_per_request.as_secs_f64())?,
            ])
        };
        self.rows.push((scenario.to_string(), measured.iter().map(of).collect()));
    }

    pub(super) fn add_memory(&mut self, peer: &'static str, kib: u64) {
        self.memory.push((peer, kib));
    }

    /// The table: for each other server how many times as much the first one does, and takes.
    pub(super) fn to_text(&self) -> String {
        let mut text = String::new();
        let first = self.peers.first().copied().unwrap_or_default();
        // Writing to a string cannot fail, here and below.
        let _ = writeln!(
            text,
            "\n{first} relative to …          requests/s (more is better)   CPU a request, p99 (less is better)\n"
        );
        for (scenario, values) in &self.rows {
            let Some(Some(own)) = values.first() else { continue };
            if values.iter().skip(1).all(Option::is_none) {
                let _ = writeln!(text, "{scenario:<28} nobody to compare with");
            }
            for (peer, other) in self.peers.iter().zip(values).skip(1) {
                let Some(other) = other else { continue };
                let ratio = |index: usize| own[index] / other[index];
                let _ = writeln!(
                    text,
                    "{scenario:<28} {peer:<12} {:>6.2}             {:>6.2}   {:>6.2}",
                    ratio(0),
                    ratio(2),
                    ratio(1)
                );
            }
        }
        if let [(_, own), others @ ..] = &self.memory[..] {
            for (peer, other) in others.iter().filter(|(_, other)| *other > 0) {
                #[allow(clippy::cast_precision_loss, reason = "KiB of memory are exact up to 2^53")]
                let ratio = *own as f64 / *other as f64;
                let _ = writeln!(text, "{:<28} {peer:<12} {ratio:>6.2}", "peak memory");
            }
        }
        text
    }
}

/// The value in the middle; of an even number, the lower of the two.
fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    values.get(values.len().checked_sub(1)? / 2).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_in_the_middle() {
        assert_eq!(median(vec![3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(vec![4.0, 1.0]), Some(1.0));
        assert_eq!(median(vec![]), None);
    }

    #[test]
    fn the_table_has_ratios_of_medians_to_the_first() {
        let measured = |requests_per_second, milliseconds| Measured {
            requests_per_second,
            p99: Duration::from_millis(milliseconds),
            cpu_per_request: Duration::from_micros(10),
        };
        let mut report = Report::new(vec!["final", "nginx"]);
        report.add("hello", &[vec![measured(200.0, 1)], vec![measured(100.0, 4)]]);
        report.add("routes", &[vec![measured(200.0, 1)], vec![]]);
        report.add_memory("final", 100);
        report.add_memory("nginx", 400);
        let text = report.to_text();
        let line = text.lines().find(|line| line.starts_with("hello")).unwrap();
        assert_eq!(
            line.split_whitespace().collect::<Vec<_>>(),
            ["hello", "nginx", "2.00", "1.00", "0.25"]
        );
        assert!(text.contains("routes") && text.contains("nobody to compare with"), "{text}");
        assert!(text.lines().any(|line| line.starts_with("peak memory") && line.ends_with("0.25")));
    }
}
