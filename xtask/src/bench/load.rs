//! The load: wrk, and what it prints.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, bail};

use super::Scenario;

/// The program that asks.
pub(super) struct Load {
    time: Duration,
    script: PathBuf,
}

/// What came of it.
#[derive(Debug, PartialEq)]
pub(super) struct Result {
    pub(super) requests: u32,
    pub(super) requests_per_second: f64,
    pub(super) p99: Duration,
}

impl Load {
    /// Looks whether wrk is there.
    pub(super) fn find(folder: &Path, time: Duration) -> anyhow::Result<Load> {
        if Command::new("wrk").arg("--version").output().is_err() {
            bail!("wrk is not installed; on Debian and Ubuntu: `apt install wrk`");
        }
        let script = folder.join("pipeline.lua");
        fs::write(
            &script,
            "init = function(args)\n  local one = wrk.format(\"GET\", args[1])\n  \
             all = string.rep(one, tonumber(args[2]))\nend\nrequest = function() return all end\n",
        )?;
        Ok(Load { time, script })
    }

    pub(super) fn run(&self, address: SocketAddr, scenario: &Scenario) -> anyhow::Result<Result> {
        let mut command = Command::new("wrk");
        let threads = std::thread::available_parallelism().map_or(1, usize::from).min(4);
        command
            .arg(format!("-t{threads}"))
            .arg(format!("-c{}", scenario.connections))
            .arg(format!("-d{}s", self.time.as_secs()))
            .args(["--latency", "--timeout", "10s", "-H", "Accept-Encoding: gzip"]);
        if scenario.closes {
            command.args(["-H", "Connection: close"]);
        }
        if scenario.pipelined > 1 {
            command.arg("-s").arg(&self.script);
        }
        command.arg(format!("http://{address}{}", scenario.path));
        if scenario.pipelined > 1 {
            command.args(["--", scenario.path, &scenario.pipelined.to_string()]);
        }
        let output = command.output().context("wrk")?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        if text.contains("Non-2xx") {
            bail!("not every answer was a good one:\n{text}");
        }
        parse(&text).with_context(|| format!("wrk printed:\n{text}"))
    }
}

/// Reads what wrk prints with `--latency`.
fn parse(text: &str) -> Option<Result> {
    let word_before = |mark: &str| text.split(mark).next()?.split_whitespace().last();
    let word_after = |mark: &str| text.split(mark).nth(1)?.split_whitespace().next();
    Some(Result {
        requests: word_before(" requests in ")?.parse().ok()?,
        requests_per_second: word_after("Requests/sec:")?.parse().ok()?,
        p99: time(word_after("99%")?)?,
    })
}

/// `1.56ms`, `503.00us`, `1.20s`.
fn time(text: &str) -> Option<Duration> {
    let units = [("us", 1e-6), ("ms", 1e-3), ("s", 1.0), ("m", 60.0)];
    units.iter().find_map(|(unit, seconds)| {
        let number: f64 = text.strip_suffix(unit)?.parse().ok()?;
        Duration::try_from_secs_f64(number * seconds).ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_wrk_prints_is_read() {
        let text = "Running 2s test @ http://127.0.0.1:8091/\n  1 threads and 64 connections\n  \
                    Latency Distribution\n     50%  503.00us\n     99%    1.56ms\n  \
                    138612 requests in 2.00s, 17.31MB read\nRequests/sec:  69251.09\n";
        let expected = Result {
            requests: 138_612,
            requests_per_second: 69251.09,
            p99: Duration::from_micros(1_560),
        };
        assert_eq!(parse(text), Some(expected));
        assert_eq!(parse("unable to connect"), None);
    }

    #[test]
    fn times_have_units() {
        assert_eq!(time("1.50s"), Some(Duration::from_millis(1_500)));
        assert_eq!(time("12us"), Some(Duration::from_micros(12)));
        assert_eq!(time("x"), None);
    }
}
