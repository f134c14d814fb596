//! Which server climbs: the reader's own, or one that a command starts.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, bail};
use wire::Program;
use wire::climb::Scheme;

use crate::check::split_words;
use crate::process;
use crate::start::{FOLDER, PACKAGE};
use crate::ui;
use crate::workspace::Workspace;

/// A server.
pub(crate) enum Target {
    /// The crate that `cargo xtask start` makes, and which of its programs.
    Own { folder: PathBuf, bin: String },
    /// A command, in words and as it was typed.
    Other { words: Vec<String>, typed: String },
}

impl Target {
    /// # Errors
    /// When there is neither; with what to type.
    pub(super) fn choose(
        workspace: &Workspace,
        server: Option<&str>,
        bin: Option<&str>,
    ) -> anyhow::Result<Target> {
        if let Some(typed) = server {
            return Ok(Target::Other { words: split_words(typed)?, typed: typed.to_string() });
        }
        let folder = workspace.path(FOLDER);
        if !folder.join("Cargo.toml").is_file() {
            bail!(
                "there is no server of yours yet: `cargo xtask start` makes {FOLDER}/, or `--server CMD` names another \
                 (`cargo xtask climb --list` shows the stages)"
            );
        }
        let bin = bin.map_or_else(|| newest(&folder), ToString::to_string);
        Ok(Target::Own { folder, bin })
    }

    /// Whether it is the reader's own, so that its stages count.
    pub(super) fn is_own(&self) -> bool {
        matches!(self, Target::Own { .. })
    }

    /// The folder whose files are watched.
    pub(super) fn folder(&self) -> PathBuf {
        match self {
            Target::Own { folder, .. } => folder.clone(),
            Target::Other { .. } => std::env::current_dir().unwrap_or_default(),
        }
    }

    /// What a person types to start it.
    pub(super) fn by_hand(&self) -> String {
        match self {
            Target::Own { bin, .. } => {
                format!("cargo run --manifest-path {FOLDER}/Cargo.toml --bin {bin} 127.0.0.1:8080")
            }
            Target::Other { typed, .. } => format!("{typed} 127.0.0.1:8080"),
        }
    }

    /// Builds it, and returns the command that starts it. `None` if it does not compile, which the compiler has said.
    pub(super) fn build(&self, quiet: bool) -> anyhow::Result<Option<Vec<String>>> {
        let (folder, bin) = match self {
            Target::Other { words, .. } => return Ok(Some(words.clone())),
            Target::Own { folder, bin } => (folder, bin),
        };
        if !quiet {
            ui::print(&ui::paint(ui::DIM, &format!("Building {FOLDER} ({bin}) …\n")));
        }
        let mut command = process::cargo();
        command.args(["build", "--quiet", "--bin", bin]).current_dir(folder);
        // Its own: the folder of this workspace is locked while cargo runs us from it.
        command.env_remove("CARGO_TARGET_DIR").stdin(Stdio::null());
        let status = command.status().context("cargo cannot be started")?;
        if !status.success() {
            return Ok(None);
        }
        let program = folder.join("target/debug").join(bin);
        let program = program.with_extension(std::env::consts::EXE_EXTENSION);
        Ok(Some(vec![program.to_string_lossy().into_owned()]))
    }
}

/// The program of the last part that was started: `part3`, or the package itself.
fn newest(folder: &Path) -> String {
    let part = |number: &u8| folder.join(format!("src/bin/part{number}.rs")).is_file();
    (1..=6).rev().find(part).map_or_else(|| PACKAGE.to_string(), |number| format!("part{number}"))
}

/// Starts the server once, to see what it speaks.
///
/// # Errors
/// What it said in place of its address.
pub(super) fn scheme(words: &[String]) -> Result<Scheme, String> {
    let [program, arguments @ ..] = words else { return Err("no command".to_string()) };
    let mut command = Command::new(program);
    command.args(arguments).arg("127.0.0.1:0");
    let program = Program::start_command(command).map_err(|error| error.message().to_string())?;
    let first = program.stdout_so_far();
    let is_echo = first.lines().next().is_some_and(|line| line.contains("tcp://"));
    Ok(if is_echo { Scheme::Echo } else { Scheme::Http })
}
