//! The repository: where it is, and which chapters it has.

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

use crate::git::Git;
use crate::tree::read_tree;

/// The directory with a file that is being written, and with the lock for it, from the root. Git ignores it.
pub(crate) const WRITING: &str = ".saved";

/// The repository of the course, as it is on disk.
#[derive(Debug, Clone)]
pub(crate) struct Workspace {
    root: PathBuf,
    chapters: Vec<Chapter>,
    git: Git,
}

/// A directory in `chapters/`, or `final`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Chapter {
    /// `04_router`, or `final`.
    pub name: String,
    /// From the root, with slashes: `chapters/04_router`, or `final`.
    pub folder: String,
    /// The name of the package, which is the name of its binary: `ch04_router`; `final` for the last.
    pub package: String,
    /// 1 to 6; `None` for `final`.
    pub number: Option<u8>,
}

impl Workspace {
    /// Finds the repository from the crate that cargo runs, or in the parents of the current directory.
    ///
    /// # Errors
    /// Returns an error when there is no repository.
    pub(crate) fn find() -> anyhow::Result<Workspace> {
        let crate_folder = env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
        let start = match crate_folder {
            Some(folder) => folder,
            None => env::current_dir().context("the current directory cannot be read")?,
        };
        let root = start.ancestors().find(|folder| folder.join("chapters").is_dir());
        Workspace::at(root.with_context(|| {
            format!(
                "no directory `chapters` in {} or above it: run this in the repository",
                start.display()
            )
        })?)
    }

    /// The repository at this root.
    pub(crate) fn at(root: &Path) -> anyhow::Result<Workspace> {
        let chapters = root.join("chapters");
        let mut names = Vec::new();
        for entry in fs::read_dir(&chapters).with_context(|| chapters.display().to_string())? {
            names.push(entry?.file_name().to_string_lossy().into_owned());
        }
        names.sort();
        let mut chapters: Vec<Chapter> =
            names.iter().filter_map(|n| Chapter::from_name(n)).collect();
        if root.join("final/Cargo.toml").is_file() {
            chapters.push(Chapter::last());
        }
        Ok(Workspace { root: root.to_owned(), chapters, git: Git::at(root) })
    }

    /// The root directory of the repository.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// Runs git in the root directory. There may be no repository.
    pub(crate) fn git(&self) -> &Git {
        &self.git
    }

    /// A path given from the root, with slashes.
    pub(crate) fn path(&self, relative: &str) -> PathBuf {
        self.root.join(relative)
    }

    /// Cargo's target directory, wherever it is configured to be.
    pub(crate) fn target(&self) -> PathBuf {
        env::var_os("CARGO_TARGET_DIR")
            .map_or_else(|| self.path("target"), |target| self.root.join(target))
    }

    /// All chapters in their order, `final` at the end.
    pub(crate) fn chapters(&self) -> &[Chapter] {
        &self.chapters
    }

    /// The pages of the book and their text, by their path from the root.
    ///
    /// # Errors
    /// Returns an error when a page or a directory cannot be read; a book that does not exist has no pages.
    pub(crate) fn pages(&self) -> anyhow::Result<BTreeMap<String, String>> {
        let files = read_tree(&self.root, &["book/src"])?.into_iter();
        let text = |(path, content): (String, Vec<u8>)| {
            let text = String::from_utf8(content).with_context(|| path.clone())?;
            Ok((path, text))
        };
        files.filter(|(path, _)| is_page(path)).map(text).collect()
    }

    /// The chapters after this one, including `final`.
    pub(crate) fn after(&self, chapter: &Chapter) -> &[Chapter] {
        let place = self.chapters.iter().position(|other| other == chapter);
        place.map_or(&[], |place| &self.chapters[place + 1..])
    }

    /// Finds a chapter by any of its names: `4`, `04`, `04_router`, `ch04_router`, `chapters/04_router/`, `final`.
    ///
    /// # Errors
    /// Returns an error that lists the chapters when there is no such chapter.
    pub(crate) fn chapter(&self, called: &str) -> anyhow::Result<&Chapter> {
        let name = called.trim_end_matches('/');
        let found = self.chapters.iter().find(|chapter| {
            chapter.name == name
                || chapter.folder == name
                || chapter.package == name
                || (chapter.number.is_some() && chapter.number == name.parse().ok())
        });
        if let Some(chapter) = found {
            return Ok(chapter);
        }
        let described = |chapter: &Chapter| match chapter.number {
            Some(number) => format!("{number} ({})", chapter.name),
            None => chapter.name.clone(),
        };
        let known: Vec<String> = self.chapters.iter().map(described).collect();
        bail!("there is no chapter `{called}`; there are: {}", known.join(", "));
    }
}

