//! `cargo xtask mutants FILE…`: changes code in small ways, and lists the changes that no test detects.
//!
//! cargo-mutants does the work, and `.cargo/mutants.toml` has the mutations that it leaves out. The unit tests come first,
//! because they are quick; all tests of the crate then try only what these have missed. A directory takes hours.

use std::process::ExitCode;

use anyhow::ensure;

use crate::process;
use crate::workspace::Workspace;

/// The cases of each property test. A mutation that 64 of them do not notice is rare, and each mutation runs them all.
const CASES: &str = "64";

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Files or directories, from the root of the repository
    #[arg(required = true)]
    paths: Vec<String>,
}

pub(crate) fn run(workspace: &Workspace, args: &Args) -> anyhow::Result<ExitCode> {
    ensure!(
        process::cargo_has("mutants"),
        "cargo-mutants is missing; `cargo install cargo-mutants --locked` installs it"
    );
    let mut files = Vec::new();
    for path in &args.paths {
        ensure!(workspace.path(path).exists(), "there is no {path}");
        let is_folder = workspace.path(path).is_dir();
        let files_in = if is_folder { format!("{path}/**") } else { path.clone() };
        files.extend(["--file".to_string(), files_in]);
    }
    let status = |last: &[&str]| {
        let args = ["mutants"].into_iter().chain(files.iter().map(String::as_str));
        let args: Vec<&str> = args.chain(last.iter().copied()).collect();
        process::cargo_in(workspace, &args).env("PROPTEST_CASES", CASES).status()
    };
    status(&["--", "--lib"])?;
    Ok(process::exit(status(&["--iterate"])?.success()))
}
