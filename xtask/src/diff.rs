//! `cargo xtask diff A B`: the changes from one chapter to another, which are the lesson of the later one.
//!
//! git compares the files and finds moved ones. Above its output are the reasons that the later chapter gives for its
//! changes in `xtask/lessons.toml`.

use std::fs;
use std::path::{Component, Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};

use crate::git::Git;
use crate::lessons::Lessons;
use crate::ui;
use crate::workspace::{Chapter, Workspace};

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
    /// Print everything at once
    #[arg(long)]
    no_pager: bool,
}

pub(crate) fn run(workspace: &Workspace, args: &Args) -> anyhow::Result<ExitCode> {
    let from = workspace.chapter(&args.from)?;
    let to = workspace.chapter(&args.to)?;
    if from == to {
        bail!("both chapters are {}: name another one, as in `cargo xtask diff 3 4`", from.folder);
    }
    let scope = scope(&args.paths, [from, to]);
    let scope: Vec<&str> = scope.iter().map(String::as_str).collect();
    let folders = [from, to].map(|chapter| workspace.path(&chapter.folder));
    if !args.paths.is_empty() {
        must_exist(&scope, [from, to], &folders)?;
    }
    let title = format!("{} → {}", from.folder, to.folder);
    let mut text = ui::paint(ui::TITLE, &title) + "\n\n";
    let [old, new] = [folders[0].as_path(), folders[1].as_path()];
    if args.stat {
        let width = format!("--stat={}", ui::width());
        text += &git_diff([old, new], &scope, &[&width, "--compact-summary"])?;
    } else {
        // A reason describes a change from one chapter to the next.
        if workspace.after(from).first() == Some(to) {
            text += &reasons(workspace, to, &scope)?;
        }
        let moved = ["--color-moved=dimmed-zebra", "--color-moved-ws=allow-indentation-change"];
        text += &git_diff([old, new], &scope, &moved)?;
    }
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

/// # Errors
/// When neither chapter has one of the paths.
fn must_exist(
    scope: &[&str],
    [from, to]: [&Chapter; 2],
    folders: &[PathBuf; 2],
) -> anyhow::Result<()> {
    for path in scope {
        let is_inside = Path::new(path)
            .components()
            .all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
        if !is_inside {
            bail!(
                "{path} is not in a chapter; name a path within it, such as src/http or Cargo.toml"
            );
        }
        if !folders.iter().any(|folder| folder.join(path).exists()) {
            bail!("neither {} nor {} has {path}", from.folder, to.folder);
        }
    }
    Ok(())
}

/// The changed files in `scope` that the chapter lists, each with its reason.
fn reasons(workspace: &Workspace, chapter: &Chapter, scope: &[&str]) -> anyhow::Result<String> {
    let lessons = Lessons::load(workspace)?.of(&chapter.name);
    let is_wanted = |path: &String| scope.iter().any(|wanted| Path::new(path).starts_with(wanted));
    let wanted = lessons.into_iter().filter(|(path, _)| is_wanted(path));
    let lines: Vec<String> = wanted.map(|(path, reason)| format!("{path}: {reason}\n")).collect();
    Ok(if lines.is_empty() { String::new() } else { lines.concat() + "\n" })
}

/// The output of `git diff` for these files of two directories, which need not be in a repository.
///
/// # Errors
/// When git cannot be started or fails, or when no temporary file can be written.
fn git_diff(folders: [&Path; 2], scope: &[&str], options: &[&str]) -> anyhow::Result<String> {
    // Each directory becomes a tree of a repository of its own, so the paths in the output are those within the chapters.
    let store = tempfile::tempdir()?;
    let git = Git::outside_of_repositories(store.path());
    git.run(&["init", "-q"])?;
    // For the function names in the headers of hunks.
    fs::write(store.path().join(".git/info/attributes"), "*.rs diff=rust\n")?;
    fs::write(store.path().join(".git/info/exclude"), ".*\ntarget\n")?;
    let [old, new] = [stored(&git, folders[0], scope)?, stored(&git, folders[1], scope)?];
    // Histogram keeps functions together where the shortest diff would mix their braces.
    let form = ["diff", "--color=always", "--histogram", "--find-renames=60%", "--no-ext-diff"];
    git.text(&[&form[..], options, &[&old, &new]].concat()).map(|printed| printed + "\n")
}

/// Stores the files of a directory that are in `scope`, but no hidden files. Returns the id of the tree.
fn stored(git: &Git, folder: &Path, scope: &[&str]) -> anyhow::Result<String> {
    let root = folder.to_str().context("a path of the course is not UTF-8")?;
    git.run(&["read-tree", "--empty"])?;
    for path in scope.iter().filter(|path| folder.join(path).exists()) {
        let settings = ["-c", "core.excludesFile=/dev/null", "--work-tree", root];
        git.run(&[&settings[..], &["add", "--", path]].concat())?;
    }
    git.text(&["write-tree"])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::plain;
    use crate::workspace::tests::folder_with;

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
    fn each_path_must_be_in_one_of_the_chapters() {
        let folder = folder_with(&[
            ("chapters/01_a/Cargo.toml", ""),
            ("chapters/02_b/Cargo.toml", ""),
            ("chapters/02_b/src/new.rs", ""),
        ]);
        let workspace = Workspace::at(folder.path()).unwrap();
        let error = |to: &str, paths: &[&str]| {
            let paths = paths.iter().map(ToString::to_string).collect();
            let args = Args { from: "1".into(), to: to.into(), paths, stat: true, no_pager: true };
            run(&workspace, &args).unwrap_err().to_string()
        };
        let missing = "neither chapters/01_a nor chapters/02_b has src/gone.rs";
        assert_eq!(error("2", &["src/new.rs", "src/gone.rs"]), missing);
        for outside in ["../02_b/src", "/etc"] {
            assert!(error("2", &[outside]).starts_with(outside));
        }
        assert!(error("1", &[]).starts_with("both chapters are chapters/01_a"));
    }

    #[test]
    fn files_in_scope_are_compared_by_their_path_in_the_chapter() {
        let old = "use a;\n\nfn f() {\n    1;\n    2;\n    3;\n    4;\n    5;\n    6;\n}\n";
        let [old, new] = [
            [("src/lib.rs", old), ("src/gone.rs", "r\n"), ("exercises/a", "1\n")],
            [
                ("src/lib.rs", &old.replace('5', "five")),
                ("src/.lib.rs.swp", "x"),
                ("tests/new.rs", "n\n"),
            ],
        ]
        .map(|files| folder_with(&files));
        let printed = git_diff([old.path(), new.path()], &SCOPE, &[]).unwrap();
        let is_shown = |line: &&str| !line.starts_with("index ");
        let shown: Vec<String> =
            plain(&printed).lines().filter(is_shown).map(String::from).collect();
        let expected = "\
diff --git a/src/gone.rs b/src/gone.rs
deleted file mode 100644
--- a/src/gone.rs
+++ /dev/null
@@ -1 +0,0 @@
-r
diff --git a/src/lib.rs b/src/lib.rs
--- a/src/lib.rs
+++ b/src/lib.rs
@@ -5,6 +5,6 @@ fn f() {
     2;
     3;
     4;
-    5;
+    five;
     6;
 }
diff --git a/tests/new.rs b/tests/new.rs
new file mode 100644
--- /dev/null
+++ b/tests/new.rs
@@ -0,0 +1 @@
+n";
        assert_eq!(shown.join("\n"), expected);
        let one_sided = git_diff([old.path(), new.path()], &["tests/new.rs"], &["--stat"]).unwrap();
        assert!(plain(&one_sided).contains("1 file changed, 1 insertion(+)"), "{one_sided}");
    }
}
