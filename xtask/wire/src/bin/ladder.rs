//! Writes the conformance ladder, or compares it: see [`HELP`].

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use wire::ladder::{self, Column, Mark, Rule};
use wire::tables::Outcome;
use wire::{Program, WireError};

const HELP: &str = "\
usage: cargo run -p wire --bin ladder [-- --check]

Builds every chapter that has an `http` folder, and final; runs all wire tables against each; and writes
book/src/generated/ladder.md: rules down, snapshots across. What is broken is told on standard error.

With --check nothing is written. It fails when the file is not what it would write. With or without, it
fails when a rule that one snapshot keeps is broken by a later one, or when final breaks any.
`cargo xtask test` runs it with --check.
";

/// The path of the ladder from the root of the repository.
const PAGE: &str = "book/src/generated/ladder.md";

type Error = Box<dyn std::error::Error>;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let check = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => false,
        ["--check"] => true,
        _ => {
            eprint!("{HELP}");
            return ExitCode::from(2);
        }
    };
    match run(check) {
        Ok(problems) if problems.is_empty() => ExitCode::SUCCESS,
        Ok(problems) => {
            eprintln!("\n{}", problems.join("\n"));
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// A server at one stage of the course.
struct Snapshot {
    /// The heading of its column.
    title: String,
    package: String,
    binary: String,
    arguments: &'static [&'static str],
}

fn run(check: bool) -> Result<Vec<String>, Error> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let rules = ladder::rules();
    let snapshots = snapshots(&root)?;
    let programs = build(&root, &snapshots)?;
    let mut columns = Vec::new();
    let climbed = climb_all(&rules, &snapshots, &programs);
    for (Snapshot { package, .. }, climbed) in snapshots.iter().zip(climbed) {
        let (column, outcomes) = climbed?;
        for Outcome { row, problem } in &outcomes {
            if let Some(problem) = problem {
                eprintln!("{package}: {row}\n{problem}\n");
            }
        }
        let kept = column.marks.iter().filter(|mark| **mark == Mark::Kept).count();
        println!("{package:<16} {kept} of {} rules", rules.len());
        columns.push(column);
    }
    let mut problems = ladder::steps_back(&rules, &columns);
    if let Some(last) = columns.iter().find(|column| column.title == "final") {
        let broken = last.marks.iter().filter(|mark| **mark != Mark::Kept).count();
        if broken > 0 {
            problems.push(format!("final must keep all rules, and misses {broken}"));
        }
    }
    let page = ladder::render(&rules, &columns);
    let path = root.join(PAGE);
    if check {
        if fs::read_to_string(&path).unwrap_or_default() != page {
            problems.push(format!("{PAGE} is out of date: run `cargo run -p wire --bin ladder`"));
        }
    } else {
        fs::create_dir_all(path.parent().unwrap_or(&root))?;
        fs::write(&path, page)?;
        println!("written: {PAGE}");
    }
    Ok(problems)
}

/// The chapters that speak HTTP, in order, and final.
fn snapshots(root: &Path) -> Result<Vec<Snapshot>, Error> {
    let mut snapshots = Vec::new();
    for entry in fs::read_dir(root.join("chapters"))? {
        let entry = entry?;
        let folder = entry.file_name().to_string_lossy().into_owned();
        if entry.path().join("src/http").is_dir() {
            let title = folder.split('_').next().unwrap_or_default().trim_start_matches('0');
            let (title, package) = (title.to_string(), format!("ch{folder}"));
            let binary = package.clone();
            snapshots.push(Snapshot { title, package, binary, arguments: &["127.0.0.1:0"] });
        }
    }
    snapshots.sort_by(|one, other| one.package.cmp(&other.package));
    if root.join("final/Cargo.toml").is_file() {
        let [title, package, binary] = ["final", "final", "httpserver"].map(str::to_string);
        let arguments = &["--addr", "127.0.0.1:0"];
        snapshots.push(Snapshot { title, package, binary, arguments });
    }
    Ok(snapshots)
}

/// Builds all snapshots, and returns the paths of their programs, which are in the directory of
/// this program.
fn build(root: &Path, snapshots: &[Snapshot]) -> Result<Vec<PathBuf>, Error> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let programs = snapshots.iter().flat_map(|snapshot| ["--bin", &snapshot.binary]);
    let built = Command::new(cargo)
        // Uses the features of the whole workspace, so that no dependency is rebuilt.
        .args(["build", "--quiet", "--workspace"])
        .args(programs)
        .current_dir(root)
        .status()?;
    if !built.success() {
        return Err("not all chapters build".into());
    }
    let own = std::env::current_exe()?;
    let program = |snapshot: &Snapshot| {
        own.with_file_name(format!("{}{}", snapshot.binary, std::env::consts::EXE_SUFFIX))
    };
    Ok(snapshots.iter().map(program).collect())
}

type Climbed = Result<(Column, Vec<Outcome>), WireError>;

/// Runs the rules against all programs in parallel.
fn climb_all(rules: &[Rule], snapshots: &[Snapshot], programs: &[PathBuf]) -> Vec<Climbed> {
    let climb = |(snapshot, path): &(&Snapshot, &PathBuf)| {
        let start = || Program::start(path, snapshot.arguments);
        let (marks, outcomes) = ladder::climb(rules, start)?;
        Ok((Column { title: snapshot.title.clone(), marks }, outcomes))
    };
    let pairs: Vec<_> = snapshots.iter().zip(programs).collect();
    wire::side_by_side(pairs.len(), &pairs, climb)
}
