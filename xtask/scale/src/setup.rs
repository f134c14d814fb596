//! The inputs of a run.

use std::path::PathBuf;

use crate::front::Front;
use crate::interrupt::Interrupt;

/// What all runs have in common.
#[derive(Debug, Clone)]
pub struct Setup {
    /// The program of the server.
    pub program: PathBuf,
    /// The load balancer.
    pub front: Front,
    /// The number of replicas, from 2 to 9.
    pub replicas: u8,
    /// Where configurations and error messages are written: a directory for each demonstration.
    pub directory: PathBuf,
    /// What ends the run early.
    pub interrupt: Interrupt,
}
