//! The figures of one measurement.

/// The figures of one server in one round.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Sample {
    /// Responses per second.
    pub rate: f64,
    /// Seconds of the server's CPU time per response.
    pub cpu: Option<f64>,
    /// Bytes received per response, header section included.
    pub bytes: f64,
    /// Latency in seconds at the 50th and the 99th percentile.
    pub p50: f64,
    pub p99: f64,
    /// The server's peak memory so far, in KiB.
    pub memory: Option<f64>,
    /// Responses other than 2xx and 3xx, and connections that failed.
    pub errors: f64,
    /// Background connections that the server has closed.
    pub lost: usize,
    /// The throughput of the background requests, as a fraction of the possible throughput.
    pub share: Option<f64>,
    /// The scenario it is compared with, on the same server in the same round.
    pub base: Option<Base>,
}

/// The figures of the same server in the scenario that this one is compared with.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Base {
    pub rate: f64,
    pub cpu: Option<f64>,
    pub p99: f64,
}
