//! `cargo xtask mutants`: changes the code in many small ways and looks whether a test notices.
//!
//! cargo-mutants makes and tries the mutations. The library's unit tests come first, since they are quick; only what
//! survives them is tried with all tests of its crate. It takes hours, so it is no part of `cargo xtask test`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context, bail, ensure};
use serde::Deserialize;

use crate::process;
use crate::ui;
use crate::workspace::Workspace;

/// The default files to mutate.
const AREAS: [&str; 7] = [
    "chapters/03_parser/src/http",
    "chapters/05_middleware/src/middleware",
    "chapters/06_handlers/src/handlers",
    "final/src/core",
    "final/src/http",
    "final/src/middleware",
    "final/src/server",
];

/// The mutations that no test can notice, with the reasons.
const EQUIVALENT: &str = "xtask/mutants.toml";

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Files or directories, from the root of the repository; without any: http, middleware, handlers and `final`
    paths: Vec<String>,
    /// List the mutations without trying them
    #[arg(long)]
    list: bool,
    /// Try only one part of them, such as `0/4`
    #[arg(long, value_name = "K/N")]
    shard: Option<String>,
    /// How many are tried at the same time, each in a copy of the repository
    #[arg(long, default_value_t = 1)]
    jobs: usize,
    /// Seconds after which a test run counts as hanging
    #[arg(long, default_value_t = 900)]
    timeout: u32,
    /// `skip`: take it for granted that the tests pass without a mutation
    #[arg(long, default_value = "run")]
    baseline: String,
}

pub(crate) fn run(workspace: &Workspace, args: &Args) -> anyhow::Result<ExitCode> {
    ensure!(
        process::captured(process::cargo().args(["mutants", "--version"]))?.status.success(),
        "cargo-mutants is missing; `cargo install cargo-mutants --locked` installs it"
    );
    let known = Known::read(&workspace.path(EQUIVALENT))?;
    let files = files(workspace, &args.paths)?;
    if args.list {
        let mut command = mutants(workspace, &files);
        command.arg("--list");
        return Ok(exit(command.status()?.success()));
    }
    let shard: Vec<&str> =
        args.shard.iter().flat_map(|shard| ["--shard", shard.as_str()]).collect();
    // One process for all unit tests is quicker than nextest, which has one for each.
    let quick = [&["--cargo-arg=--lib", "--test-tool=cargo"], shard.as_slice()].concat();
    let quick = tries(workspace, args, &files, &quick, "unit tests")?;
    let survivors: Vec<&Tried> = quick.iter().filter(|it| it.fate == Fate::Survived).collect();
    let names: Vec<String> =
        survivors.iter().map(|it| format!("--re=^{}$", escaped(&it.name))).collect();
    let all = match names.as_slice() {
        [] => Vec::new(),
        names => {
            let mut names: Vec<&str> = names.iter().map(String::as_str).collect();
            if process::is_installed("cargo-nextest") {
                names.push("--test-tool=nextest");
            }
            tries(workspace, args, &files, &names, "all tests")?
        }
    };
    let mut tried: BTreeMap<String, Tried> =
        quick.into_iter().map(|it| (it.name.clone(), it)).collect();
    tried.extend(all.into_iter().map(|it| (it.name.clone(), it)));
    let tried: Vec<Tried> = tried.into_values().collect();
    let (report, good) = report(&tried, &known, &files, args.shard.is_none());
    ui::print(&report);
    Ok(exit(good))
}

