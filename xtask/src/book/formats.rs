//! `cargo xtask book --epub` and `--pdf`: the book as a file. `--out`: the book as a directory.

use std::path::{PathBuf, absolute};
use std::process::{Command, ExitCode};

use crate::process;
use crate::ui;
use crate::workspace::Workspace;

/// The name of the files in the target directory, without an extension.
const NAME: &str = "from-socket-to-server";

#[derive(clap::Args)]
pub(super) struct Formats {
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

impl Formats {
    pub(super) fn is_wanted(&self) -> bool {
        self.epub || self.pdf || self.out.is_some()
    }

    /// Writes the files from the book that has just been built. `book_tools` prints where they are.
    pub(super) fn write(&self, workspace: &Workspace) -> anyhow::Result<ExitCode> {
        if let Some(folder) = &self.out {
            let folder = absolute(folder)?;
            process::shown(book_tools(workspace, "publish").arg(&folder))?;
            let folder = folder.display();
            ui::print(&format!(
                "The book is in {folder}. Its file `_headers` has the fields that a host should send with it.\n"
            ));
        }
        if !self.epub && !self.pdf {
            return Ok(ExitCode::SUCCESS);
        }
        let mut command = book_tools(workspace, "export");
        for (is_wanted, format) in [(self.epub, "epub"), (self.pdf, "pdf")] {
            if is_wanted {
                let file = workspace.target().join(format!("{NAME}.{format}"));
                command.arg(format!("--{format}")).arg(file);
            }
        }
        if self.pdf {
            ui::print("Printing about a thousand pages takes a minute or two.\n");
        }
        process::shown(&mut command)?;
        Ok(ExitCode::SUCCESS)
    }
}

fn book_tools(workspace: &Workspace, name: &str) -> Command {
    let mut command = process::bin(workspace, "book_tools");
    command.arg(name);
    command
}
