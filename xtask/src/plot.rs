//! `cargo xtask plot`: measures the data of the book's plots. The book shows the last measurement.

use std::process::ExitCode;

use anyhow::{Context, ensure};
use clap::builder::PossibleValuesParser;
use course::plot::NAMES;

use crate::process;
use crate::ui;
use crate::workspace::Workspace;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Only these
    #[arg(value_parser = PossibleValuesParser::new(NAMES))]
    names: Vec<String>,
}

pub(crate) fn run(workspace: &Workspace, args: &Args) -> anyhow::Result<ExitCode> {
    ensure!(cfg!(target_os = "linux"), "one of the plots reads /proc, so this needs Linux");
    // The debug build is another program.
    let run = ["run", "--release", "--package", "plots", "--"];
    let mut command = process::cargo_in(workspace, &run);
    command.args(&args.names);
    ui::print(&format!("$ {}\n", process::typed(&command)));
    let status = command.status().context("cargo cannot be started")?;
    Ok(process::exit(status.success()))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use crate::Cli;

    /// Regression test: the name was only checked after a build of minutes.
    #[test]
    fn a_wrong_name_is_an_error_that_lists_the_plots() {
        let parsed = Cli::try_parse_from(["xtask", "plot", "overlord"]);
        let error = parsed.err().unwrap().to_string();
        assert!(error.contains("'overlord'") && error.contains("pausing-clients"), "{error}");
        assert!(Cli::try_parse_from(["xtask", "plot", "overload", "memory"]).is_ok());
    }
}
