//! The options of the bench.

use std::fs;
use std::path::PathBuf;

use clap::builder::{PossibleValue, PossibleValuesParser};

use super::peer::{PEERS, Peer};
use super::scenario::{SCENARIOS, Scenario};

/// The text of `--help` after the options.
const HELP: &str = "\
What hello leaves out: it is final/examples/bench.rs, a router with a few routes and nothing around it. There is no
request id, no access log, no metrics, no CORS, no cache and no compression. So it is comparable with hello on the other
servers, and does less than an application. demonstration is the program that `cargo run -p final` starts, with its
default settings and its log in a file; only the number of requests on a connection has no limit, as in hello.
`demonstration / hello` in the tables is the price of the layers.

Use the release profile for every figure that you write down, and fast-build, which builds faster, to compare a change
with another fast-build.";

#[derive(clap::Args)]
#[command(after_long_help = HELP)]
pub(crate) struct Args {
    /// Rounds of one second, to check that everything works
    #[arg(long)]
    pub quick: bool,
    /// How many times each server is measured
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u8).range(1..))]
    pub rounds: u8,
    /// Only these scenarios
    #[arg(long, value_name = "NAME", num_args = 1.., value_parser = PossibleValuesParser::new(SCENARIOS.iter().map(|scenario| PossibleValue::new(scenario.name).help(scenario.about))))]
    scenario: Vec<String>,
    /// Only these servers; figures are relative to the limit, so it is among them anyway
    #[arg(long, value_name = "NAME", num_args = 1.., value_parser = PossibleValuesParser::new(PEERS.iter().filter(|peer| !peer.is_before()).map(|peer| peer.name)))]
    peer: Vec<String>,
    /// A copy of `examples/bench` that was built before a change: `final` is compared with it in the same rounds
    // Absolute, so that it is not looked for in `PATH`.
    #[arg(long, value_name = "FILE", value_parser = |file: &str| fs::canonicalize(file))]
    pub before: Option<PathBuf>,
    /// The profile that `final` is built with; its peers are always built for release
    #[arg(long, value_name = "NAME", default_value = RELEASE, value_parser = [RELEASE, "fast-build"])]
    pub profile: String,
}

impl Args {
    pub(crate) fn wants_scenario(&self, scenario: &Scenario) -> bool {
        is_chosen(&self.scenario, scenario.name)
    }

    pub(crate) fn wants_peer(&self, peer: &Peer) -> bool {
        if peer.is_before() {
            return self.before.is_some();
        }
        peer.is_limit() || is_chosen(&self.peer, peer.name)
    }
}

fn is_chosen(names: &[String], name: &str) -> bool {
    names.is_empty() || names.iter().any(|other| other == name)
}

/// The profile whose figures may be published.
pub(crate) const RELEASE: &str = "release";
