//! A reader's clone of the course.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use crate::exercise::Exercise;
use crate::git::Git;
use crate::patch::{Files, Patch};
use crate::reset;
use crate::saved::{NAMES, interrupted, restore};
use crate::solution;
use crate::workspace::Workspace;
use crate::workspace::tests::{copy_of, files_in, folder_with};

pub(super) const CHAPTER: &str = "chapters/04_router";
const LIB: &str = "chapters/04_router/src/lib.rs";
pub(super) const SHIPPED: &str = "1\n2\n3\n4\n5\n6\n7\n8\n9\n";

pub(super) type Tree = BTreeMap<String, Vec<u8>>;

/// A clone of the course, which is this directory of a repository.
pub(super) struct Reader {
    folder: tempfile::TempDir,
    prefix: &'static str,
    pub(super) root: PathBuf,
    pub(super) workspace: Workspace,
}

impl Reader {
    /// The course as it is shipped.
    pub(super) fn inside(prefix: &'static str) -> Reader {
        let time = format!("{CHAPTER}/src/time.rs");
        let files = |lib: &str, new: Option<&str>| {
            let content = |text: &str| Some(text.as_bytes().to_vec());
            Files::from([(LIB.to_string(), content(lib)), (time.clone(), new.and_then(content))])
        };
        let after = files(&SHIPPED.replace('9', "solved"), Some("time\n"));
        let solution = Patch::between("", &files(SHIPPED, None), &after).unwrap().text();
        let files = [
            (LIB, SHIPPED),
            ("chapters/04_router/src/old.rs", "old\n"),
            ("chapters/04_router/exercises/01_curl/answers.toml", "a = \"\"\n"),
            ("chapters/04_router/exercises/02_time/solution.patch", &solution),
            (".gitignore", "/.saved\n/.progress\n"),
        ];
        let paths = files.map(|(path, text)| (format!("{prefix}{path}"), text));
        let folder = folder_with(&paths.each_ref().map(|(path, text)| (path.as_str(), *text)));
        let git = Git::at(folder.path());
        // Without the examples of hooks there is less to copy.
        git.run(&["init", "-q", "--template="]).unwrap();
        commit(&git, "shipped");
        Reader::at(folder, prefix)
    }

    fn at(folder: tempfile::TempDir, prefix: &'static str) -> Reader {
        let root = folder.path().join(prefix);
        let workspace = Workspace::at(&root).unwrap();
        Reader { folder, prefix, root, workspace }
    }

    pub(super) fn copy(&self) -> Reader {
        Reader::at(copy_of(self.folder.path()), self.prefix)
    }

    /// A reader has worked in it: changed, new, deleted, not text, without a last line end.
    pub(super) fn at_work_inside(prefix: &'static str) -> Reader {
        let reader = Reader::inside(prefix);
        reader.write("src/lib.rs", SHIPPED.replace("1\n", "mine\n").as_bytes());
        reader.write("src/mine.rs", b"no line end");
        reader.write("public/picture.png", b"\x89PNG\0\xff\x00\r\n");
        reader.write("src/latin.txt", b"caf\xe9\r\n");
        reader.write("exercises/01_curl/answers.toml", b"a = \"404\"\n");
        fs::remove_file(reader.root.join(CHAPTER).join("src/old.rs")).unwrap();
        reader
    }

    pub(super) fn at_work() -> Reader {
        Reader::at_work_inside("")
    }

    /// The same work, in a clone whose remote git knows.
    pub(super) fn got_from_the_course() -> Reader {
        let reader = Reader::at_work();
        reader.is_shipped("refs/remotes/origin/HEAD");
        reader
    }

    pub(super) fn write(&self, path: &str, content: &[u8]) {
        crate::patch::write(&self.root.join(CHAPTER), path, content).unwrap();
    }

    pub(super) fn exercise(&self) -> Exercise {
        Exercise::find(&self.workspace, "2").unwrap()
    }

    pub(super) fn reset(&self) -> anyhow::Result<String> {
        reset::reset(&self.workspace, &self.exercise(), None)
    }

    pub(super) fn reset_as(&self, word: &str) -> anyhow::Result<String> {
        reset::reset(&self.workspace, &self.exercise(), Some(word))
    }

    pub(super) fn apply(&self) -> anyhow::Result<String> {
        solution::apply(&self.workspace, &self.exercise())
    }

    pub(super) fn restore(&self, name: &str) -> anyhow::Result<String> {
        restore::restore(&self.workspace, name)
    }

    /// The names of the saved work.
    pub(super) fn saved(&self) -> Vec<String> {
        let form = ["for-each-ref", "--format=%(refname:lstrip=2)", NAMES];
        self.workspace.git().text(&form).unwrap().lines().map(String::from).collect()
    }

    /// Makes the latest commit of the reader's repository the one of this remote.
    pub(super) fn is_shipped(&self, remote: &str) {
        Git::at(&self.root).run(&["update-ref", remote, "HEAD"]).unwrap();
    }

    /// All files of the chapter.
    pub(super) fn tree(&self) -> Tree {
        files_in(&self.root.join(CHAPTER))
    }

    /// Whatever a run that was killed has left: after the command that it names, the work is there, or saved by this
    /// name.
    pub(super) fn brings_back(&self, work: &Tree, name: &str, at: i32) {
        if let Some(told) = interrupted(&self.workspace).unwrap() {
            self.restore(told.strip_prefix("cargo xtask restore ").unwrap()).unwrap();
        }
        if self.tree() != *work {
            self.restore(name).unwrap();
        }
        assert_eq!(self.tree(), *work, "step {at}");
        assert_eq!(interrupted(&self.workspace).unwrap(), None, "step {at}");
    }
}

pub(super) fn commit(git: &Git, message: &str) {
    git.run(&["add", "-A"]).unwrap();
    git.run(&["commit", "-q", "-m", message]).unwrap();
}

/// What reset leaves of it: the answers of another exercise stay.
pub(super) fn after_reset() -> Tree {
    let reader = Reader::inside("");
    reader.write("exercises/01_curl/answers.toml", b"a = \"404\"\n");
    reader.tree()
}
