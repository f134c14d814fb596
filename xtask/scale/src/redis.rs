//! A Redis server in which the replicas share their rate limits.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::Context;

use crate::front;
use crate::process::{self, Process, address, new_block};

/// The program's path, or `None` if it is not installed.
pub fn find() -> Option<PathBuf> {
    front::find("redis-server")
}

/// A running Redis server. Dropping it kills it.
pub(crate) struct RedisServer {
    address: SocketAddr,
    _process: Process,
}

impl RedisServer {
    /// Starts an empty Redis that stores nothing on the disk.
    pub(crate) fn start(directory: &Path) -> anyhow::Result<RedisServer> {
        // Redis cannot choose a free port and report it.
        let address = process::free(address(new_block(), 1))?;
        let program = find().context("redis-server is not installed")?;
        let mut command = process::command(program);
        command.args(["--bind", &address.ip().to_string(), "--port", &address.port().to_string()]);
        command.args(["--save", "", "--appendonly", "no", "--dir"]).arg(directory);
        command.stderr(Stdio::null());
        let process = Process::start("redis-server", &mut command, address, String::new)?;
        Ok(RedisServer { address, _process: process })
    }

    /// The address, as a value for the server's setting.
    pub(crate) fn url(&self) -> String {
        format!("redis://{}", self.address)
    }
}
