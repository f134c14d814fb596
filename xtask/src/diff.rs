//! `cargo xtask diff A B`: the changes from one chapter to another, which are the lesson of the later one.
//!
//! git compares the files and finds moved ones. Above its output are the reasons that the later chapter gives for its
//! changes in `xtask/lessons.toml`.

use std::path::Path;
use std::process::ExitCode;

use anyhow::{bail, ensure};

use crate::lessons::Lessons;
use crate::ui;
use crate::work_tree::work_tree;
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
}

pub(crate) fn run(workspace: &Workspace, args: &Args) -> anyhow::Result<ExitCode> {
    ui::page(&diff(workspace, args)?);
    Ok(ExitCode::SUCCESS)
}

fn diff(workspace: &Workspace, args: &Args) -> anyhow::Result<String> {
    let [from, to] = [workspace.chapter(&args.from)?, workspace.chapter(&args.to)?];
    if from == to {
        bail!("both chapters are {}: name another one, as in `cargo xtask diff 3 4`", from.folder);
    }
    let tree = work_tree(workspace)?;
    let scope = scope(workspace, &tree, &args.paths, [from, to])?;
    let mut text = ui::paint(ui::TITLE, &format!("{} → {}", from.folder, to.folder)) + "\n\n";
    // A reason describes a change from one chapter to the next.
    if !args.stat && workspace.after(from).first() == Some(to) {
        text += &reasons(workspace, to, &scope)?;
    }
    let [old, new] = [from, to].map(|chapter| format!("{tree}:{}", chapter.folder));
    // Histogram keeps functions together where the shortest diff would mix their braces.
    let form = ["diff", "--color=always", "--histogram", "--find-renames=60%", "--no-ext-diff"];
    let stat = [&format!("--stat={}", ui::width()), "--compact-summary"];
    let moved = ["--color-moved=dimmed-zebra", "--color-moved-ws=allow-indentation-change"];
    let options = if args.stat { stat } else { moved };
    // The course may be a directory of the repository, and the paths are those within a chapter.
    let paths = scope.iter().map(|path| format!(":(top,literal){path}"));
    let paths: Vec<String> = paths.chain([":(top,exclude,glob)**/.*".to_string()]).collect();
    let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
    let form = [&form[..], &options, &[&old, &new, "--"], &paths].concat();
    Ok(text + &workspace.git().text(&form)? + "\n")
}

/// The paths within a chapter, of paths that may be typed from the root.
///
/// # Errors
/// When neither chapter has one of the paths.
fn scope(
    workspace: &Workspace,
    tree: &str,
    paths: &[String],
    chapters: [&Chapter; 2],
) -> anyhow::Result<Vec<String>> {
    let mut scope = Vec::new();
    for typed in paths {
        let path = typed.trim_start_matches("./").trim_end_matches('/');
        let inside = chapters.iter().find_map(|chapter| path.strip_prefix(&chapter.folder));
        let path = inside.unwrap_or(path).trim_start_matches('/');
        let [old, new] = chapters
            .map(|chapter| workspace.git().object(&format!("{tree}:{}/{path}", chapter.folder)));
        ensure!(
            old?.is_some() || new?.is_some(),
            "neither {} nor {} has {typed}; name a path within them, such as src/http or Cargo.toml",
            chapters[0].folder,
            chapters[1].folder
        );
        scope.push(path.to_string());
    }
    Ok(if paths.is_empty() { SCOPE.map(String::from).to_vec() } else { scope })
}

/// The changed files in `scope` that the chapter lists, each with its reason.
fn reasons(workspace: &Workspace, chapter: &Chapter, scope: &[String]) -> anyhow::Result<String> {
    let lessons = Lessons::load(workspace)?.of(&chapter.name);
    let is_wanted = |path: &String| scope.iter().any(|wanted| Path::new(path).starts_with(wanted));
    let wanted = lessons.into_iter().filter(|(path, _)| is_wanted(path));
    let lines: Vec<String> = wanted.map(|(path, reason)| format!("{path}: {reason}\n")).collect();
    Ok(if lines.is_empty() { String::new() } else { lines.concat() + "\n" })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::git::tests::repository;
    use crate::ui::plain;
    use crate::workspace::tests::folder_with;

    fn printed(workspace: &Workspace, paths: &[&str], stat: bool) -> anyhow::Result<String> {
        let paths = paths.iter().map(ToString::to_string).collect();
        diff(workspace, &Args { from: "1".into(), to: "2".into(), paths, stat })
            .map(|text| plain(&text))
    }

    const EXPECTED: &str = "\
chapters/01_a → chapters/02_b

src/lib.rs: Words

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

    /// In a course that is a directory of another repository.
    #[test]
    fn files_in_scope_are_compared_by_their_path_in_the_chapter() {
        let old = "use a;\n\nfn f() {\n    1;\n    2;\n    3;\n    4;\n    5;\n    6;\n}\n";
        let folder = folder_with(&[
            ("course/chapters/01_a/src/lib.rs", old),
            ("course/chapters/01_a/src/gone.rs", "r\n"),
            ("course/chapters/01_a/exercises/a", "1\n"),
            ("course/chapters/02_b/src/lib.rs", &old.replace('5', "five")),
            ("course/xtask/lessons.toml", "[02_b]\n\"src/lib.rs\" = \"Words\"\n\"a\" = \"No\"\n"),
        ]);
        repository(folder.path());
        let root = folder.path().join("course");
        // Files that are not committed count too.
        for (path, text) in [("src/.lib.rs.swp", "x"), ("tests/new.rs", "n\n")] {
            crate::patch::write(&root.join("chapters/02_b"), path, text.as_bytes()).unwrap();
        }
        let workspace = Workspace::at(&root).unwrap();
        let text = printed(&workspace, &[], false).unwrap();
        let is_shown = |line: &&str| !line.starts_with("index ");
        let shown: Vec<&str> = text.lines().filter(is_shown).collect();
        assert_eq!(shown.join("\n"), EXPECTED);
        // A path may be typed from the root, and exist on one side.
        for path in ["tests/new.rs", "./tests/", "chapters/02_b/tests/new.rs"] {
            let text = printed(&workspace, &[path], true).unwrap();
            assert!(text.ends_with("1 file changed, 1 insertion(+)\n"), "{text}");
        }
        let missing = "neither chapters/01_a nor chapters/02_b has ";
        for path in ["src/no.rs", "../02_b/src", "/etc"] {
            let error = printed(&workspace, &["src/gone.rs", path], true).unwrap_err().to_string();
            assert!(error.starts_with(&format!("{missing}{path}; name a path within")), "{error}");
        }
        let args = Args { from: "1".into(), to: "01_a".into(), paths: Vec::new(), stat: true };
        let error = diff(&workspace, &args).unwrap_err().to_string();
        assert!(error.starts_with("both chapters are chapters/01_a"), "{error}");
    }
}
