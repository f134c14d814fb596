//! Sends requests with wrk, as fast as the responses arrive.

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;
use std::thread;

use anyhow::{Context, ensure};
use serde::Deserialize;

use super::files::Files;
use super::scenario::Scenario;
use crate::process;

/// How many seconds wrk may wait for the last responses; after that it hangs.
const GRACE: u16 = 15;

/// The script of wrk. Each thread sends its requests in batches, and in the end wrk prints the figures of a [`Load`].
const SCRIPT: &str = r#"
function init(args)
  local batch = wrk.format():rep(tonumber(args[1]))
  if args[1] ~= "1" then
    request = function() return batch end
  end
end

function done(summary, latency)
  local errors = summary.errors
  print(('{"requests": %.0f, "seconds": %f, "p50": %f, "p99": %f, "errors": %.0f}'):format(
    summary.requests, summary.duration / 1e6,
    latency:percentile(50) / 1e6, latency:percentile(99) / 1e6,
    errors.connect + errors.read + errors.write + errors.timeout + errors.status))
end
"#;

/// The figures of wrk.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
pub(crate) struct Load {
    pub requests: f64,
    pub seconds: f64,
    /// Latency in seconds.
    pub p50: f64,
    pub p99: f64,
    /// Responses other than 2xx and 3xx, and connections that failed.
    pub errors: f64,
}

impl Load {
    /// Responses per second.
    pub(crate) fn rate(&self) -> f64 {
        self.requests / self.seconds
    }
}

/// Checks that wrk is installed.
pub(crate) fn find() -> anyhow::Result<()> {
    ensure!(
        process::is_installed("wrk"),
        "the load comes from wrk, which cannot be started: apt install wrk, brew install wrk"
    );
    Ok(())
}

/// Writes the script of wrk.
pub(crate) fn write_script(files: &Files) -> anyhow::Result<()> {
    fs::write(script(files), SCRIPT).context("the script of wrk")
}

fn script(files: &Files) -> PathBuf {
    files.path().join("wrk.lua")
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
    let mut command = Command::new("timeout");
    command.args(["--foreground", "--signal=KILL", &(seconds + GRACE).to_string()]);
    command.args(["wrk", "--latency", "--timeout", "5s"]);
    command.args(["--threads", &threads.to_string()]);
    command.args(["--connections", &scenario.connections.to_string()]);
    command.args(["--duration", &format!("{seconds}s")]);
    for (name, value) in scenario.fields {
        command.args(["--header", &format!("{name}: {value}")]);
    }
    command.arg("--script").arg(script(files));
    command.arg(format!("http://{address}{}", scenario.path));
    command.args(["--", &scenario.pipelined.to_string()]);
    let finished = process::captured(&mut command)?;
    let (status, output) = (finished.status, finished.output);
    ensure!(status.success(), "wrk failed, or was killed because it hung ({status}):\n{output}");
    let figures = output.lines().last().unwrap_or_default();
    serde_json::from_str(figures).with_context(|| format!("wrk printed no figures:\n{output}"))
}