fn exit(good: bool) -> ExitCode {
    if good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// cargo-mutants for these files.
fn mutants(workspace: &Workspace, files: &BTreeSet<String>) -> Command {
    let mut command = process::cargo();
    command.args(["mutants", "--workspace", "--no-config"]).current_dir(workspace.root());
    command.args(files.iter().map(|file| format!("--file={file}")));
    command
}

/// One run of cargo-mutants, with the outcome of each mutation.
fn tries(
    workspace: &Workspace,
    args: &Args,
    files: &BTreeSet<String>,
    extra: &[&str],
    what: &str,
) -> anyhow::Result<Vec<Tried>> {
    let output = workspace.target().join("mutants");
    fs::create_dir_all(&output)?;
    let mut command = mutants(workspace, files);
    command.args(["--cap-lints=true", "--no-shuffle", "--output"]).arg(&output);
    command.args(["--jobs", &args.jobs.to_string(), "--baseline", &args.baseline]);
    command.args(["--timeout", &args.timeout.to_string()]).args(extra);
    // The first cases of a property test usually find a mutation.
    command.env("PROPTEST_CASES", "64");
    ui::print(&format!("{}\n", ui::paint(ui::TITLE, &format!("mutations against {what}"))));
    let status = command.status().context("cargo cannot be started")?;
    // 2 is a survivor, 3 a test run that hung; everything else is no result.
    if !matches!(status.code(), Some(0 | 2 | 3)) {
        bail!("cargo-mutants failed; its logs are in {}", output.join("mutants.out/log").display());
    }
    outcomes(&output.join("mutants.out/outcomes.json"), workspace)
}

/// The files of these paths, each in the earliest chapter that has the same one.
fn files(workspace: &Workspace, paths: &[String]) -> anyhow::Result<BTreeSet<String>> {
    let areas: Vec<String> = AREAS.iter().map(ToString::to_string).collect();
    let mut files = BTreeSet::new();
    for path in if paths.is_empty() { &areas } else { paths } {
        let before = files.len();
        for file in rust_files(&workspace.path(path))? {
            files.insert(earliest(workspace, &file)?);
        }
        ensure!(files.len() > before || paths.is_empty(), "there is no Rust file in {path}");
    }
    Ok(files)
}

fn rust_files(path: &Path) -> anyhow::Result<Vec<PathBuf>> {
    if path.is_file() {
        return Ok(vec![path.to_owned()]);
    }
    let mut files = Vec::new();
    for entry in fs::read_dir(path).with_context(|| format!("{} cannot be read", path.display()))? {
        let path = entry?.path();
        if path.is_dir() || path.extension().is_some_and(|extension| extension == "rs") {
            files.extend(rust_files(&path)?);
        }
    }
    Ok(files)
}

fn earliest(workspace: &Workspace, file: &Path) -> anyhow::Result<String> {
    let content = fs::read(file)?;
    for chapter in workspace.chapters() {
        let Some(inside) = workspace.chapters().iter().find_map(|other| {
            file.strip_prefix(workspace.path(&other.folder)).ok().map(Path::to_owned)
        }) else {
            break;
        };
        if fs::read(workspace.path(&chapter.folder).join(&inside)).is_ok_and(|it| it == content) {
            return Ok(format!("{}/{}", chapter.folder, inside.display()).replace('\\', "/"));
        }
    }
    bail!("{} is in no chapter", file.display());
}

/// The outcome of a mutation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Fate {
    Killed,
    TimedOut,
    Survived,
}

/// A mutation that was tried.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Tried {
    /// As cargo-mutants names it: `src/a.rs:7:5: replace f -> bool with true`.
    name: String,
    file: String,
    /// The line of code that it is in, which stays the same when lines move.
    code: String,
    fate: Fate,
}

impl Tried {
    /// The name without the place: `replace f -> bool with true`.
    fn mutation(&self) -> &str {
        self.name.splitn(3, ':').last().and_then(|it| it.split_once(": ")).map_or("", |it| it.1)
    }
}

