//! `cargo xtask mutants`: changes the code in many small ways, and lists the changes that no test notices.
//!
//! cargo-mutants makes and tries the mutations. The library's unit tests come first, because they are quick; only their
//! survivors are tried with all tests of the crate. A directory takes hours, so it is not a part of `cargo xtask test`.

mod outcome;
mod report;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, bail, ensure};

use crate::process;
use crate::tree::read_tree;
use crate::ui;
use crate::workspace::{Chapter, Workspace};

use outcome::{Fate, Tried, outcomes};
use report::{EQUIVALENT, Known, report};

/// Seconds after which a test run counts as hanging.
const TIMEOUT: &str = "900";

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Files or directories, from the root of the repository
    #[arg(required = true)]
    paths: Vec<String>,
    /// How many are tried at the same time, each in a copy of the repository
    #[arg(long, default_value_t = 1)]
    jobs: usize,
}

pub(crate) fn run(workspace: &Workspace, args: &Args) -> anyhow::Result<ExitCode> {
    ensure!(
        process::cargo_has("mutants"),
        "cargo-mutants is missing; `cargo install cargo-mutants --locked` installs it"
    );
    let known = Known::read(&workspace.path(EQUIVALENT))?;
    let files = files(workspace, &args.paths)?;
    // One process for all unit tests is quicker than nextest, which has one for each.
    let quick = ["--cargo-arg=--lib", "--test-tool=cargo"].map(String::from);
    let quick = tries(workspace, args.jobs, &files, &quick, "unit tests")?;
    let survivors = quick.iter().filter(|tried| tried.fate == Fate::Survived);
    let mut names: Vec<String> =
        survivors.map(|tried| format!("--re=^{}$", escaped(&tried.name))).collect();
    let mut all = Vec::new();
    if !names.is_empty() {
        if process::cargo_has("nextest") {
            names.push("--test-tool=nextest".to_string());
        }
        all = tries(workspace, args.jobs, &files, &names, "all tests")?;
    }
    let by_name = |tried: Tried| (tried.name.clone(), tried);
    let tried: BTreeMap<_, _> = quick.into_iter().chain(all).map(by_name).collect();
    let tried: Vec<Tried> = tried.into_values().collect();
    let (report, good) = report(&tried, &known, &files);
    ui::print(&report);
    Ok(process::exit(good))
}

/// Runs cargo-mutants once, and returns the outcome of each mutation.
fn tries(
    workspace: &Workspace,
    jobs: usize,
    files: &BTreeSet<String>,
    extra: &[String],
    what: &str,
) -> anyhow::Result<Vec<Tried>> {
    let output = workspace.target().join("mutants");
    fs::create_dir_all(&output)?;
    let mut command = process::cargo_in(workspace, &["mutants", "--workspace", "--no-config"]);
    command.args(files.iter().map(|file| format!("--file={file}")));
    command.args(["--cap-lints=true", "--no-shuffle", "--timeout", TIMEOUT]);
    command.args(["--jobs", &jobs.to_string(), "--output"]).arg(&output).args(extra);
    // The first cases of a property test usually find a mutation.
    command.env("PROPTEST_CASES", "64");
    ui::print(&format!("{}\n", ui::paint(ui::TITLE, &format!("mutations against {what}"))));
    let status = command.status().context("cargo cannot be started")?;
    // 2: there is a survivor. 3: a test run timed out. With other codes there is no result.
    if !matches!(status.code(), Some(0 | 2 | 3)) {
        bail!("cargo-mutants failed; its logs are in {}", output.join("mutants.out/log").display());
    }
    outcomes(&output.join("mutants.out/outcomes.json"), workspace)
}

/// The files in these paths, each from the earliest chapter with an identical copy.
fn files(workspace: &Workspace, paths: &[String]) -> anyhow::Result<BTreeSet<String>> {
    let mut files = BTreeSet::new();
    for path in paths {
        let before = files.len();
        for (file, content) in read_tree(workspace.root(), &[path])? {
            if Path::new(&file).extension().is_some_and(|extension| extension == "rs") {
                files.insert(earliest(workspace, &file, &content)?);
            }
        }
        ensure!(files.len() > before, "there is no Rust file in {path}");
    }
    Ok(files)
}

fn earliest(workspace: &Workspace, file: &str, content: &[u8]) -> anyhow::Result<String> {
    let inside = |chapter: &Chapter| file.strip_prefix(&format!("{}/", chapter.folder));
    let inside = workspace.chapters().iter().find_map(inside);
    let inside = inside.with_context(|| format!("{file} is in no chapter"))?;
    let copies = workspace.chapters().iter().map(|chapter| format!("{}/{inside}", chapter.folder));
    let mut same =
        copies.filter(|copy| fs::read(workspace.path(copy)).is_ok_and(|it| it == content));
    Ok(same.next().unwrap_or_else(|| file.to_string()))
}

/// A regular expression that matches only this text. The crate `regex` would make every first `cargo xtask` slower.
fn escaped(text: &str) -> String {
    let mut pattern = String::new();
    for letter in text.chars() {
        if r"\.+*?()|[]{}^$#&-~".contains(letter) {
            pattern.push('\\');
        }
        pattern.push(letter);
    }
    pattern
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::tests::folder_with;

    #[test]
    fn a_file_is_mutated_in_the_earliest_chapter_that_has_it() {
        let folder = folder_with(&[
            ("chapters/03_parser/src/http/line.rs", "same"),
            ("chapters/04_router/src/http/line.rs", "same"),
            ("chapters/04_router/src/http/url.rs", "url"),
            ("final/src/http/line.rs", "another"),
            ("final/src/http/url.rs", "url"),
            ("final/src/http/url.txt", ""),
            ("final/Cargo.toml", ""),
        ]);
        let workspace = Workspace::at(folder.path()).unwrap();
        let found = |paths: &[&str]| {
            let paths: Vec<String> = paths.iter().map(ToString::to_string).collect();
            files(&workspace, &paths).map(|files| files.into_iter().collect::<Vec<_>>())
        };
        assert_eq!(
            found(&["chapters/04_router/src", "final/src/http"]).unwrap(),
            [
                "chapters/03_parser/src/http/line.rs",
                "chapters/04_router/src/http/url.rs",
                "final/src/http/line.rs"
            ]
        );
        assert!(found(&["chapters/05"]).is_err());
    }

    #[test]
    fn a_name_is_a_pattern_for_itself_alone() {
        assert_eq!(escaped("a.rs:1:2: f -> T<()>"), r"a\.rs:1:2: f \-> T<\(\)>");
    }
}
