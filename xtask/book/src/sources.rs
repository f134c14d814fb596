//! The chapters and their files, for the book's tools.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use anyhow::{Context, Result, bail};
use tempfile::TempDir;

use crate::files;
use crate::source::Source;

/// The root of the repository.
pub(crate) struct Sources {
    root: PathBuf,
    chapters: Vec<Chapter>,
    /// Crates below `xtask`, whose files a page can show. The book need not show all of their lines.
    tools: Vec<Chapter>,
    /// A cache of parsed files, because a page shows a file in pieces, and parsing takes most of the time.
    known: RefCell<BTreeMap<PathBuf, Rc<Source>>>,
}

/// A chapter's crate, `final`, or a tool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Chapter {
    /// `03_parser`, `final`, or `xtask/wire`.
    pub(crate) name: String,
    folder: PathBuf,
}

impl Sources {
    /// Finds the repository that this program was built in.
    pub(crate) fn find() -> Result<Sources> {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        let root = here.ancestors().nth(2).context("xtask/book lies two folders deep")?;
        let mut chapters = crates(&root.join("chapters"), "")?;
        chapters.push(Chapter { name: "final".to_string(), folder: root.join("final") });
        let tools = crates(&root.join("xtask"), "xtask/")?;
        Ok(Sources { root: root.to_path_buf(), chapters, tools, known: RefCell::default() })
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    pub(crate) fn chapters(&self) -> &[Chapter] {
        &self.chapters
    }

    /// Finds the chapter for `3`, `03`, `03_parser`, `ch03_parser` or `final`, or the tool for `xtask/wire`.
    pub(crate) fn chapter(&self, name: &str) -> Result<&Chapter> {
        let short = name.trim_start_matches("ch");
        let padded = format!("{short:0>2}_");
        let tool = self.tools.iter().find(|tool| tool.name == name);
        let is_chapter = |it: &&Chapter| it.name == short || it.name.starts_with(&padded);
        tool.or_else(|| self.chapters.iter().find(is_chapter)).with_context(|| {
            let known: Vec<_> = self.chapters.iter().map(|it| it.name.as_str()).collect();
            format!("no chapter `{name}`; there are {}", known.join(", "))
        })
    }

    /// A file of a chapter.
    pub(crate) fn read(&self, chapter: &Chapter, path: &str) -> Result<Rc<Source>> {
        let file = chapter.folder.join(path);
        if let Some(source) = self.known.borrow().get(&file) {
            return Ok(Rc::clone(source));
        }
        let source = Rc::new(chapter.read(path)?);
        self.known.borrow_mut().insert(file, Rc::clone(&source));
        Ok(source)
    }

    /// A file of a chapter, or `None` if the chapter has no such file.
    pub(crate) fn read_if_there(
        &self,
        chapter: &Chapter,
        path: &str,
    ) -> Result<Option<Rc<Source>>> {
        let is_there = chapter.folder.join(path).is_file();
        is_there.then(|| self.read(chapter, path)).transpose()
    }

    /// The chapter before this one.
    pub(crate) fn before(&self, chapter: &Chapter) -> Option<&Chapter> {
        let index = self.chapters.iter().position(|it| it == chapter)?;
        self.chapters.get(index.checked_sub(1)?)
    }
}

/// The crates in a directory, sorted by name, or none if there is no such directory.
fn crates(folder: &Path, prefix: &str) -> Result<Vec<Chapter>> {
    let mut crates = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let folder = entry?.path();
        if folder.join("Cargo.toml").is_file() {
            let name = folder.file_name().unwrap_or_default().to_string_lossy();
            crates.push(Chapter { name: format!("{prefix}{name}"), folder });
        }
    }
    crates.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(crates)
}

impl Chapter {
    /// `chapter 3`, for captions.
    pub(crate) fn title(&self) -> String {
        match self.name.split_once('_').and_then(|(number, _)| number.parse::<u32>().ok()) {
            Some(number) => format!("chapter {number}"),
            None => self.name.clone(),
        }
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The chapter's source files, sorted, relative to its directory.
    pub(crate) fn files(&self) -> Result<Vec<String>> {
        let mut files = vec!["Cargo.toml".to_string()];
        for part in ["examples", "public", "src", "tests"] {
            let folder = self.folder.join(part);
            if folder.is_dir() {
                files.extend(files::all(&folder)?.iter().map(|file| format!("{part}/{file}")));
            }
        }
        Ok(files)
    }

    fn read(&self, path: &str) -> Result<Source> {
        let Ok(text) = fs::read_to_string(self.folder.join(path)) else {
            let mut similar = self.files()?;
            similar.retain(|it| it.rsplit('/').next() == path.rsplit('/').next());
            let hint = match &similar[..] {
                [] => String::new(),
                similar => format!("; did you mean {}?", similar.join(" or ")),
            };
            bail!("chapter {} has no file `{path}`{hint}", self.name);
        };
        Source::new(path, &if path == "Cargo.toml" { without_steps(&text) } else { text })
    }
}

/// A manifest without the targets of the steps, and without the packages that only steps use. They are not part of the
/// chapter's lesson.
fn without_steps(manifest: &str) -> String {
    let sections = manifest.split("\n\n").filter(|section| !section.contains("path = \"steps/"));
    let text = sections.collect::<Vec<_>>().join("\n\n");
    let lines = text.split_inclusive('\n').filter(|line| !line.contains("# for the steps only"));
    lines.collect()
}

/// Cargo's target directory, which we also use for temporary files.
pub(crate) fn target(sources: &Sources) -> PathBuf {
    env::var_os("CARGO_TARGET_DIR").map_or_else(|| sources.root().join("target"), PathBuf::from)
}

/// A directory below the target directory, which is deleted when the value is dropped.
pub(crate) fn temporary(sources: &Sources, name: &str) -> Result<TempDir> {
    let folder = target(sources).join(name);
    fs::create_dir_all(&folder)?;
    tempfile::tempdir_in(&folder).with_context(|| folder.display().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manifest_is_shown_without_what_the_steps_need() {
        let rest = "[dev-dependencies]\nwire = 1\n\n[[example]]\nname = \"client\"\n\n[lints]\nworkspace = true\n";
        let all = rest.replace("wire = 1\n", "ch02 = 1 # for the steps only\nwire = 1\n").replace(
            "[lints]",
            "# The steps.\n[[example]]\nname = \"a\"\npath = \"steps/a.rs\"\n\n[lints]",
        );
        assert_eq!(without_steps(&all), rest);
    }
}
