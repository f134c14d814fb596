//! A separate Redis server for a test, on a free port.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;
use wire::environment;

/// Far longer than a start takes.
const LONG: Duration = Duration::from_secs(20);

/// Connections get their ports on 127.0.0.1, so none of them takes the port of a Redis server
/// during its restart.
const HOST: Ipv4Addr = Ipv4Addr::new(127, 0, 18, 1);

/// A Redis that runs. Dropping it kills it.
pub(crate) struct RedisServer {
    child: Child,
    address: SocketAddr,
    folder: TempDir,
}

impl RedisServer {
    /// Returns `None`, with a message, if there is no Redis here.
    pub(crate) fn start(options: &[&str]) -> Option<RedisServer> {
        let folder = tempfile::tempdir().unwrap();
        // Redis cannot choose a free port and report it.
        let address = TcpListener::bind((HOST, 0)).unwrap().local_addr().unwrap();
        match spawn(address, &folder, options) {
            Ok(child) => Some(RedisServer { child, address, folder }.when_ready()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                println!("skipped: there is no redis-server here");
                None
            }
            Err(error) => panic!("redis-server: {error}"),
        }
    }

    /// Kills it, and starts an empty server at the same address.
    pub(crate) fn restart(&mut self) {
        self.kill();
        self.child = spawn(self.address, &self.folder, &[]).unwrap();
        self.wait_until_ready();
    }

    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Stops it, so that the kernel accepts connections for it and nothing responds.
    pub(crate) fn stop(&self) {
        self.signal("-STOP");
    }

    /// Lets it run again after a stop.
    pub(crate) fn resume(&self) {
        self.signal("-CONT");
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://{}", self.address)
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    fn signal(&self, signal: &str) {
        let pid = self.child.id().to_string();
        let status = Command::new("kill").args([signal, &pid]).status().unwrap();
        assert!(status.success(), "kill {signal} {pid}: {status}");
    }

    fn when_ready(mut self) -> RedisServer {
        self.wait_until_ready();
        self
    }

    fn wait_until_ready(&mut self) {
        let deadline = Instant::now() + LONG;
        while TcpStream::connect(self.address).is_err() {
            let ended = self.child.try_wait().unwrap();
            assert!(ended.is_none() && Instant::now() < deadline, "redis-server: {ended:?}");
            thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Nothing is stored on the disk.
fn spawn(address: SocketAddr, folder: &TempDir, options: &[&str]) -> io::Result<Child> {
    environment::command("redis-server")
        .args(["--bind", &address.ip().to_string(), "--port", &address.port().to_string()])
        .args(["--save", "", "--appendonly", "no", "--dir"])
        .arg(folder.path())
        .args(options)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
}
