//! A copy of the repository in `target/exercises/N/repo`, made from a git tree, for testing solutions.
//!
//! It never changes the reader's files. The copy is kept between runs, and only files that differ are written, so that
//! cargo has little to build. A lock makes a second run wait. Several numbered copies can be used at the same time.
//! Each has its own target directory, so that no build waits for another. Dependencies that cargo has already built are
//! linked there, and not built again.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use anyhow::Context;

use crate::check::build::Place;
use crate::git::Git;
use crate::patch::Patch;
use crate::workspace::Workspace;

pub(crate) struct Sandbox {
    number: usize,
    root: PathBuf,
    target: PathBuf,
    git: Git,
    /// The git tree of the copy.
    tree: String,
    /// The lock on the copy.
    _lock: File,
}

impl Sandbox {
    /// Makes the copy with this number equal to a git tree, such as [`Git::tree`] returns.
    pub(crate) fn open(
        workspace: &Workspace,
        number: usize,
        tree: &str,
    ) -> anyhow::Result<Sandbox> {
        let folder = workspace.target().join("exercises").join(number.to_string());
        let root = folder.join("repo");
        fs::create_dir_all(&root).with_context(|| root.display().to_string())?;
        let lock = File::create(folder.join("lock"))?;
        if lock.try_lock().is_err() {
            anstream::eprintln!(
                "Waiting for another `cargo xtask`, which uses the copy in {}",
                folder.display()
            );
            lock.lock()?;
        }
        let index = folder.join("index");
        let git = Git::with_index(workspace.root(), &index, &root)?;
        let target = folder.join("target");
        share_dependencies(&workspace.target().join("debug"), &target.join("debug"))?;
        let sandbox = Sandbox { number, root, target, git, tree: tree.to_string(), _lock: lock };
        sandbox.restore()?;
        Ok(sandbox)
    }

    /// Undoes all changes of patches.
    pub(crate) fn restore(&self) -> anyhow::Result<()> {
        self.git.run(&["read-tree", "--reset", &self.tree])?;
        self.git.run(&["checkout-index", "--all", "--force", "--index"])?;
        self.git.run(&["clean", "-ffdxq"])?;
        let manifest = self.root.join("Cargo.toml");
        if let Ok(text) = fs::read_to_string(&manifest) {
            fs::write(manifest, with_version_of_its_own(&text, self.number))?;
        }
        Ok(())
    }

    pub(crate) fn apply(&self, patch: &Patch) -> anyhow::Result<()> {
        patch.apply_in(&self.root).context(
            "the patch does not fit the chapter as it is committed; if your own work is committed, \
             it is your solution that counts now",
        )
    }

    /// Where and how to build in the copy.
    pub(crate) fn place(&self, quiet: bool) -> Place {
        Place { root: self.root.clone(), target: Some(self.target.clone()), quiet }
    }
}

/// Links the dependencies that cargo has built for the course into a new target directory. Cargo never writes to the
/// output of a built dependency. The workspace's own crates have other names in a copy, see
/// [`with_version_of_its_own`].
pub(crate) fn share_dependencies(from: &Path, to: &Path) -> anyhow::Result<()> {
    if to.exists() {
        return Ok(());
    }
    for folder in [".fingerprint", "build", "deps"] {
        link_all(&from.join(folder), &to.join(folder)).context("linking dependencies")?;
    }
    Ok(())
}

/// Links all files below a directory. A file that can't be linked, as on another file system, is left for cargo to
/// build.
fn link_all(from: &Path, to: &Path) -> io::Result<()> {
    let Ok(entries) = fs::read_dir(from) else { return Ok(()) };
    fs::create_dir_all(to)?;
    for entry in entries {
        let entry = entry?;
        let to = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            link_all(&entry.path(), &to)?;
        } else {
            let _ = fs::hard_link(entry.path(), to);
        }
    }
    Ok(())
}

