//! Chooses the server to check: the reader's own, or the server that a command starts.

use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use anyhow::bail;
use course::Step;

use super::args::Args;
use super::checks::checks_command;
use super::steps;
use crate::check::{Results, curl::ADDRESS, runner, words};
use crate::process;
use crate::start::{FOLDER, PACKAGE};
use crate::ui;
use crate::workspace::Workspace;

/// Longer than a [`Program`](wire::Program) waits for the first line.
const START: Duration = Duration::from_secs(40);
/// A longer wait is explained to the user.
const SILENT: Duration = Duration::from_secs(3);

/// A server.
pub(crate) enum Target {
    /// The crate that `cargo xtask start` creates, and one of its programs.
    Own { folder: PathBuf, bin: String },
    /// The command of another server.
    Other(Vec<String>),
    /// A step of the book.
    Step(Step),
}

impl Target {
    /// The server that the options name.
    ///
    /// # Errors
    /// Returns an error that lists the steps if there is no such step, and one with helpful commands if the reader has
    /// no server.
    pub(super) fn choose(workspace: &Workspace, args: &Args) -> anyhow::Result<Target> {
        if let Some(called) = &args.step {
            let (all, _) = steps::all(workspace)?;
            return Ok(Target::Step(course::find(&all, called)?.clone()));
        }
        if let Some(typed) = &args.server {
            return Ok(Target::Other(words::split(typed)?));
        }
        let folder = workspace.path(FOLDER);
        if !folder.join("Cargo.toml").is_file() {
            bail!(
                "you have no server yet: `cargo xtask start` creates {FOLDER}/, or `--server CMD` checks another server \
                 (`cargo xtask climb --list` lists the stages)"
            );
        }
        let bin = args.bin.clone().unwrap_or_else(|| newest(&folder));
        Ok(Target::Own { folder, bin })
    }

    /// Whether it is the reader's own server, whose stages count as progress.
    pub(super) fn is_own(&self) -> bool {
        matches!(self, Target::Own { .. })
    }

    /// The file or the directory to watch.
    pub(super) fn folder(&self) -> PathBuf {
        let here = std::env::current_dir().unwrap_or_default();
        match self {
            Target::Own { folder, .. } => folder.clone(),
            Target::Other(words) => watched(words, &here),
            Target::Step(_) => here,
        }
    }

    /// The command with which a user starts it.
    pub(super) fn by_hand(&self) -> String {
        let command = match self {
            Target::Own { bin, .. } => {
                format!("cargo run --manifest-path {FOLDER}/Cargo.toml --bin {bin}")
            }
            Target::Other(words) => words::typed(words, &[]),
            Target::Step(step) => {
                format!("cargo run -p {} --example {}", step.package, step.example())
            }
        };
        format!("{command} {ADDRESS}")
    }

    /// Builds it, and returns the command that starts it. `None` if it does not compile; the compiler has printed the
    /// errors.
    pub(super) fn build(&self, quiet: bool) -> anyhow::Result<Option<Vec<String>>> {
        let mut command = process::cargo();
        command.args(["build", "--quiet"]);
        let (shown, kind, name) = match self {
            Target::Other(words) => return Ok(Some(words.clone())),
            Target::Own { folder, bin } => {
                // A separate target directory, because cargo has locked the workspace's directory while it runs this
                // command.
                command.args(["--bin", bin]).current_dir(folder).env_remove("CARGO_TARGET_DIR");
                (format!("{FOLDER} ({bin})"), "bin", bin.clone())
            }
            Target::Step(step) => {
                // Uses the features of the whole workspace, so that no dependency is compiled twice.
                command.args(["--workspace", "--example", &step.example()]);
                (step.name().to_string(), "example", step.example())
            }
        };
        if !quiet {
            ui::print(&ui::paint(ui::DIM, &format!("Building {shown} …\n")));
        }
        let Ok(messages) = process::build(&mut command, false)? else { return Ok(None) };
        let program = process::executable(&messages, kind, &name)?;
        Ok(Some(vec![program.to_string_lossy().into_owned()]))
    }
}

