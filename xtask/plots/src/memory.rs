//! The memory of a server's process, by the number of idle clients.

use std::fs;

use anyhow::{Context, Result};
use course::plot::{Axis, Plot, Series};
use wire::Client;

use crate::output::{machine, median, rounded};
use crate::server::{self, EVENT_LOOP, THREAD_EACH};

const COUNTS: [u32; 10] = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512];

/// The number of measurements of each point.
const ROUNDS: usize = 3;

pub(crate) fn plot() -> Result<Plot> {
    // Without the pool of four, which does not serve the fifth client at all.
    let mut series = [THREAD_EACH, EVENT_LOOP].map(|model| Series::line(model, Vec::new()));
    for Series { name, points, .. } in &mut series {
        for clients in COUNTS {
            let rounds = (0..ROUNDS).map(|_| memory(name, clients)).collect::<Result<Vec<_>>>()?;
            points.push((f64::from(clients), median(rounds).context("no rounds")?));
        }
    }
    let (_, unit) = series[1].points[0];
    for (_, memory) in series.iter_mut().flat_map(|series| &mut series.points) {
        *memory = rounded(*memory / unit);
    }
    Ok(Plot {
        command: "cargo xtask plot memory".to_string(),
        machine: Some(machine()),
        x: Axis::doubling("idle clients, each after one request", 1.0, 512.0),
        y: Axis::linear("memory of the server ÷ memory of part 6 with one client", 0.0, 5.0),
        series: series.into(),
    })
}

/// The memory, in KiB, of a server with idle clients, each of which has read one response.
fn memory(model: &str, clients: u32) -> Result<f64> {
    let server = server::start(model, clients)?;
    let mut connections = Vec::new();
    for _ in 0..clients {
        let mut client = Client::connect(server.addr())?;
        server::exchange(&mut client)?;
        connections.push(client);
    }
    let status = fs::read_to_string(format!("/proc/{}/status", server.pid()))
        .context("this needs /proc, so it needs Linux")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let number = line.and_then(|rest| rest.trim().strip_suffix(" kB"));
    number.context("no VmRSS")?.parse().context("VmRSS")
}
