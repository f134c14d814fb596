//! `cargo xtask diff A B`: what one chapter changes in another, which is what that chapter teaches.

mod compare;
mod side_by_side;
mod stat;
mod unified;

use std::collections::BTreeMap;
use std::process::ExitCode;

use anyhow::bail;

use crate::lessons::Lessons;
use crate::ui;
use crate::workspace::{Chapter, Workspace};

use compare::{Entry, Kind};

pub(crate) use compare::read_tree;
pub(crate) use unified::LineDiff;

/// What is compared: the program and its tests, not the exercises.
pub(crate) const SCOPE: [&str; 5] = ["Cargo.toml", "src", "tests", "examples", "public"];

#[derive(clap::Args)]
pub(crate) struct Args {
    /// A chapter by its number, its name, or "final"
    from: String,
    /// Another chapter
    to: String,
    /// Only these files and directories: src/http, Cargo.toml
    paths: Vec<String>,
    /// One line per file: how much it changes
    #[arg(long)]
    stat: bool,
    /// Old and new next to each other
    #[arg(long, short = 'y', conflicts_with = "stat")]
    side_by_side: bool,
    /// Print everything at once
    #[arg(long)]
    no_pager: bool,
}

pub(crate) fn run(workspace: &Workspace, args: &Args) -> anyhow::Result<ExitCode> {
    let from = workspace.chapter(&args.from)?;
    let to = workspace.chapter(&args.to)?;
    let scope = scope(&args.paths, [from, to]);
    let scope: Vec<&str> = scope.iter().map(String::as_str).collect();
    let old = read_tree(&workspace.path(&from.folder), &scope)?;
    let new = read_tree(&workspace.path(&to.folder), &scope)?;
    if old.is_empty() && new.is_empty() {
        bail!("neither {} nor {} has {}", from.folder, to.folder, scope.join(" or "));
    }
    let entries = compare::compare(&old, &new);
    // Only from one chapter to the next is there one reason for a change.
    let next = workspace.after(from).first() == Some(to);
    let reasons = if next { Lessons::load(workspace)?.of(&to.name) } else { BTreeMap::new() };
    let title = format!("{} → {}", from.folder, to.folder);
    let mut text = ui::paint(ui::TITLE, &title) + "\n\n";
    if args.stat {
        text += &stat::render(&entries, ui::width());
    } else {
        for entry in entries.iter().filter(|entry| entry.kind != Kind::Same) {
            text += &header(entry, reasons.get(&entry.path).map(String::as_str));
            text += &if args.side_by_side {
                side_by_side::file(entry, ui::width())
            } else {
                unified::file(entry)
            };
            text.push('\n');
        }
    }
    text += &unchanged(&entries);
    ui::page(&text, args.no_pager);
    Ok(ExitCode::SUCCESS)
}

/// The paths as they are within a chapter, however they were typed.
fn scope(paths: &[String], chapters: [&Chapter; 2]) -> Vec<String> {
    if paths.is_empty() {
        return SCOPE.map(String::from).to_vec();
    }
    let within = |path: &String| {
        let path = path.trim_start_matches("./").trim_end_matches('/');
        let inside = chapters.iter().find_map(|chapter| path.strip_prefix(&chapter.folder));
        inside.map_or(path, |inside| inside.trim_start_matches('/')).to_string()
    };
    paths.iter().map(within).collect()
}

fn header(entry: &Entry, reason: Option<&str>) -> String {
    let (style, mark) = match entry.kind {
        Kind::New => (ui::GOOD, "[new]"),
        Kind::Gone => (ui::BAD, "[gone]"),
        Kind::Moved => (ui::NOTE, "[moved]"),
        Kind::Changed | Kind::Same => (ui::NOTE, "[changed]"),
    };
    let from = entry.moved_from.as_ref().map(|from| format!(" from {from}")).unwrap_or_default();
    let reason =
        reason.map(|reason| ui::paint(ui::DIM, &format!("  {reason}"))).unwrap_or_default();
    format!("{} {}{from}{reason}\n", ui::paint(style, mark), ui::paint(ui::TITLE, &entry.path))
}

/// The line that stands for all files that are the same.
fn unchanged(entries: &[Entry]) -> String {
    let same = |entry: &&Entry| {
        entry.kind == Kind::Same || (entry.kind == Kind::Moved && entry.old == entry.new)
    };
    match entries.iter().filter(same).count() {
        0 => String::new(),
        1 => ui::paint(ui::DIM, "1 file unchanged\n"),
        count => ui::paint(ui::DIM, &format!("{count} files unchanged\n")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_may_be_typed_from_the_root() {
        let chapter = |name: &str| Chapter {
            name: name.to_string(),
            folder: format!("chapters/{name}"),
            package: format!("ch{name}"),
            number: Some(3),
        };
        let paths = ["src/http/", "./src/lib.rs", "chapters/04_b/src/app"].map(String::from);
        assert_eq!(
            scope(&paths, [&chapter("03_a"), &chapter("04_b")]),
            ["src/http", "src/lib.rs", "src/app"]
        );
    }

    #[test]
    fn unchanged_files_are_one_line() {
        let tree = |files: &[&str]| {
            files.iter().map(|&file| (file.to_string(), b"same\n".to_vec())).collect()
        };
        let entries = compare::compare(&tree(&["a", "b", "c"]), &tree(&["a", "b"]));
        assert_eq!(ui::tests::plain(&unchanged(&entries)), "2 files unchanged\n");
    }
}
