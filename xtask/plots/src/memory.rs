//! What clients cost that have asked once and stay: the memory of the server's process, by their number.
//!
//! The server is a process of its own, this program once more, so the clients' memory is not in the figure.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::{env, fs, io};

use anyhow::{Context, Result};

use crate::clients;
use crate::plot::{Axis, Plot, Series, machine, rounded};
use crate::serving::{self, Way};

/// What the program is called with when it shall be the server: `serve WAY CLIENTS`.
pub(crate) const SERVE: &str = "serve";

const COUNTS: [u32; 10] = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512];
const ROUNDS: usize = 3;

/// A pool of four is not among them: it does not serve the fifth client at all.
const WAYS: [(Way, &str); 2] =
    [(Way::ThreadEach, "a thread for each client"), (Way::Engine, "parked connections (part 6)")];

pub(crate) fn plot() -> Result<Plot> {
    let mut measured = Vec::new();
    for (way, name) in WAYS {
        let mut points = Vec::new();
        for clients in COUNTS {
            let mut rounds =
                (0..ROUNDS).map(|_| memory(way, clients)).collect::<Result<Vec<_>>>()?;
            rounds.sort_unstable();
            points.push((f64::from(clients), f64::from(rounds[ROUNDS / 2])));
        }
        measured.push((name, points));
    }
    let least = measured[1].1[0].1;
    let series = measured.into_iter().map(|(name, points)| {
        Series::line(name, points.into_iter().map(|(x, y)| (x, rounded(y / least))).collect())
    });
    Ok(Plot {
        command: "cargo xtask plot memory",
        machine: Some(machine()),
        x: Axis {
            label: "clients that have asked once and stay connected",
            doubling: true,
            from: 1.0,
            to: 512.0,
        },
        y: Axis {
            label: "memory of the server ÷ that of part 6 with one client",
            doubling: false,
            from: 0.0,
            to: 5.0,
        },
        series: series.collect(),
    })
}

/// The memory, in KiB, of a server that has so many clients, each with an answer that it has read.
fn memory(way: Way, clients: u32) -> Result<u32> {
    let mut server = Server::start(way, clients)?;
    let address = server.address()?;
    let connections = (0..clients).map(|_| answered(address)).collect::<Result<Vec<_>>>()?;
    let status = fs::read_to_string(format!("/proc/{}/status", server.0.id()))
        .context("this needs /proc, so it needs Linux")?;
    drop(connections);
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let number = line.and_then(|rest| rest.trim().strip_suffix(" kB"));
    number.context("no VmRSS")?.parse().context("VmRSS")
}

/// A connection with one answer.
fn answered(address: SocketAddr) -> Result<TcpStream> {
    let mut stream = clients::connect(address)?;
    let whole = clients::exchange(&mut stream, &std::sync::atomic::AtomicBool::new(false))?;
    anyhow::ensure!(whole, "a client had no answer");
    Ok(stream)
}

/// The other process. It ends with this value.
struct Server(Child);

impl Server {
    fn start(way: Way, clients: u32) -> Result<Server> {
        let mut command = Command::new(env::current_exe()?);
        command.args([SERVE, way.word(), &clients.to_string()]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        Ok(Server(command.spawn().context("the server cannot be started")?))
    }

    fn address(&mut self) -> Result<SocketAddr> {
        let output = self.0.stdout.take().context("the server has no output")?;
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line)?;
        line.trim().parse().with_context(|| format!("no address: `{}`", line.trim()))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Is the server, until its input ends.
pub(crate) fn serve(words: &[String]) -> Result<()> {
    let [way, clients] = words else { anyhow::bail!("serve WAY CLIENTS") };
    let way = Way::from_word(way).context("no such way to serve")?;
    serving::with_server(way, clients.parse()?, |address| {
        println!("{address}");
        io::stdout().flush()?;
        io::stdin().read_to_end(&mut Vec::new())?;
        Ok(())
    })
}
