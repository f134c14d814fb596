//! The servers that are compared, each started for the bench and ended with it.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

use crate::process;
use crate::workspace::Workspace;

/// How long a server may take to listen.
const START: Duration = Duration::from_secs(10);

/// A server that runs.
pub(super) struct Peer {
    pub(super) name: &'static str,
    pub(super) address: SocketAddr,
    /// What the paths begin with that it serves; `/` alone is that path only.
    serves: &'static [&'static str],
    child: Child,
}

impl Drop for Peer {
    fn drop(&mut self) {
        // nginx ends its workers when it is asked in a friendly way.
        #[cfg(unix)]
        if let Some(pid) =
            i32::try_from(self.child.id()).ok().and_then(rustix::process::Pid::from_raw)
        {
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        }
        let deadline = Instant::now() + Duration::from_secs(2);
        while Instant::now() < deadline {
            if let Ok(Some(_)) = self.child.try_wait() {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Starts what can be started. What cannot is told with its reason.
pub(super) fn start_all(
    workspace: &Workspace,
    folder: &Path,
) -> anyhow::Result<(Vec<Peer>, Vec<String>)> {
    let mut skipped = Vec::new();
    let mut peers = vec![start_final(workspace, folder)?];
    match start_nginx(folder) {
        Ok(Some(peer)) => peers.push(peer),
        Ok(None) => skipped.push("nginx is not installed".to_string()),
        Err(error) => skipped.push(format!("nginx: {error:#}")),
    }
    match build_peers(workspace) {
        Ok(()) => {
            for (name, serves) in PEERS {
                match start_peer(workspace, folder, name, serves) {
                    Ok(peer) => peers.push(peer),
                    Err(error) => skipped.push(format!("{name}: {error:#}")),
                }
            }
        }
        Err(error) => skipped.push(format!("limit, axum, actix and tiny_http: {error:#}")),
    }
    Ok((peers, skipped))
}

const ALL: &[&str] = &["/", "/json/", "/static/", "/text"];

/// The programs in `xtask/peers`, and what they serve.
const PEERS: [(&str, &[&str]); 4] =
    [("limit", &["/"]), ("axum", ALL), ("actix", &["/", "/json/"]), ("tiny", &["/"])];

/// They are a workspace of their own, in a target folder of their own.
fn build_peers(workspace: &Workspace) -> anyhow::Result<()> {
    let mut build = process::cargo();
    build
        .args(["build", "--release", "--locked", "--quiet"])
        .arg("--manifest-path")
        .arg(workspace.path("xtask/peers/Cargo.toml"))
        .arg("--target-dir")
        .arg(workspace.target().join("peers"));
    if !build.status()?.success() {
        bail!("they do not build");
    }
    Ok(())
}

fn start_peer(
    workspace: &Workspace,
    folder: &Path,
    name: &'static str,
    serves: &'static [&'static str],
) -> anyhow::Result<Peer> {
    let address = free_address()?;
    let mut command = Command::new(workspace.target().join("peers/release").join(name));
    command.arg(address.to_string()).arg(folder);
    start(name, address, serves, &mut command)
}

fn start_final(workspace: &Workspace, folder: &Path) -> anyhow::Result<Peer> {
    let mut build = process::cargo();
    build
        .args(["build", "--release", "--quiet", "--package", "final", "--example", "bench"])
        .current_dir(workspace.root());
    if !build.status()?.success() {
        bail!("final does not build");
    }
    let address = free_address()?;
    let mut command = Command::new(workspace.target().join("release/examples/bench"));
    command.arg(address.to_string()).arg(folder);
    start("final", address, ALL, &mut command)
}

fn start_nginx(folder: &Path) -> anyhow::Result<Option<Peer>> {
    if Command::new("nginx").arg("-v").stderr(Stdio::null()).status().is_err() {
        return Ok(None);
    }
    let (address, root) = (free_address()?, folder.display());
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    // What an administrator would set who wants it to be fast: no log, sendfile, a process a core.
    let configuration = format!(
        "daemon off; worker_processes {cores}; pid {root}/nginx.pid; error_log /dev/null;\n\
         events {{ worker_connections 20000; }}\n\
         http {{ access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000;\n\
         types {{ text/plain txt; }} default_type application/octet-stream;\n\
         client_body_temp_path {root}/body; proxy_temp_path {root}/proxy; fastcgi_temp_path {root}/fastcgi;\n\
         uwsgi_temp_path {root}/uwsgi; scgi_temp_path {root}/scgi;\n\
         server {{ listen {address} reuseport; gzip on; gzip_types text/plain; gzip_comp_level 6;\n\
         location = / {{ default_type text/plain; gzip off; return 200 \"Hello, World!\"; }}\n\
         location /static/ {{ alias {root}/; gzip off; }}\n\
         location = /text {{ alias {root}/text100k.txt; default_type text/plain; }} }} }}\n"
    );
    let file = folder.join("nginx.conf");
    fs::write(&file, configuration)?;
    let mut command = Command::new("nginx");
    command.arg("-c").arg(&file);
    start("nginx", address, &["/", "/static/", "/text"], &mut command).map(Some)
}

fn start(
    name: &'static str,
    address: SocketAddr,
    serves: &'static [&'static str],
    command: &mut Command,
) -> anyhow::Result<Peer> {
    let child = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .with_context(|| format!("{name} cannot be started"))?;
    let mut peer = Peer { name, address, serves, child };
    let deadline = Instant::now() + START;
    while TcpStream::connect_timeout(&address, Duration::from_secs(1)).is_err() {
        if let Some(status) = peer.child.try_wait()? {
            bail!("{name} has ended: {status}");
        }
        if Instant::now() > deadline {
            bail!("{name} does not listen on {address}");
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(peer)
}

/// A port that nobody has at this moment.
fn free_address() -> anyhow::Result<SocketAddr> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?)
}

impl Peer {
    /// Whether it has something at this path.
    pub(super) fn serves(&self, path: &str) -> bool {
        self.serves.iter().any(|own| *own == path || (own.len() > 1 && path.starts_with(own)))
    }

    /// Its process and those that it has started.
    fn processes(&self) -> Vec<u32> {
        let own = self.child.id();
        let children = fs::read_to_string(format!("/proc/{own}/task/{own}/children"));
        let children = children.unwrap_or_default();
        std::iter::once(own)
            .chain(children.split_whitespace().filter_map(|pid| pid.parse().ok()))
            .collect()
    }

    /// How long its processes have used a core, in user mode and in the kernel.
    pub(super) fn cpu_time(&self) -> Duration {
        self.processes().into_iter().map(cpu_time_of).sum()
    }

    /// The most memory that its processes have had, in KiB, all added up.
    pub(super) fn peak_memory(&self) -> u64 {
        self.processes().into_iter().filter_map(peak_of).sum()
    }
}

/// Fields 14 and 15 of `/proc/PID/stat`, in ticks of 10 ms (proc(5)). Behind the last parenthesis, since a
/// program's name may have spaces.
fn cpu_time_of(pid: u32) -> Duration {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
    let ticks: u64 = fields.skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum();
    Duration::from_millis(10 * ticks)
}

fn peak_of(pid: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.split_whitespace().next()?.parse().ok()
}
