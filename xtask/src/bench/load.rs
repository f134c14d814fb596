//! Sends requests with wrk, as fast as the responses arrive.

use std::io::Read;
use std::net::SocketAddr;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};

use super::files::Files;
use super::scenario::Scenario;
use crate::process;

/// How long wrk may wait for the last responses; after that it hangs.
const GRACE: Duration = Duration::from_secs(15);
/// The standard library has no wait with a timeout, so we poll at this interval.
const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// The figures that wrk prints.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Load {
    pub requests: f64,
    /// Responses per second.
    pub rate: f64,
    /// Received in all, header sections and bodies.
    pub bytes: f64,
    /// Latency in seconds.
    pub p50: f64,
    pub p99: f64,
    pub errors: f64,
}

/// Checks that wrk is installed.
pub(crate) fn find() -> anyhow::Result<()> {
    ensure!(
        process::is_installed("wrk"),
        "the load comes from wrk, which cannot be started: apt install wrk, brew install wrk"
    );
    Ok(())
}

/// Puts the load of a scenario on a server.
pub(crate) fn run(
    scenario: &Scenario,
    address: SocketAddr,
    files: &Files,
    seconds: u16,
) -> anyhow::Result<Load> {
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let threads = threads.min(usize::from(scenario.connections));
    let mut command = Command::new("wrk");
    command.args(["--latency", "--timeout", "5s"]);
    command.args(["--threads", &threads.to_string()]);
    command.args(["--connections", &scenario.connections.to_string()]);
    command.args(["--duration", &format!("{seconds}s")]);
    for (name, value) in scenario.fields {
        command.args(["--header", &format!("{name}: {value}")]);
    }
    if scenario.pipelined > 1 {
        command.arg("--script").arg(files.pipeline());
    }
    command.arg(format!("http://{address}{}", scenario.path));
    if scenario.pipelined > 1 {
        command.args(["--", &scenario.pipelined.to_string()]);
    }
    let output = bounded(&mut command, Duration::from_secs(seconds.into()) + GRACE)?;
    parse(&output).with_context(|| format!("the output of wrk is not a report:\n{output}"))
}

/// Runs a program for at most `timeout`. It must print less than a pipe holds.
fn bounded(command: &mut Command, timeout: Duration) -> anyhow::Result<String> {
    let name = command.get_program().to_string_lossy().into_owned();
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::inherit());
    let mut child = command.spawn().with_context(|| format!("`{name}` cannot be started"))?;
    let deadline = Instant::now() + timeout;
    let status = loop {
        match child.try_wait()? {
            Some(status) => break status,
            None if Instant::now() < deadline => thread::sleep(POLL_INTERVAL),
            None => {
                child.kill()?;
                child.wait()?;
                bail!("`{name}` has not ended after {timeout:?}");
            }
        }
    };
    let mut output = String::new();
    if let Some(mut pipe) = child.stdout.take() {
        pipe.read_to_string(&mut output)?;
    }
    if !status.success() {
        bail!("`{name}` failed ({status}):\n{output}");
    }
    Ok(output)
}

/// Reads wrk's report.
fn parse(output: &str) -> Option<Load> {
    let lines = || output.lines().map(str::trim);
    // `50%    1.23ms`, and `123 requests in 1.00s, 4.56MB read`.
    let percentile = |mark: &str| lines().find_map(|line| seconds(line.strip_prefix(mark)?.trim()));
    let (requests, read) = lines().find_map(|line| line.split_once(" requests in "))?;
    let requests = requests.trim().parse().ok()?;
    let bytes = bytes(read.split_once(", ")?.1.strip_suffix(" read")?)?;
    let rate = lines().find_map(|line| line.strip_prefix("Requests/sec:")?.trim().parse().ok())?;
    // `Socket errors: connect 0, read 1, write 0, timeout 2`, and `Non-2xx or 3xx responses: 3`.
    let errors = lines().filter_map(|line| {
        line.strip_prefix("Socket errors:")
            .or_else(|| line.strip_prefix("Non-2xx or 3xx responses:"))
    });
    let words = errors.flat_map(|line| line.split([' ', ',']));
    Some(Load {
        requests,
        rate,
        bytes,
        p50: percentile("50%")?,
        p99: percentile("99%")?,
        errors: words.filter_map(|word| word.parse::<f64>().ok()).sum(),
    })
}

