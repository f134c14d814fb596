//! `cargo xtask diff A B`: the changes from one chapter to another, which are the lesson of the later one.
//!
//! git compares the files and finds moved ones. Each file gets a heading, with the reason that the later chapter gives
//! for the change in `xtask/lessons.toml`.

mod files;
mod side_by_side;

use std::collections::BTreeMap;
use std::process::ExitCode;

use anyhow::bail;

use crate::lessons::Lessons;
use crate::tree::{Tree, read_tree};
use crate::ui;
use crate::workspace::{Chapter, Workspace};

use files::{Change, FileDiff};

/// The compared files: the program and its tests, not the exercises.
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
    let title = format!("{} → {}", from.folder, to.folder);
    let mut text = ui::paint(ui::TITLE, &title) + "\n\n";
    if args.stat {
        let width = format!("--stat={}", ui::width());
        text += &files::git_diff(&old, &new, &["--color=always", &width, "--compact-summary"])?;
    } else {
        // A reason describes a change from one chapter to the next.
        let is_next = workspace.after(from).first() == Some(to);
        let reasons =
            if is_next { Lessons::load(workspace)?.of(&to.name) } else { BTreeMap::new() };
        for file in files::split(&files::git_diff(&old, &new, files::LINES)?) {
            text += &heading(&file, reasons.get(&file.path).map(String::as_str));
            if args.side_by_side {
                text += &side_by_side::render(&file, ui::width());
            } else {
                text += file.unified();
            }
            text.push('\n');
        }
    }
    text += &unchanged(&old, &new);
    ui::page(&text, args.no_pager);
    Ok(ExitCode::SUCCESS)
}

/// The paths within a chapter, of paths that may be typed from the root.
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

fn heading(file: &FileDiff, reason: Option<&str>) -> String {
    let (style, mark) = match file.change {
        Change::New => (ui::GOOD, "[new]"),
        Change::Removed => (ui::BAD, "[gone]"),
        Change::Moved => (ui::NOTE, "[moved]"),
        Change::Changed => (ui::NOTE, "[changed]"),
    };
    let from = file.moved_from.as_ref().map(|from| format!(" from {from}")).unwrap_or_default();
    let reason =
        reason.map(|reason| ui::paint(ui::DIM, &format!("  {reason}"))).unwrap_or_default();
    format!("{} {}{from}{reason}\n", ui::paint(style, mark), ui::paint(ui::TITLE, &file.path))
}

/// One line for all files that are the same at the same path.
fn unchanged(old: &Tree, new: &Tree) -> String {
    match new.iter().filter(|(path, content)| old.get(*path) == Some(content)).count() {
        0 => String::new(),
        count => ui::paint(ui::DIM, &format!("{} unchanged\n", ui::count(count, "file"))),
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
            files::tests::tree(&files.iter().map(|f| (*f, "same\n")).collect::<Vec<_>>())
        };
        let text = unchanged(&tree(&["a", "b", "c"]), &tree(&["a", "b"]));
        assert_eq!(ui::plain(&text), "2 files unchanged\n");
    }
}
