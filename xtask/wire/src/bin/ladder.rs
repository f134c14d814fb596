//! Writes the conformance ladder, or compares it: see [`HELP`].

use std::error::Error;
use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::process::{Command, ExitCode};

use wire::tables::{self, Row, SIDE_BY_SIDE};
use wire::{Program, WireError, side_by_side};

const HELP: &str = "\
usage: cargo run -p wire --bin ladder [-- --check]

Builds every chapter that has a directory `src/http`, and final; runs all wire tables against each; and writes
book/src/generated/ladder.md: rules down, snapshots across. The failed rows are printed to standard error.

With --check nothing is written, and it fails when the file is out of date. With or without, it fails when a
later snapshot breaks a rule that an earlier one keeps, or when final breaks any.
`cargo xtask test` runs it with --check.
";

/// The path of the ladder from the root of the repository.
const PAGE: &str = "book/src/generated/ladder.md";

/// A line of the ladder: the rows of one rule, never empty.
type Rule = Vec<Row>;

/// The problems of a snapshot with a rule, or `None` if it does not have the feature that the rule is about.
type Mark = Option<Vec<String>>;

/// A server at one stage of the course.
struct Snapshot {
    /// The heading of its column: `3` for chapter 3, `final`.
    title: String,
    package: String,
    /// A mark for each rule.
    marks: Vec<Mark>,
}

impl Snapshot {
    fn of(title: &str, package: &str) -> Snapshot {
        Snapshot { title: title.to_string(), package: package.to_string(), marks: Vec::new() }
    }

    fn binary(&self) -> &str {
        if self.title == "final" { "httpserver" } else { &self.package }
    }

    fn start(&self) -> Result<Program, WireError> {
        let option: &[_] = if self.title == "final" { &["--addr"] } else { &[] };
        // The programs are in the directory of this program.
        let name = format!("{}{}", self.binary(), std::env::consts::EXE_SUFFIX);
        let own = std::env::current_exe();
        let own = own.map_err(|error| WireError::io("finding the programs", &error))?;
        Program::start(own.with_file_name(name), &[option, &["127.0.0.1:0"]].concat())
    }
}

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
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run(check: bool) -> Result<(), Box<dyn Error>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let rules = rules();
    let mut snapshots = snapshots(&root)?;
    build(&root, &snapshots)?;
    let climbed = side_by_side(snapshots.len(), &snapshots, |snapshot| climb(&rules, snapshot));
    for (snapshot, marks) in snapshots.iter_mut().zip(climbed) {
        snapshot.marks = marks?;
        let Snapshot { package, marks, .. } = snapshot;
        for problem in marks.iter().flatten().flatten() {
            eprintln!("{package}: {problem}\n");
        }
        let kept = marks.iter().filter(|mark| is_kept(mark)).count();
        println!("{package:<16} {kept} of {} rules", rules.len());
    }
    let mut problems = steps_back(&rules, &snapshots);
    if let Some(last) = snapshots.last() {
        let broken = last.marks.iter().filter(|mark| !is_kept(mark)).count();
        if broken > 0 {
            problems.push(format!("final must keep all rules, and misses {broken}"));
        }
    }
    let page = render(&rules, &snapshots);
    let path = root.join(PAGE);
    if !check {
        fs::write(&path, page)?;
        println!("written: {PAGE}");
    } else if fs::read_to_string(&path).unwrap_or_default() != page {
        problems.push(format!("{PAGE} is out of date: run `cargo run -p wire --bin ladder`"));
    }
    if problems.is_empty() { Ok(()) } else { Err(format!("\n{}", problems.join("\n")).into()) }
}

/// The chapters that speak HTTP, in order, and final.
fn snapshots(root: &Path) -> Result<Vec<Snapshot>, Box<dyn Error>> {
    let mut snapshots = Vec::new();
    for entry in fs::read_dir(root.join("chapters"))? {
        let entry = entry?;
        let folder = entry.file_name().to_string_lossy().into_owned();
        if entry.path().join("src/http").is_dir() {
            let title = folder.split('_').next().unwrap_or_default().trim_start_matches('0');
            snapshots.push(Snapshot::of(title, &format!("ch{folder}")));
        }
    }
    snapshots.sort_by(|one, other| one.package.cmp(&other.package));
    snapshots.push(Snapshot::of("final", "final"));
    Ok(snapshots)
}

fn build(root: &Path, snapshots: &[Snapshot]) -> Result<(), Box<dyn Error>> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let built = Command::new(cargo)
        // Uses the features of the whole workspace, so that no dependency is rebuilt.
        .args(["build", "--quiet", "--workspace"])
        .args(snapshots.iter().flat_map(|snapshot| ["--bin", snapshot.binary()]))
        .current_dir(root)
        .status()?;
    if built.success() { Ok(()) } else { Err("not all chapters build".into()) }
}

/// All rules, each once, in the order of the tables.
fn rules() -> Vec<Rule> {
    let mut rules: Vec<Rule> = Vec::new();
    for row in [tables::all(), tables::load::rows()].concat() {
        let same = |rule: &&mut Rule| {
            let first = &rule[0];
            (first.group, first.rfc, first.rule) == (row.group, row.rfc, row.rule)
        };
        match rules.iter_mut().find(same) {
            Some(rule) => rule.push(row),
            None => rules.push(vec![row]),
        }
    }
    rules
}

