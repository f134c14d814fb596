//! `cargo xtask book --epub` and `--pdf`: the book as a file.

use std::process::ExitCode;

use super::step;
use crate::process;
use crate::ui;
use crate::workspace::Workspace;

/// What the files are called, in the target directory.
const NAME: &str = "from-socket-to-server";

#[derive(clap::Args)]
pub(super) struct Formats {
    /// Write it as an EPUB, into the target directory, and do not serve it
    #[arg(long)]
    epub: bool,
    /// Write it as a PDF, into the target directory, and do not serve it; needs Chromium or Chrome
    #[arg(long)]
    pdf: bool,
}

impl Formats {
    pub(super) fn is_wanted(&self) -> bool {
        self.epub || self.pdf
    }

    /// Writes the files from the book that has just been built. `book_tools` prints where they are.
    pub(super) fn write(&self, workspace: &Workspace) -> anyhow::Result<ExitCode> {
        let mut command = process::cargo();
        command.args(["run", "--quiet", "--bin", "book_tools", "--", "export"]);
        command.current_dir(workspace.root());
        for (is_wanted, format) in [(self.epub, "epub"), (self.pdf, "pdf")] {
            if is_wanted {
                let file = workspace.target().join(format!("{NAME}.{format}"));
                command.arg(format!("--{format}")).arg(file);
            }
        }
        if self.pdf {
            ui::print("Printing about a thousand pages takes a minute or two.\n");
        }
        step(&mut command)?;
        Ok(ExitCode::SUCCESS)
    }
}
