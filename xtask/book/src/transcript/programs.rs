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
use super::environment;
use super::script::{Action, Step};
use crate::built::Built;
use crate::sources::{Sources, temporary};

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

    /// The variables of a program in the transcript.
    pub(crate) fn environment(&self) -> Vec<(OsString, OsString)> {
        let own = self.own.path();
        let mut clean = environment::clean(env::vars_os(), &own.join("home"), self.temporary());
        for (_, path) in clean.iter_mut().filter(|(name, _)| name == "PATH") {
            let mut first = own.join("bin").into_os_string();
            first.push(":");
            first.push(&*path);
            *path = first;
        }
        clean
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
    use std::collections::BTreeMap;
    use std::process::Command;

    use super::super::script::parse;
    use super::*;

    /// The commands that the replacement would start, with a shell function in place of the program.
    fn started(arguments: &[&str]) -> String {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("examples")).unwrap();
        let chapter = ["ch04_router", "examples/step_17_match", "examples/serve_folder"];
        for program in ["httpserver", "labs", "xtask", "deps-a1"].iter().chain(&chapter) {
            let path = folder.path().join(program);
            fs::write(&path, "#!/bin/sh\necho \"${0##*/} $*\"\n").unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        }
        let tests = BTreeMap::from([("counts".to_string(), folder.path().join("deps-a1"))]);
        let built = Built { folder, tests };
        let script = stand_in(&built, "127.0.0.2");
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
        let step = ["run", "-p", "ch04_router", "--example", "step_17_match"];
        assert_eq!(started(&step), "step_17_match 127.0.0.2:8080");
    }

    #[test]
    fn the_address_of_final_and_of_the_labs_is_a_flag() {
        assert_eq!(started(&["run", "-q", "-p", "labs"]), "labs --addr 127.0.0.2:8080");
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

    #[test]
    fn a_test_and_the_course_s_own_commands_are_run_as_they_were_built() {
        assert_eq!(started(&["test", "-q", "-p", "final", "--test", "counts"]), "deps-a1 --quiet");
        assert_eq!(started(&["xtask", "check-exercise", "12"]), "xtask check-exercise 12");
    }

    #[test]
    fn the_tests_that_a_transcript_runs_are_found() {
        let lines = ["$ cargo test -q -p final --test counts", "$ cargo run -p final -- --test no"];
        let steps = parse(&lines.map(str::to_string)).unwrap();
        assert_eq!(tests(&steps).collect::<Vec<_>>(), ["counts"]);
    }
}
