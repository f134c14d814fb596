//! `cargo xtask plot`: measures the data of the book's plots. The book shows the last measurement.

use std::process::ExitCode;

use anyhow::{Context, ensure};

use crate::process;
use crate::ui;
use crate::workspace::Workspace;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Only these, such as `overload`; an unknown name lists all
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