/// The path to watch for changes of this server: the directory of the script in its command, or the program itself,
/// because a build writes many other files beside it, or else the current directory.
fn watched(words: &[String], here: &Path) -> PathBuf {
    let file = |word: &String| Some(here.join(word)).filter(|path| path.is_file());
    let script = words.iter().skip(1).find_map(file);
    let folder = script.and_then(|script| Some(script.parent()?.to_owned()));
    folder.or_else(|| words.first().and_then(file)).unwrap_or_else(|| here.to_owned())
}

/// The programs that the book adds to the package, the latest first. The reader creates the program `routing` in the
/// middle of part 3.
const PROGRAMS: [&str; 6] = ["part6", "part5", "part4", "routing", "part3", "part2"];

/// The latest of these programs that exists, or the package itself.
fn newest(folder: &Path) -> String {
    let is_there = |name: &&str| folder.join(format!("src/bin/{name}.rs")).is_file();
    PROGRAMS.into_iter().find(is_there).unwrap_or(PACKAGE).to_string()
}

/// Starts the server once, to detect its protocol. The reason for a long wait is printed, so that a server with buffered
/// output does not look like a tool that hangs.
pub(super) fn probe(words: &[String]) -> anyhow::Result<Results> {
    // Runs as a check, so that the server and its children end with this process.
    let mut command = checks_command(0, words)?;
    let (done, is_done) = mpsc::channel::<()>();
    thread::scope(|scope| {
        scope.spawn(move || {
            if is_done.recv_timeout(SILENT) == Err(mpsc::RecvTimeoutError::Timeout) {
                anstream::eprintln!(
                    "Waiting for the first line of the server, `listening on …`, for at most 20 seconds …"
                );
            }
        });
        let results = runner::run(&mut command, START, |_| ());
        drop(done);
        results
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::tests::folder_with;

    #[test]
    fn the_last_program_of_the_book_is_the_one_to_check() {
        let newest = |files: &[&str]| {
            let files: Vec<_> = files.iter().map(|file| (*file, "")).collect();
            newest(folder_with(&files).path())
        };
        assert_eq!(newest(&["src/main.rs"]), "my_server");
        assert_eq!(newest(&["src/main.rs", "src/bin/part3.rs"]), "part3");
        assert_eq!(newest(&["src/bin/part3.rs", "src/bin/routing.rs"]), "routing");
        assert_eq!(newest(&["src/bin/part4.rs", "src/bin/routing.rs"]), "part4");
    }

    #[test]
    fn a_step_is_started_by_its_package_and_its_example() {
        let workspace = Workspace::find().unwrap();
        let step = |called: &str| {
            let args = Args { step: Some(called.to_string()), ..Args::default() };
            Target::choose(&workspace, &args)
        };
        assert_eq!(
            step("6").unwrap().by_hand(),
            "cargo run -p ch02_thread_pool --example step_06_thread_each 127.0.0.1:8080"
        );
        let error = step("99").err().unwrap().to_string();
        assert!(error.starts_with("no step `99`; there are 01_accept, "), "{error}");
    }

    #[test]
    fn the_script_or_the_program_of_a_command_is_watched() {
        let folder = folder_with(&[("a/server.js", ""), ("target/debug/server", "")]);
        let here = folder.path();
        let watched = |words: &[&str]| {
            watched(&words.iter().map(ToString::to_string).collect::<Vec<_>>(), here)
        };
        let absolute = here.join("a/server.js").to_string_lossy().into_owned();
        assert_eq!(watched(&["node", "a/server.js"]), here.join("a"));
        assert_eq!(watched(&["node", "--trace-warnings", &absolute]), here.join("a"));
        assert_eq!(watched(&["target/debug/server"]), here.join("target/debug/server"));
        assert_eq!(watched(&["server", "--fast"]), here);
    }
}
