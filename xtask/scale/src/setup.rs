//! The inputs of a run.

use std::fs;
use std::path::PathBuf;

use anyhow::Context;

use crate::front::Front;
use crate::interrupt::Interrupt;

/// The settings of all runs.
#[derive(Debug, Clone)]
pub struct Setup {
    /// The program of the server.
    pub program: PathBuf,
    /// The load balancer.
    pub front: Front,
    /// The number of replicas, from 2 to 9.
    pub replicas: u8,
    /// The parent directory of configurations and error messages: each demonstration gets a subdirectory.
    pub directory: PathBuf,
    /// Ends the run early.
    pub interrupt: Interrupt,
}

impl Setup {
    /// Creates the directory of a demonstration.
    pub(crate) fn subdirectory(&self, name: &str) -> anyhow::Result<PathBuf> {
        let directory = self.directory.join(name);
        let cannot = || format!("cannot create {}", directory.display());
        fs::create_dir_all(&directory).with_context(cannot)?;
        Ok(directory)
    }
}
