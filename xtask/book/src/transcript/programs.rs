//! The programs that transcripts run. They are built once, and a replacement for `cargo` starts them at our own
//! address.

use std::env;
use std::ffi::OsString;
use std::fmt::Write;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use anyhow::Result;
use tempfile::TempDir;

use super::address::Address;
use crate::built::Built;
use crate::script::{Action, Step};
use crate::sources::{Sources, temporary};

/// The output of a program does not depend on the terminal, and python does not buffer it.
const SETTINGS: [(&str, &str); 5] = [
    ("TERM", "dumb"),
    ("NO_COLOR", "1"),
    ("CARGO_TERM_COLOR", "never"),
    ("CARGO_TERM_QUIET", "true"),
    ("PYTHONUNBUFFERED", "1"),
];

/// The name in `cargo test … --test NAME`, if the steps contain that command.
pub(crate) fn tests(steps: &[Step]) -> impl Iterator<Item = String> {
    steps.iter().filter_map(|step| {
        let Action::Command(command) = &step.action else { return None };
        let (_, rest) = command.split_once("cargo test ")?.1.split_once("--test ")?;
        rest.split_whitespace().next().map(str::to_string)
    })
}

/// The programs of one transcript, and its own address, directories and environment.
#[derive(Debug)]
pub(crate) struct Programs<'a> {
    built: &'a Built,
    address: Address,
    /// A directory with the replacement for `cargo`, which is first in PATH, and with an empty home directory.
    own: TempDir,
    /// The directory for `/tmp`, where another replay may have a file of the same name.
    temporary: TempDir,
}

impl Programs<'_> {
    /// Reserves an address and makes the directories.
    pub(crate) fn prepare<'a>(sources: &Sources, built: &'a Built) -> Result<Programs<'a>> {
        let address = Address::claim()?;
        let own = temporary(sources, "transcripts")?;
        let temporary = tempfile::Builder::new().prefix("transcript-").tempdir()?;
        for folder in ["bin", "home"] {
            fs::create_dir(own.path().join(folder))?;
        }
        let script = own.path().join("bin/cargo");
        fs::write(&script, stand_in(built, &address.host))?;
        fs::set_permissions(&script, fs::Permissions::from_mode(0o755))?;
        Ok(Programs { built, address, own, temporary })
    }

    pub(crate) fn host(&self) -> &str {
        &self.address.host
    }

    /// The directory that is `/tmp` in the transcript.
    pub(crate) fn temporary(&self) -> &Path {
        self.temporary.path()
    }

    /// The variables of a program in the transcript. The others are as in all tests, see [`wire::environment`].
    pub(crate) fn environment(&self) -> Vec<(&'static str, OsString)> {
        let (own, home) = (self.own.path(), self.own.path().join("home"));
        let mut path = own.join("bin").into_os_string();
        path.push(":");
        path.push(env::var_os("PATH").unwrap_or_default());
        let mut all = SETTINGS.map(|(name, value)| (name, OsString::from(value))).to_vec();
        all.extend([("PATH", path), ("TMPDIR", self.temporary().into())]);
        // By default cargo and rustup use directories in the home directory.
        for (name, folder) in [("CARGO_HOME", ".cargo"), ("RUSTUP_HOME", ".rustup")] {
            let folder = env::home_dir().map(|home| home.join(folder));
            if let (None, Some(folder)) = (env::var_os(name), folder.filter(|it| it.is_dir())) {
                all.push((name, folder.into()));
            }
        }
        // An empty directory, without a `.curlrc`.
        all.extend([("XDG_CONFIG_HOME", home.clone().into()), ("HOME", home.into())]);
        all
    }

    /// The command that starts a chapter's server.
    pub(crate) fn server(&self, sources: &Sources, chapter: &str) -> Result<String> {
        let name = &sources.chapter(chapter)?.name;
        let (name, flag) = match name.as_str() {
            "final" => ("httpserver".to_string(), "--addr "),
            name => (format!("ch{name}"), ""),
        };
        let program = self.built.program(&name);
        Ok(format!("exec '{}' {flag}{}:8080", program.display(), self.host()))
    }
}

/// Runs the built programs for `cargo run -p NAME [--example EXAMPLE] [-- ARGUMENTS]`, `cargo xtask` and `cargo test …
/// --test NAME`, servers at our address, because cargo itself would wait while another cargo builds. Any other command
/// is passed to cargo.
fn stand_in(built: &Built, host: &str) -> String {
    let mut tests = String::new();
    for (name, program) in &built.tests {
        let _ = writeln!(tests, "  *' --test {name} '*) exec '{}' --quiet ;;", program.display());
    }
    format!(
        r#"#!/usr/bin/env bash
# Stands in for cargo in the book's transcripts; see xtask/book.
built='{}'
case "$1 $* " in
  'xtask '*) shift; exec "$built/xtask" "$@" ;;
  'run '*) ;;
{tests}  *) PATH="${{PATH#*:}}" exec cargo "$@" ;;
esac
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
  'examples/step_'*' ') set -- {host}:8080 "$@" ;; # the step of a chapter: a server
  examples/*) ;;
  'final '*|'labs '*) # a flag of their own, unless an address is given
    program="${{program/#final/httpserver}}"
    case " $* " in *' --addr '*) ;; *) set -- --addr {host}:8080 "$@" ;; esac ;;
  *' '|*' --'*) set -- {host}:8080 "$@" ;; # no address is given
esac
exec "$built/$program" "$@"
"#,
        built.folder.path().display()
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::script::parse;

    #[test]
    fn the_tests_that_a_transcript_runs_are_found() {
        let lines = ["$ cargo test -q -p final --test counts", "$ cargo run -p final -- --test no"];
        let steps = parse(&lines.map(str::to_string)).unwrap();
        assert_eq!(tests(&steps).collect::<Vec<_>>(), ["counts"]);
    }
}