/// Reads what cargo-mutants has written. What did not compile is left out.
fn outcomes(path: &Path, workspace: &Workspace) -> anyhow::Result<Vec<Tried>> {
    let text = fs::read_to_string(path).with_context(|| path.display().to_string())?;
    let json: serde_json::Value = serde_json::from_str(&text)?;
    let mut tried = Vec::new();
    for outcome in json["outcomes"].as_array().into_iter().flatten() {
        let mutant = &outcome["scenario"]["Mutant"];
        let fate = match outcome["summary"].as_str() {
            Some("CaughtMutant") => Fate::Killed,
            Some("Timeout") => Fate::TimedOut,
            Some("MissedMutant") => Fate::Survived,
            _ => continue,
        };
        let (Some(name), Some(file)) = (mutant["name"].as_str(), mutant["file"].as_str()) else {
            continue;
        };
        let source = fs::read_to_string(workspace.path(file)).unwrap_or_default();
        let line = mutant["span"]["start"]["line"].as_u64().and_then(|it| usize::try_from(it).ok());
        let code = line.and_then(|line| source.lines().nth(line.checked_sub(1)?));
        let code = code.unwrap_or_default().trim().to_string();
        tried.push(Tried { name: name.to_string(), file: file.to_string(), code, fate });
    }
    Ok(tried)
}

/// `xtask/mutants.toml`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Known {
    #[serde(default)]
    equivalent: Vec<Equivalent>,
    /// Mutations that a person has made: no run of cargo-mutants can be compared with them.
    #[serde(default)]
    #[cfg_attr(not(test), expect(dead_code, reason = "only the test of the list reads them"))]
    by_hand: Vec<Equivalent>,
}

/// A mutation that changes nothing that a test could see, or nothing worth a test.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Equivalent {
    file: String,
    /// The mutation's name without its place.
    mutation: String,
    /// The line of code, where a function has several mutations of that name.
    code: Option<String>,
    /// Why no test is to notice it. It is read by people only.
    #[serde(rename = "why")]
    _why: String,
}

impl Known {
    fn read(path: &Path) -> anyhow::Result<Known> {
        let text = fs::read_to_string(path).with_context(|| path.display().to_string())?;
        toml::from_str(&text).with_context(|| path.display().to_string())
    }
}

impl Equivalent {
    fn is(&self, tried: &Tried) -> bool {
        self.file == tried.file
            && self.mutation == tried.mutation()
            && self.code.as_ref().is_none_or(|code| *code == tried.code)
    }
}

/// A table by file, the survivors, and the problems in the list of equivalent mutations. `whole` means that all
/// mutations of `files` were tried, so a listed mutation that did not occur no longer exists.
fn report(tried: &[Tried], known: &Known, files: &BTreeSet<String>, whole: bool) -> (String, bool) {
    let is_known = |it: &&Tried| known.equivalent.iter().any(|equivalent| equivalent.is(it));
    let width = files.iter().map(String::len).max().unwrap_or_default();
    let mut text = format!(
        "{:width$} {:>6} {:>7} {:>9} {:>10} {:>8}\n",
        "", "tried", "killed", "timed out", "equivalent", "survived"
    );
    let mut row = |name: &str, rows: &[&Tried]| {
        let of = |fate| rows.iter().filter(|it| it.fate == fate).count();
        let equivalent = rows.iter().filter(|it| it.fate == Fate::Survived && is_known(it)).count();
        let survived = of(Fate::Survived) - equivalent;
        let (killed, hung) = (of(Fate::Killed), of(Fate::TimedOut));
        let tried = rows.len();
        let _ = writeln!(
            text,
            "{name:width$} {tried:>6} {killed:>7} {hung:>9} {equivalent:>10} {survived:>8}"
        );
    };
    for file in files {
        row(file, &tried.iter().filter(|it| it.file == *file).collect::<Vec<_>>());
    }
    row("all", &tried.iter().collect::<Vec<_>>());

    let survivors: Vec<_> =
        tried.iter().filter(|it| it.fate == Fate::Survived && !is_known(it)).collect();
    if !survivors.is_empty() {
        let _ =
            writeln!(text, "\nNo test notices these. Each needs one, or a line in {EQUIVALENT}:");
    }
    for survivor in &survivors {
        let _ = writeln!(text, "{} {}", ui::paint(ui::BAD, &survivor.name), survivor.code);
    }
    for equivalent in known.equivalent.iter().filter(|it| files.contains(&it.file)) {
        let found: Vec<_> = tried.iter().filter(|it| equivalent.is(it)).collect();
        let Equivalent { file, mutation, .. } = equivalent;
        let news = match found.as_slice() {
            [] if whole => "does not exist any more",
            [_, ..] if found.iter().all(|it| it.fate != Fate::Survived) => {
                "is noticed by a test now"
            }
            _ => continue,
        };
        let line = format!("{file}: {mutation}: {news}; take it out of {EQUIVALENT}");
        let _ = writeln!(text, "{}", ui::paint(ui::NOTE, &line));
    }
    (text, survivors.is_empty())
}

