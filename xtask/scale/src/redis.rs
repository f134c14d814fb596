//! A Redis server in which the replicas share their rate limits.

use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};

use anyhow::{Context, bail};

use crate::child;
use crate::front;
use crate::interrupt::{Interrupt, LONG};
use crate::loopback::{address, new_block};

/// The program's path, or `None` if it is not installed.
pub fn find() -> Option<PathBuf> {
    front::find("redis-server")
}

/// A running Redis server. Dropping it kills it.
pub(crate) struct RedisServer {
    child: Child,
    address: SocketAddr,
}

impl RedisServer {
    /// Starts an empty Redis that stores nothing on the disk.
    pub(crate) fn start(directory: &Path, interrupt: &Interrupt) -> anyhow::Result<RedisServer> {
        // Redis cannot choose a free port and report it.
        let address = crate::loopback::free(address(new_block(), 1))?;
        let program = find().context("redis-server is not installed")?;
        let mut command = child::command(program);
        command.args(["--bind", &address.ip().to_string(), "--port", &address.port().to_string()]);
        command.args(["--save", "", "--appendonly", "no", "--dir"]).arg(directory);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let child = command.spawn().context("redis-server cannot be started")?;
        let mut server = RedisServer { child, address };
        interrupt.wait_until("redis-server to listen", LONG, || {
            if let Some(status) = server.child.try_wait()? {
                bail!("redis-server has ended: {status}");
            }
            Ok(TcpStream::connect(address).is_ok())
        })?;
        Ok(server)
    }

    /// The address, as a value for the server's setting.
    pub(crate) fn url(&self) -> String {
        format!("redis://{}", self.address)
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