/// Whether this is the name of a page of the book.
pub(crate) fn is_page(path: &str) -> bool {
    Path::new(path).extension().is_some_and(|extension| extension == "md")
}

impl Chapter {
    fn from_name(name: &str) -> Option<Chapter> {
        let (digits, topic) = name.split_once('_')?;
        if digits.len() != 2 || topic.is_empty() {
            return None;
        }
        let (folder, package) = (format!("chapters/{name}"), format!("ch{name}"));
        Some(Chapter {
            name: name.to_string(),
            folder,
            package,
            number: Some(digits.parse().ok()?),
        })
    }

    fn last() -> Chapter {
        let [name, folder, package] = ["final"; 3].map(String::from);
        Chapter { name, folder, package, number: None }
    }

    /// The name of its library in the code.
    pub(crate) fn library(&self) -> &str {
        match self.number {
            Some(_) => &self.package,
            None => "httpserver",
        }
    }

    /// The content of a file, with this chapter's crate renamed to another chapter's. Only these files may contain the
    /// name of their crate.
    pub(crate) fn rename(&self, content: &[u8], path: &str, to: &Chapter) -> Vec<u8> {
        let names = ["src/lib.rs", "src/main.rs"].contains(&path)
            || path.starts_with("tests/")
            || path.starts_with("examples/");
        match std::str::from_utf8(content) {
            Ok(text) if path == "Cargo.toml" => text.replace(&self.package, &to.package).into(),
            Ok(text) if names => text.replace(self.library(), to.library()).into(),
            _ => content.to_vec(),
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Writes files into a new directory. A chapter exists as soon as it has a file.
    pub(crate) fn folder_with(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (path, content) in files {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
        folder
    }

    /// Copies a directory with all its contents, which is faster than creating a repository again with git.
    pub(crate) fn copy_of(folder: &Path) -> tempfile::TempDir {
        fn copy(from: &Path, to: &Path) {
            for entry in fs::read_dir(from).unwrap() {
                let entry = entry.unwrap();
                let to = to.join(entry.file_name());
                if entry.file_type().unwrap().is_dir() {
                    fs::create_dir(&to).unwrap();
                    copy(&entry.path(), &to);
                } else {
                    fs::copy(entry.path(), to).unwrap();
                }
            }
        }
        let copied = tempfile::tempdir().unwrap();
        copy(folder, copied.path());
        copied
    }

    /// All files below a directory, by their path from there, without those of hidden directories.
    pub(crate) fn files_in(folder: &Path) -> BTreeMap<String, Vec<u8>> {
        let mut all = BTreeMap::new();
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if !path.is_dir() {
                all.insert(name, fs::read(&path).unwrap());
            } else if !name.starts_with('.') {
                let within = files_in(&path).into_iter();
                all.extend(within.map(|(path, content)| (format!("{name}/{path}"), content)));
            }
        }
        all
    }

    #[test]
    fn a_chapter_has_many_names_and_an_order() {
        let folder = folder_with(&[
            ("chapters/02_thread_pool/Cargo.toml", ""),
            ("chapters/01_echo_socket/Cargo.toml", ""),
            ("chapters/notes/README.md", ""),
            ("final/Cargo.toml", ""),
        ]);
        let workspace = Workspace::at(folder.path()).unwrap();
        for name in ["2", "02", "02_thread_pool", "ch02_thread_pool", "chapters/02_thread_pool/"] {
            assert_eq!(workspace.chapter(name).unwrap().name, "02_thread_pool", "{name}");
        }
        let first = workspace.chapter("1").unwrap();
        let names: Vec<_> = workspace.after(first).iter().map(|c| c.name.as_str()).collect();
        assert_eq!(names, ["02_thread_pool", "final"]);
        for unknown in ["9", ""] {
            assert_eq!(
                workspace.chapter(unknown).unwrap_err().to_string(),
                format!(
                    "there is no chapter `{unknown}`; there are: 1 (01_echo_socket), 2 (02_thread_pool), final"
                )
            );
        }
    }

    #[test]
    fn only_some_files_know_the_name_of_their_crate() {
        let (from, to) = (Chapter::from_name("02_thread_pool").unwrap(), Chapter::last());
        for (path, name) in [
            ("Cargo.toml", "final"),
            ("src/main.rs", "httpserver"),
            ("tests/framing.rs", "httpserver"),
            ("src/core/listener.rs", "ch02_thread_pool"),
        ] {
            assert_eq!(from.rename(b"ch02_thread_pool", path, &to), name.as_bytes(), "{path}");
        }
    }
}
