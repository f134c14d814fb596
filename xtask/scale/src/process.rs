//! A program that this process starts, and that reports neither its address nor that it listens.

use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, bail};

use crate::interrupt::{Interrupt, LONG};

/// A running program. Dropping it kills it.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
}

impl Process {
    /// Starts the program `name`, and waits until it listens at `address`. `why` is its own message for an early end.
    pub(crate) fn start(
        name: &str,
        command: &mut Command,
        address: SocketAddr,
        interrupt: &Interrupt,
        why: impl Fn() -> String,
    ) -> anyhow::Result<Process> {
        command.stdin(Stdio::null()).stdout(Stdio::null());
        let child = command.spawn().with_context(|| format!("{name} cannot be started"))?;
        let mut process = Process { child };
        interrupt.wait_until(&format!("{name} to listen"), LONG, || {
            if let Some(status) = process.child.try_wait()? {
                let why = Some(why()).filter(|why| !why.is_empty());
                bail!("{name} has ended: {}", why.unwrap_or_else(|| status.to_string()));
            }
            Ok(TcpStream::connect(address).is_ok())
        })?;
        Ok(process)
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
