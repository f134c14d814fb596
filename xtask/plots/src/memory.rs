//! The memory of a server's process, by the number of idle clients.
//!
//! The server is a process of its own, this program started again, so its memory does not contain that of the clients.

use std::io::{Read as _, Write as _};
use std::process::{Command, Stdio};
use std::{env, fs, io};

use anyhow::{Context, Result};
use course::plot::{Axis, Plot, Series};
use wire::Program;

use crate::clients;
use crate::output::{machine, rounded};
use crate::serving::{self, MODELS, Model};

/// The first argument of the program when it is the server: `serve MODEL CLIENTS`.
pub(crate) const SERVE: &str = "serve";

const COUNTS: [u32; 10] = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512];

/// The median of this many measurements is taken.
const ROUNDS: usize = 3;

pub(crate) fn plot() -> Result<Plot> {
    let mut measured = Vec::new();
    // Without the pool of four, which does not serve the fifth client at all.
    for (_, name) in MODELS.into_iter().filter(|(model, _)| *model != Model::Pool) {
        let mut points = Vec::new();
        for clients in COUNTS {
            let mut rounds =
                (0..ROUNDS).map(|_| memory(name, clients)).collect::<Result<Vec<_>>>()?;
            rounds.sort_unstable();
            points.push((f64::from(clients), f64::from(rounds[ROUNDS / 2])));
        }
        measured.push((name, points));
    }
    let unit = measured[1].1[0].1;
    let series = measured.into_iter().map(|(name, points)| {
        Series::line(name, points.into_iter().map(|(x, y)| (x, rounded(y / unit))).collect())
    });
    Ok(Plot {
        command: "cargo xtask plot memory".to_string(),
        machine: Some(machine()),
        x: Axis::doubling("idle clients, each after one request", 1.0, 512.0),
        y: Axis::linear("memory of the server ÷ memory of part 6 with one client", 0.0, 5.0),
        series: series.collect(),
    })
}

/// The memory, in KiB, of a server with idle clients, each of which has read one response.
fn memory(model: &str, clients: u32) -> Result<u32> {
    let mut command = Command::new(env::current_exe()?);
    command.args([SERVE, model, &clients.to_string()]);
    // The server ends with its standard input, so also when this process is killed.
    let server = Program::start_with_stdin(command, Stdio::piped())?;
    let connections =
        (0..clients).map(|_| clients::served(server.addr())).collect::<Result<Vec<_>>>()?;
    let status = fs::read_to_string(format!("/proc/{}/status", server.pid()))
        .context("this needs /proc, so it needs Linux")?;
    drop(connections);
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let number = line.and_then(|rest| rest.trim().strip_suffix(" kB"));
    number.context("no VmRSS")?.parse().context("VmRSS")
}

/// Runs the server until its standard input ends.
pub(crate) fn serve(arguments: &[String]) -> Result<()> {
    let [name, clients] = arguments else { anyhow::bail!("serve MODEL CLIENTS") };
    let model = MODELS.into_iter().find(|(_, known)| known == name);
    let (model, _) = model.context("no such model")?;
    serving::with_server(model, clients.parse()?, |address| {
        println!("listening on http://{address}");
        io::stdout().flush()?;
        io::stdin().read_to_end(&mut Vec::new())?;
        Ok(())
    })
}
