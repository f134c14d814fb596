//! `cargo xtask book`: builds the book, and serves it with the course's own server.

use std::io::ErrorKind;
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::process::{Command, ExitCode};

use anyhow::{Context, bail};

use crate::mdbook;
use crate::process;
use crate::ui;
use crate::workspace::Workspace;

/// Whether the server of the labs runs here: its engine is written for Linux.
const HAS_LABS: bool = cfg!(target_os = "linux");

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Where it is served: `http://127.0.0.1:PORT`
    #[arg(long, default_value_t = 8080)]
    port: u16,
    /// Only build it, into book/book
    #[arg(long)]
    no_serve: bool,
}

pub(crate) fn run(workspace: &Workspace, args: &Args) -> anyhow::Result<ExitCode> {
    if !workspace.path("book/book.toml").is_file() {
        bail!("there is no book yet: book/book.toml is missing");
    }
    if !args.no_serve {
        // Better now than after a build.
        is_free(args.port)?;
    }
    let program = mdbook::find_or_install(workspace)?;
    step(Command::new(program).args(["build", "book"]).current_dir(workspace.root()))?;
    if args.no_serve {
        ui::print("The book is in book/book/index.html\n");
        return Ok(ExitCode::SUCCESS);
    }
    serve(workspace, args.port)
}

fn serve(workspace: &Workspace, port: u16) -> anyhow::Result<ExitCode> {
    ui::print(&format!("Read the book at http://127.0.0.1:{port}/ (Ctrl-C ends it)\n"));
    if !HAS_LABS {
        ui::print("Its labs ask final what it does with bytes, and that runs on Linux alone\n");
    }
    let mut command = process::cargo();
    let address = format!("127.0.0.1:{port}");
    command.args(["run", "--quiet"]);
    if HAS_LABS {
        // The book is at `/`, and the demonstration keeps its paths: the labs talk to both.
        command
            .args(["--package", "final", "--", "--labs", "--book", "book/book"])
            .args(["--log", "off", "--addr", &address]);
    } else {
        // The example that chapter 4 ends with runs everywhere.
        command
            .args(["--package", "ch04_router", "--example", "serve_folder", "--", "book/book"])
            .arg(&address);
    }
    command.current_dir(workspace.root());
    step(&mut command)?;
    Ok(ExitCode::SUCCESS)
}

/// Runs a command that the person may watch.
fn step(command: &mut Command) -> anyhow::Result<()> {
    let typed = process::typed(command);
    ui::print(&format!("{}\n", ui::paint(ui::DIM, &format!("$ {typed}"))));
    let program = command.get_program().to_string_lossy().into_owned();
    let name = Path::new(&program)
        .file_name()
        .map_or(program.clone(), |name| name.to_string_lossy().into_owned());
    let status = command.status().with_context(|| format!("{name} cannot be started"))?;
    if !status.success() {
        bail!("`{typed}` failed");
    }
    Ok(())
}

/// Whether somebody else listens already.
pub(crate) fn is_free(port: u16) -> anyhow::Result<()> {
    match TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == ErrorKind::AddrInUse => bail!(
            "port {port} is in use, perhaps by a chapter that still runs; end that, or add `--port {}`",
            port.checked_add(1).unwrap_or(8080)
        ),
        Err(error) => {
            Err(error).with_context(|| format!("port {port} cannot be used; try `--port 8080`"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_in_use_is_told_with_the_way_out() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let error = is_free(port).unwrap_err().to_string();
        assert!(error.starts_with(&format!("port {port} is in use")), "{error}");
        assert!(error.contains("--port"), "{error}");
    }
}
