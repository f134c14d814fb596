//! `cargo xtask book`: builds the book, and serves it with the course's own server, or writes it as a file or a directory.

use std::io::ErrorKind;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{PathBuf, absolute};
use std::process::{Command, ExitCode};
use std::thread;
use std::time::Duration;

use anyhow::{Context, bail};

use crate::mdbook;
use crate::process;
use crate::ui;
use crate::workspace::Workspace;

/// The name of the files in the target directory, without an extension.
const NAME: &str = "from-socket-to-server";

/// What mdBook prints. It would warn that the search index is large, but a page fetches the index only when its reader
/// opens the search, and a search over all pages is worth that.
const LOG: &str = "info,mdbook_html::html_handlebars::search=error";

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
    /// Write it as an EPUB, into the target directory, and do not serve it
    #[arg(long)]
    epub: bool,
    /// Write it as a PDF, into the target directory, and do not serve it; needs Chromium or Chrome
    #[arg(long)]
    pdf: bool,
    /// Write it into a directory for any static host, with a strict content security policy, and do not serve it
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

pub(crate) fn run(workspace: &Workspace, args: &Args) -> anyhow::Result<ExitCode> {
    if !workspace.path("book/book.toml").is_file() {
        bail!("the book is missing: there is no book/book.toml");
    }
    let is_written = args.epub || args.pdf || args.out.is_some();
    if !args.no_serve && !is_written {
        // Fail now rather than after the build.
        is_free(args.port)?;
    }
    // mdBook would also build it, but without printing anything for a minute.
    process::shown(&mut process::cargo_in(workspace, &["build", "--bin", "book_tools"]))?;
    if let Some(directory) = &args.out {
        // Fail now rather than after the build.
        let mut publish = process::bin(workspace, "book_tools");
        process::shown(publish.args(["publish", "--check"]).arg(absolute(directory)?))?;
    }
    let mut build = Command::new(mdbook::find_or_install(workspace)?);
    build.args(["build", "book"]).current_dir(workspace.root());
    process::shown(build.env("MDBOOK_LOG", LOG))?;
    if is_written {
        write(workspace, args)?;
    } else if args.no_serve {
        ui::print("The book is in book/book/index.html\n");
    } else {
        serve(workspace, args.port)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Writes the wanted formats from the book that has just been built. `book_tools` prints where they are.
fn write(workspace: &Workspace, args: &Args) -> anyhow::Result<()> {
    if let Some(folder) = &args.out {
        let folder = absolute(folder)?;
        process::shown(process::bin(workspace, "book_tools").arg("publish").arg(&folder))?;
        let folder = folder.display();
        ui::print(&format!(
            "The book is in {folder}. Its file `_headers` has the fields that a host should send with it.\n"
        ));
    }
    let mut command = process::bin(workspace, "book_tools");
    command.arg("export");
    for (format, is_wanted) in [("epub", args.epub), ("pdf", args.pdf)] {
        if is_wanted {
            let file = workspace.target().join(format!("{NAME}.{format}"));
            command.arg(format!("--{format}")).arg(file);
        }
    }
    if args.pdf {
        ui::print("Printing about a thousand pages takes a minute or two.\n");
    }
    if args.epub || args.pdf { process::shown(&mut command) } else { Ok(()) }
}

/// Builds the server, starts it, and prints the book's address as soon as it listens there.
fn serve(workspace: &Workspace, port: u16) -> anyhow::Result<()> {
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
    Ok(())
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
