//! The programs that transcripts run. They are built once, and a replacement for `cargo` starts them at our own
//! address.

use std::env;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use anyhow::Result;
use tempfile::TempDir;
use wire::environment::interruptible;

use super::address::Address;
use crate::built::Built;

/// The output of a program does not depend on the terminal, and python does not buffer it.
const SETTINGS: [(&str, &str); 5] = [
    ("TERM", "dumb"),
    ("NO_COLOR", "1"),
    ("CARGO_TERM_COLOR", "never"),
    ("CARGO_TERM_QUIET", "true"),
    ("PYTHONUNBUFFERED", "1"),
];

/// Runs the built programs for `cargo run -p NAME [--example EXAMPLE] [-- ARGUMENTS]` and `cargo xtask`, servers at our
/// address, because cargo itself would wait while another cargo builds. Any other command is passed to cargo.
const STAND_IN: &str = r#"#!/usr/bin/env bash
# Stands in for cargo in the book's transcripts; see xtask/book.
built="$(dirname "$0")/.."
case "$1" in
  xtask) shift; exec "$built/xtask" "$@" ;;
  run) shift ;;
  *) PATH="${PATH#*:}" exec cargo "$@" ;;
esac
program=
while [ $# -gt 0 ]; do
  case "$1" in
    -p|--package) program="$2"; shift 2 ;;
    --example) program="examples/$2"; shift 2 ;;
    --) shift; break ;;
    *) shift ;;
  esac
done
case "$program ${1:-}" in
  'examples/step_'*' ') set -- "$TRANSCRIPT_ADDRESS" "$@" ;; # the step of a chapter: a server
  examples/*) ;;
  'final '*|'labs '*) # a flag of their own, unless an address is given
    program="${program/#final/httpserver}"
    case " $* " in *' --addr '*) ;; *) set -- --addr "$TRANSCRIPT_ADDRESS" "$@" ;; esac ;;
  *' '|*' --'*) set -- "$TRANSCRIPT_ADDRESS" "$@" ;; # no address is given
esac
exec "$built/$program" "$@"
"#;

/// Adds to the built programs a directory with the replacement for `cargo`, and an empty home directory.
pub(super) fn add_stand_in(built: &Built) -> Result<()> {
    for directory in ["bin", "home"] {
        fs::create_dir(built.folder.path().join(directory))?;
    }
    let script = built.folder.path().join("bin/cargo");
    fs::write(&script, STAND_IN)?;
    Ok(fs::set_permissions(&script, fs::Permissions::from_mode(0o755))?)
}

/// The programs of one transcript, and its own address, directory and environment.
#[derive(Debug)]
pub(super) struct Programs<'a> {
    built: &'a Built,
    address: Address,
    /// The directory for `/tmp`, where another replay may have a file of the same name.
    temporary: TempDir,
}

impl Programs<'_> {
    /// Reserves an address and makes the directory.
    pub(super) fn prepare(built: &Built) -> Result<Programs<'_>> {
        let temporary = tempfile::Builder::new().prefix("transcript-").tempdir()?;
        Ok(Programs { built, address: Address::claim()?, temporary })
    }

    /// The reader's server is at 127.0.0.1:8080, perhaps with `cargo xtask trace` in front of it, while ours are at
    /// another address. The transcript also has its own `/tmp`.
    fn to_real(&self, command: &str) -> String {
        let host = &self.address.host;
        command
            .replace("127.0.0.1:8080", &format!("{host}:8080"))
            .replace("127.0.0.1:8081", &format!("{host}:8081"))
            .replace("127.0.0.1 8080", &format!("{host} 8080"))
            .replace("'127.0.0.1', 8080", &format!("'{host}', 8080"))
            .replace("/tmp", &self.temporary.path().to_string_lossy())
    }

    /// An output with the address and the `/tmp` that the reader sees.
    pub(super) fn to_shown(&self, output: &str) -> String {
        let temporary = self.temporary.path().to_string_lossy();
        output.replace(&self.address.host, "127.0.0.1").replace(temporary.as_ref(), "/tmp")
    }

    /// Bash that runs a command of the transcript. Its other variables are as in all tests, see [`wire::environment`].
    pub(super) fn bash(&self, command: &str) -> Command {
        let built = self.built.folder.path();
        let mut path = built.join("bin").into_os_string();
        path.push(":");
        path.push(env::var_os("PATH").unwrap_or_default());
        // An empty directory, without a `.curlrc`.
        let home = built.join("home");
        let mut bash = interruptible("bash");
        bash.args(["-c", &self.to_real(command)])
            .env_remove("BASH_ENV")
            .envs(SETTINGS)
            .envs([("XDG_CONFIG_HOME", &home), ("HOME", &home)])
            .env("PATH", path)
            .env("TMPDIR", self.temporary.path())
            .env("TRANSCRIPT_ADDRESS", format!("{}:8080", self.address.host));
        // By default cargo and rustup use directories in the home directory.
        for (name, directory) in [("CARGO_HOME", ".cargo"), ("RUSTUP_HOME", ".rustup")] {
            let directory = env::home_dir().map(|home| home.join(directory));
            if let (None, Some(directory)) = (env::var_os(name), directory.filter(|it| it.is_dir()))
            {
                bash.env(name, directory);
            }
        }
        bash
    }
}
