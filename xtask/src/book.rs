//! `cargo xtask book`: builds the book, and serves it with the course's own server.

mod formats;

use std::io::ErrorKind;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::process::{Command, ExitCode};
use std::thread;
use std::time::Duration;

use anyhow::{Context, bail};

use self::formats::Formats;
use crate::mdbook;
use crate::process;
use crate::ui;
use crate::workspace::Workspace;

/// Whether the labs' server is started. It is built on the engine of `final`, which is tested on Linux only.
const HAS_LABS: bool = cfg!(target_os = "linux");

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Where it is served: `http://127.0.0.1:PORT`
    #[arg(long, default_value_t = 8080)]
    port: u16,
    /// Only build it, into book/book
    #[arg(long)]
    no_serve: bool,
    #[command(flatten)]
    formats: Formats,
}

pub(crate) fn run(workspace: &Workspace, args: &Args) -> anyhow::Result<ExitCode> {
    if !workspace.path("book/book.toml").is_file() {
        bail!("the book is missing: there is no book/book.toml");
    }
    let is_served = !args.no_serve && !args.formats.is_wanted();
    if is_served {
        // Fail now rather than after the build.
        is_free(args.port)?;
    }
    let program = mdbook::find_or_install(workspace)?;
    // mdBook would also build it, but without printing anything for a minute.
    process::shown(&mut process::cargo_in(workspace, &["build", "--bin", "book_tools"]))?;
    process::shown(Command::new(program).args(["build", "book"]).current_dir(workspace.root()))?;
    if args.formats.is_wanted() {
        return args.formats.write(workspace);
    }
    if !is_served {
        ui::print("The book is in book/book/index.html\n");
        return Ok(ExitCode::SUCCESS);
    }
    serve(workspace, args.port)
}

/// Builds the server, starts it, and prints the book's address as soon as it listens there.
fn serve(workspace: &Workspace, port: u16) -> anyhow::Result<ExitCode> {
    // The last example of chapter 4 runs on every platform.
    let [kind, name] = if HAS_LABS { ["--bin", "labs"] } else { ["--example", "serve_folder"] };
    let mut build = process::cargo_in(workspace, &["build", "--workspace", kind, name]);
    ui::print("Building the server for the book; the first time this takes a minute.\n");
    process::shown(&mut build)?;
    let folder = if HAS_LABS { "debug" } else { "debug/examples" };
    let mut command = Command::new(process::program(&workspace.target().join(folder), name));
    let address = format!("127.0.0.1:{port}");
    if HAS_LABS {
        command.args(["--book", "book/book", "--addr", &address]);
    } else {
        command.args(["book/book", &address]);
        ui::print(
            "The request console cannot send to `my server` here: that server is started on Linux only.\n",
        );
    }
    // It inherits standard output, so it can still write there when Ctrl-C has ended both processes.
    let mut child = command
        .current_dir(workspace.root())
        .spawn()
        .with_context(|| format!("{name} cannot be started"))?;
    while child.try_wait()?.is_none() && TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
        thread::sleep(Duration::from_millis(50));
    }
    if child.try_wait()?.is_none() {
        ui::print(&format!("Read the book at http://127.0.0.1:{port}/ (Ctrl-C ends it)\n"));
    }
    if !child.wait()?.success() {
        bail!("the server has ended with an error");
    }
    Ok(ExitCode::SUCCESS)
}

/// Whether another program listens on the port already.
pub(crate) fn is_free(port: u16) -> anyhow::Result<()> {
    match TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == ErrorKind::AddrInUse => bail!(
            "port {port} is in use, perhaps by a chapter that still runs; stop it, or add `--port {}`",
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