/// Runs all rules against the server of a snapshot. A row that takes all of a server's workers gets a separate server.
///
/// # Errors
/// When the server does not start, or does not respond at all.
fn climb(rules: &[Rule], snapshot: &Snapshot) -> Result<Vec<Mark>, WireError> {
    let program = snapshot.start()?;
    let has = |rule: &Rule| match rule[0].needs {
        Some(path) => wire::get(program.addr(), path).map(|reply| reply.status != 404),
        None => Ok(true),
    };
    let mut marks: Vec<Mark> = Vec::new();
    let mut tried = Vec::new();
    for (at, rule) in rules.iter().enumerate() {
        let is_present = has(rule)?;
        marks.push(is_present.then(Vec::new));
        if is_present {
            tried.extend(rule.iter().map(|row| (at, row)));
        }
    }
    let run = |(_, row): &(usize, &Row)| {
        let own = if row.alone { Some(snapshot.start()?) } else { None };
        Ok(tables::problem(own.as_ref().unwrap_or(&program).addr(), row))
    };
    for ((at, row), problem) in tried.iter().zip(side_by_side(SIDE_BY_SIDE, &tried, run)) {
        if let (Some(problems), Some(problem)) = (&mut marks[*at], problem?) {
            problems.push(format!("{row}\n{problem}"));
        }
    }
    Ok(marks)
}

fn is_kept(mark: &Mark) -> bool {
    mark.as_ref().is_some_and(Vec::is_empty)
}

fn symbol(mark: &Mark) -> &'static str {
    match mark.as_deref() {
        None => "–",
        Some([]) => "✓",
        Some(_) => "✗",
    }
}

/// The rules that a snapshot keeps and a later snapshot breaks, as sentences.
fn steps_back(rules: &[Rule], snapshots: &[Snapshot]) -> Vec<String> {
    let mut found = Vec::new();
    for pair in snapshots.windows(2) {
        let [before, after] = pair else { continue };
        let marks = before.marks.iter().zip(&after.marks);
        for (rule, (was, is)) in rules.iter().zip(marks) {
            if is_kept(was) && !is_kept(is) {
                let Row { rfc, rule, .. } = &rule[0];
                let (before, after) = (&before.title, &after.title);
                found.push(format!("{rule} ({rfc}): kept in {before}, not in {after}"));
            }
        }
    }
    found
}

/// The ladder as a page of the book: a table for each group of rules.
fn render(rules: &[Rule], snapshots: &[Snapshot]) -> String {
    let mut page = String::from(
        "<!-- Written by `cargo run -p wire --bin ladder`. Do not edit: `cargo xtask test` compares it. -->\n",
    );
    let cases: usize = rules.iter().map(Vec::len).sum();
    // Writing to a string cannot fail, here and below.
    let _ = writeln!(
        page,
        "\n{} rules, {cases} cases: ✓ kept in all its cases, ✗ broken in at least one, – the chapter \
         does not have what the rule is about.",
        rules.len()
    );
    let mut group = "";
    for (place, rule) in rules.iter().enumerate() {
        let first = &rule[0];
        if first.group != group {
            group = first.group;
            let titles: Vec<&str> = snapshots.iter().map(|it| it.title.as_str()).collect();
            let titles = titles.join(" | ");
            let _ = write!(page, "\n### {group}\n\n| rule | section | cases | {titles} |\n");
            let _ = writeln!(page, "|---|---|--:|{}", ":-:|".repeat(snapshots.len()));
        }
        let marks: Vec<&str> = snapshots.iter().map(|it| symbol(&it.marks[place])).collect();
        let _ = writeln!(
            page,
            "| {} | {} | {} | {} |",
            first.rule.replace('*', "\\*"),
            link(first.rfc),
            rule.len(),
            marks.join(" | ")
        );
    }
    page
}

/// `RFC 9112 section 6.3` as a link to that section.
fn link(rfc: &str) -> String {
    let words: Vec<&str> = rfc.split(' ').collect();
    match words[..] {
        ["RFC", number, "section", section] => format!(
            "[RFC {number}, {section}](https://www.rfc-editor.org/rfc/rfc{number}.html#section-{section})"
        ),
        _ => rfc.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn snapshots() -> [Snapshot; 3] {
        [None, Some(vec!["a problem".to_string()]), Some(Vec::new())]
            .map(|mark| Snapshot { marks: vec![mark; rules().len()], ..Snapshot::of("x", "x") })
    }

    #[test]
    fn every_rule_has_one_line() {
        let page = render(&rules(), &snapshots());
        let lines = page.lines().filter(|line| line.ends_with("| – | ✗ | ✓ |")).count();
        assert_eq!(lines, rules().len());
        assert!(page.contains("rfc9112.html#section-6.3)"));
    }

    #[test]
    fn a_rule_once_kept_must_stay_kept() {
        let mut snapshots = snapshots();
        assert_eq!(steps_back(&rules(), &snapshots), [""; 0]);
        snapshots.reverse();
        assert_eq!(steps_back(&rules(), &snapshots).len(), rules().len());
    }
}