/// A size as wrk writes it: `512.00B`, `1.21KB`, `19.94MB`, `3.00GB`, in steps of 1024.
fn bytes(text: &str) -> Option<f64> {
    let unit = text.find(|c: char| c.is_ascii_alphabetic())?;
    let power = ["B", "KB", "MB", "GB", "TB"].iter().position(|name| *name == &text[unit..])?;
    Some(text[..unit].parse::<f64>().ok()? * 1024_f64.powi(i32::try_from(power).ok()?))
}

/// A time as wrk writes it: `950.00us`, `1.23ms`, `1.02s`, `1.50m`.
fn seconds(text: &str) -> Option<f64> {
    let unit = text.find(|c: char| c.is_ascii_alphabetic())?;
    let factor = match &text[unit..] {
        "us" => 1e-6,
        "ms" => 1e-3,
        "s" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        _ => return None,
    };
    Some(text[..unit].parse::<f64>().ok()? * factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    const REPORT: &str = "\
Running 1s test @ http://127.0.0.1:8080/
  2 threads and 64 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency   442.15us  391.07us   8.81ms   95.50%
    Req/Sec    73.50k     3.02k   79.07k    68.18%
  Latency Distribution
     50%  390.00us
     75%  480.00us
     90%  650.00us
     99%    1.25ms
  160791 requests in 1.10s, 19.94MB read
Requests/sec: 146180.27
Transfer/sec:     18.12MB
";

    #[test]
    fn a_report_is_read() {
        let load = parse(REPORT).unwrap();
        assert!((load.requests - 160_791.0).abs() < 0.1, "{load:?}");
        assert!((load.rate - 146_180.27).abs() < 0.1, "{load:?}");
        assert!((load.bytes / 1024.0 - 19.94 * 1024.0).abs() < 0.1, "{load:?}");
        assert!((load.p50 - 0.000_39).abs() < 1e-9, "{load:?}");
        assert!((load.p99 - 0.001_25).abs() < 1e-9, "{load:?}");
        assert!(load.errors.abs() < 0.1, "{load:?}");
    }

    #[test]
    fn errors_of_both_kinds_are_added() {
        let report = REPORT.replace(
            "Requests/sec",
            "  Socket errors: connect 0, read 1, write 20, timeout 300\n  Non-2xx or 3xx responses: 4000\nRequests/sec",
        );
        assert!((parse(&report).unwrap().errors - 4321.0).abs() < 0.1);
    }

    #[test]
    fn other_output_is_not_a_report() {
        assert_eq!(parse("unable to connect to 127.0.0.1:1 Connection refused\n"), None);
        assert_eq!(parse(""), None);
    }

    #[test]
    fn times_have_units() {
        let near = |text: &str, wanted: f64| (seconds(text).unwrap() - wanted).abs() < 1e-9;
        assert!(near("950.00us", 0.000_95) && near("1.23ms", 0.001_23));
        assert!(near("1.02s", 1.02) && near("1.50m", 90.0) && near("1.00h", 3600.0));
        assert_eq!(seconds("12"), None);
        assert_eq!(seconds("12parsecs"), None);
    }

    #[test]
    #[cfg(unix)]
    fn a_program_that_does_not_end_is_killed() {
        let start = Instant::now();
        let error =
            bounded(Command::new("sleep").arg("60"), Duration::from_millis(50)).unwrap_err();
        assert!(error.to_string().contains("`sleep` has not ended"), "{error}");
        assert!(start.elapsed() < Duration::from_secs(30));
    }
}