/// A text as a regular expression that matches nothing else.
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
    use crate::ui::tests::plain;
    use crate::workspace::tests::folder_with;

    fn tried(line: u32, mutation: &str, fate: Fate) -> Tried {
        let name = format!("chapters/03_parser/src/a.rs:{line}:5: {mutation}");
        let file = "chapters/03_parser/src/a.rs".to_string();
        Tried { name, file, code: format!("code {line}"), fate }
    }

    fn known(mutation: &str, code: Option<&str>) -> Known {
        let file = "chapters/03_parser/src/a.rs".to_string();
        let (mutation, code) = (mutation.to_string(), code.map(ToString::to_string));
        let equivalent = vec![Equivalent { file, mutation, code, _why: String::new() }];
        Known { equivalent, ..Known::default() }
    }

    fn files_of(tried: &[Tried]) -> BTreeSet<String> {
        tried.iter().map(|it| it.file.clone()).collect()
    }

    #[test]
    fn a_survivor_is_named_and_fails_unless_it_is_listed_with_its_line() {
        let all = [
            tried(1, "replace < with <= in f", Fate::Survived),
            tried(2, "replace < with <= in f", Fate::Killed),
            tried(3, "replace < with <= in f", Fate::Survived),
            tried(4, "replace f -> bool with true", Fate::TimedOut),
        ];
        let files = files_of(&all);
        let (text, good) =
            report(&all, &known("replace < with <= in f", Some("code 1")), &files, true);
        assert!(!good);
        let (table, survivors) =
            plain(&text).split_once("\n\n").map(|(a, b)| (a.to_string(), b.to_string())).unwrap();
        assert!(table.ends_with(" 4       1         1          1        1"), "{table}");
        assert!(survivors.contains("a.rs:3:5: replace < with <= in f code 3"), "{survivors}");
        assert!(!survivors.contains("a.rs:1:5"), "{survivors}");
        assert!(report(&all, &known("replace < with <= in f", None), &files, true).1);
    }

    #[test]
    fn what_is_listed_and_killed_or_gone_is_told() {
        let all = [tried(1, "replace < with <= in f", Fate::Killed)];
        let files = files_of(&all);
        let (text, good) = report(&all, &known("replace < with <= in f", None), &files, true);
        assert!(good && text.contains("is noticed by a test now"), "{text}");
        let (text, good) = report(&all, &known("replace f with ()", None), &files, true);
        assert!(good && text.contains("does not exist any more"), "{text}");
        // One part of all mutations does not show what there is.
        let (text, _) = report(&all, &known("replace f with ()", None), &files, false);
        assert!(!text.contains("does not exist any more"), "{text}");
    }

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
    fn each_line_of_the_list_is_about_a_file_that_is_there() {
        let workspace = Workspace::find().unwrap();
        let known = Known::read(&workspace.path(EQUIVALENT)).unwrap();
        for Equivalent { file, code, .. } in known.equivalent.iter().chain(&known.by_hand) {
            let source = fs::read_to_string(workspace.path(file)).expect(file);
            let has = |code: &String| source.lines().any(|line| line.trim() == code);
            assert!(code.as_ref().is_none_or(has), "{file}: {code:?}");
        }
    }

    #[test]
    fn a_name_is_a_pattern_for_itself_alone() {
        assert_eq!(escaped("a.rs:1:2: f -> T<()>"), r"a\.rs:1:2: f \-> T<\(\)>");
    }
}