/// Changes the workspace's `version = "0.1.0"` to `version = "0.1.0-copy.2"`. Cargo names its output by the version of
/// a crate and not by its directory, so a copy with the same version would overwrite the course's files.
fn with_version_of_its_own(manifest: &str, number: usize) -> String {
    let Some((before, rest)) = manifest.split_once("\nversion = \"") else {
        return manifest.to_string();
    };
    let Some((version, after)) = rest.split_once('"') else { return manifest.to_string() };
    format!("{before}\nversion = \"{version}-copy.{number}\"{after}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::git::tests::repository;
    use crate::patch::Files;
    use crate::work_tree::work_tree;
    use crate::workspace::tests::folder_with;

    #[test]
    fn what_is_built_is_linked_once() {
        let folder = tempfile::tempdir().unwrap();
        let [from, to] = ["from", "to"].map(|name| folder.path().join(name));
        fs::create_dir_all(from.join("deps")).unwrap();
        fs::write(from.join("deps/libregex.rlib"), "1").unwrap();
        share_dependencies(&from, &to).unwrap();
        assert_eq!(fs::read_to_string(to.join("deps/libregex.rlib")).unwrap(), "1");
        fs::write(from.join("deps/libnew.rlib"), "2").unwrap();
        share_dependencies(&from, &to).unwrap();
        assert!(!to.join("deps/libnew.rlib").exists());
    }

    /// Regression test: two copies had the same version, and a solution was checked with the other copy's program.
    #[test]
    fn the_crates_of_each_copy_have_a_version_of_their_own() {
        let manifest = "[workspace.package]\nversion = \"0.1.0\"\nedition = \"2024\"\n";
        let of = |number| with_version_of_its_own(manifest, number);
        assert_eq!(of(2), "[workspace.package]\nversion = \"0.1.0-copy.2\"\nedition = \"2024\"\n");
        assert_ne!(of(0), of(1));
        assert_eq!(with_version_of_its_own("[workspace]\n", 1), "[workspace]\n");
    }

    /// A course that is a directory of another repository. Regression test: the last commit was proved instead of the
    /// current files, so testing before committing reported success for files that had not been tested.
    #[test]
    fn a_copy_is_as_committed_or_as_it_is_and_comes_back_to_that() {
        let folder = folder_with(&[
            ("other.txt", "not ours\n"),
            ("course/chapters/01_a/src/lib.rs", "1\n"),
            ("course/chapters/01_a/src/same.rs", "same\n"),
            ("course/.gitignore", "/target\n"),
        ]);
        repository(folder.path());
        let root = folder.path().join("course");
        let git = Git::at(&root);
        for (name, text) in [("lib.rs", "my work\n"), ("new.rs", "new\n")] {
            fs::write(root.join("chapters/01_a/src").join(name), text).unwrap();
        }
        let workspace = Workspace::at(&root).unwrap();
        let sandbox = Sandbox::open(&workspace, 0, &git.tree("HEAD").unwrap()).unwrap();
        let source = |sandbox: &Sandbox, name: &str| {
            fs::read_to_string(sandbox.root.join("chapters/01_a/src").join(name)).ok()
        };
        let sources = |sandbox: &Sandbox| ["lib.rs", "new.rs"].map(|name| source(sandbox, name));
        let written = || {
            sandbox.root.join("chapters/01_a/src/same.rs").metadata().unwrap().modified().unwrap()
        };
        let first_written = written();
        let committed = [Some("1\n".to_string()), None];
        assert_eq!(sources(&sandbox), committed);
        assert!(!sandbox.root.join("course").exists() && !sandbox.root.join("other.txt").exists());

        let files = |texts: [Option<&str>; 2]| -> Files {
            let contents = texts.map(|text| text.map(|text| text.as_bytes().to_vec()));
            let paths = ["lib.rs", "new.rs"].map(|name| format!("chapters/01_a/src/{name}"));
            paths.into_iter().zip(contents).collect()
        };
        let changed = files([Some("2\n"), Some("n\n")]);
        sandbox.apply(&Patch::between("", &files([Some("1\n"), None]), &changed).unwrap()).unwrap();
        assert_eq!(sources(&sandbox), [Some("2\n".to_string()), Some("n\n".to_string())]);
        sandbox.restore().unwrap();
        assert_eq!(sources(&sandbox), committed);
        assert_eq!(written(), first_written, "cargo would build it again");

        let now = work_tree(&workspace).unwrap();
        let sandbox = Sandbox::open(&workspace, 1, &now).unwrap();
        assert_eq!(sources(&sandbox), [Some("my work\n".to_string()), Some("new\n".to_string())]);
        // The repository itself and its index are unchanged.
        let status = git.text(&["status", "--porcelain"]).unwrap();
        assert_eq!(
            status,
            " M course/chapters/01_a/src/lib.rs\n?? course/chapters/01_a/src/new.rs"
        );
    }
}
