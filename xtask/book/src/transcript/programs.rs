//! The programs that transcripts run: the chapters' own, built once, behind a `cargo` that runs them at
//! an address of our own.

use std::collections::BTreeSet;
use std::env;
use std::fs::{self, File, OpenOptions};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};

use anyhow::{Result, bail};

use super::script::{Action, Step};
use crate::source::{Sources, target};

/// Where the programs of one transcript are, and where they listen.
#[derive(Debug)]
pub(crate) struct Programs {
    /// A folder with our `cargo`, to be put in front of PATH.
    pub(crate) bin: PathBuf,
    /// `127.0.0.N` in place of `127.0.0.1`, so that a server of the reader's at port 8080 is left alone.
    pub(crate) host: String,
    built: PathBuf,
    /// Until it is dropped, no other replay uses the host.
    _lock: File,
}

impl Programs {
    /// Builds the chapters that the steps name.
    pub(crate) fn prepare(
        sources: &Sources,
        chapter: Option<&str>,
        steps: &[Step],
    ) -> Result<Programs> {
        let mut packages: BTreeSet<String> = BTreeSet::new();
        for step in steps {
            if let Action::Command(command) = &step.action {
                let mut words = command.split_whitespace();
                while let Some(word) = words.next() {
                    if word == "-p" {
                        packages.extend(words.next().map(str::to_string));
                    }
                }
            }
        }
        if let Some(name) = chapter {
            packages.insert(package(sources, name)?);
        }
        for package in &packages {
            build(sources, package)?;
        }
        let built = target(sources).join("debug");
        let bin = target(sources).join("transcripts").join(std::process::id().to_string());
        fs::create_dir_all(&bin)?;
        let (host, lock) = free_host()?;
        let script = bin.join("cargo");
        fs::write(&script, stand_in(&built, &host))?;
        fs::set_permissions(&script, fs::Permissions::from_mode(0o755))?;
        Ok(Programs { bin, host, built, _lock: lock })
    }

    /// The command that starts a chapter's server.
    pub(crate) fn server(&self, sources: &Sources, chapter: &str) -> Result<String> {
        let package = package(sources, chapter)?;
        let (name, flag) =
            if package == "final" { ("httpserver", "--addr ") } else { (package.as_str(), "") };
        Ok(format!("exec {} {flag}{}:8080", self.built.join(name).display(), self.host))
    }
}

impl Drop for Programs {
    fn drop(&mut self) {
        // Nothing depends on it, and it lies in target/.
        let _ = fs::remove_dir_all(&self.bin);
    }
}

fn package(sources: &Sources, chapter: &str) -> Result<String> {
    let name = &sources.chapter(chapter)?.name;
    Ok(if name == "final" { name.clone() } else { format!("ch{name}") })
}

/// `cargo run -p NAME [--example EXAMPLE] [-- ARGUMENTS]` runs what has been built, at our address; every
/// other cargo command is the real one.
fn stand_in(built: &Path, host: &str) -> String {
    format!(
        r#"#!/usr/bin/env bash
# Stands in for cargo in the book's transcripts; see xtask/book.
if [ "$1" != run ]; then PATH="${{PATH#*:}}" exec cargo "$@"; fi
shift
program=
while [ $# -gt 0 ]; do
  case "$1" in
    -p|--package) program="$2"; shift 2 ;;
    --example) program="examples/$2"; shift 2 ;;
    --) shift; break ;;
    *) shift ;;
  esac
done
case "$program ${{1:-}}" in
  examples/*) ;;
  'final '*) # its own flag, unless an address is given
    program=httpserver
    case " $* " in *' --addr '*) ;; *) set -- --addr {host}:8080 "$@" ;; esac ;;
  *' '|*' --'*) set -- {host}:8080 "$@" ;; # no address is given
esac
exec "{}/$program" "$@"
"#,
        built.display()
    )
}

/// An address of this machine at which nobody uses port 8080, and the lock that keeps it ours. It is as
/// long as 127.0.0.1, so that the lengths in a transcript stay what a reader sees.
fn free_host() -> Result<(String, File)> {
    for last in 2..=9 {
        let host = format!("127.0.0.{last}");
        // Two replays may run at the same time, and ask before either listens.
        let lock = env::temp_dir().join(format!("transcripts-{host}.lock"));
        let Ok(lock) = OpenOptions::new().create(true).append(true).open(lock) else { continue };
        if lock.try_lock().is_ok() && TcpListener::bind((host.as_str(), 8080)).is_ok() {
            return Ok((host, lock));
        }
    }
    bail!("port 8080 is taken at 127.0.0.2 to 127.0.0.9; transcripts need one of them (Linux)")
}

/// Builds a package, if this run has not yet.
fn build(sources: &Sources, package: &str) -> Result<()> {
    static BUILT: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
    let mut built = BUILT.lock().unwrap_or_else(PoisonError::into_inner);
    if built.contains(package) {
        return Ok(());
    }
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = Command::new(&cargo)
        .args(["build", "--quiet", "--bins", "--examples", "--package", package])
        .current_dir(sources.root())
        .status()?;
    if !status.success() {
        bail!("`{package}` does not build");
    }
    built.insert(package.to_string());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the stand-in would start, with a shell function in place of the program.
    fn started(arguments: &[&str]) -> String {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("examples")).unwrap();
        for program in ["httpserver", "ch04_router", "examples/serve_folder"] {
            let path = folder.path().join(program);
            fs::write(&path, "#!/bin/sh\necho \"${0##*/} $*\"\n").unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        }
        let script = stand_in(folder.path(), "127.0.0.2");
        let output =
            Command::new("bash").args(["-c", &script, "cargo"]).args(arguments).output().unwrap();
        String::from_utf8(output.stdout).unwrap().trim_end().to_string()
    }

    #[test]
    fn programs_are_run_at_our_address() {
        assert_eq!(started(&["run", "-p", "ch04_router"]), "ch04_router 127.0.0.2:8080");
        assert_eq!(started(&["run", "-p", "ch04_router", "--", "[::1]:0"]), "ch04_router [::1]:0");
        let example = ["run", "-p", "ch04_router", "--example", "serve_folder", "--", "."];
        assert_eq!(started(&example), "serve_folder .");
    }

    #[test]
    fn the_address_of_the_final_program_is_a_flag() {
        assert_eq!(started(&["run", "-q", "-p", "final"]), "httpserver --addr 127.0.0.2:8080");
        assert_eq!(
            started(&["run", "-p", "final", "--", "--root", "/tmp"]),
            "httpserver --addr 127.0.0.2:8080 --root /tmp"
        );
        assert_eq!(
            started(&["run", "-p", "final", "--", "--addr", "[::1]:0"]),
            "httpserver --addr [::1]:0"
        );
    }
}
