//! The chapters and their files, for the book's tools.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use anyhow::{Context, Result, bail};
use syn::spanned::Spanned;

/// Lines of a file, counted from 1.
pub(crate) type Lines = RangeInclusive<usize>;

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
        Sources::at(root)
    }

    /// The repository at `root`.
    pub(crate) fn at(root: &Path) -> Result<Sources> {
        let mut chapters = Vec::new();
        let folder = root.join("chapters");
        for entry in fs::read_dir(&folder).with_context(|| folder.display().to_string())? {
            let path = entry?.path();
            if path.join("Cargo.toml").is_file() {
                let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
                chapters.push(Chapter { name, folder: path });
            }
        }
        chapters.sort_by(|a, b| a.name.cmp(&b.name));
        let last = root.join("final");
        if last.join("Cargo.toml").is_file() {
            chapters.push(Chapter { name: "final".to_string(), folder: last });
        }
        let tools = tools(root)?;
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
        if let Some(tool) = self.tools.iter().find(|tool| tool.name == name) {
            return Ok(tool);
        }
        let short = name.trim_start_matches("ch");
        let padded = format!("{short:0>2}_");
        self.chapters
            .iter()
            .find(|chapter| chapter.name == short || chapter.name.starts_with(&padded))
            .with_context(|| {
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

    /// The chapter before this one.
    pub(crate) fn before(&self, chapter: &Chapter) -> Option<&Chapter> {
        let index = self.chapters.iter().position(|it| it == chapter)?;
        self.chapters.get(index.checked_sub(1)?)
    }
}

/// The crates below `xtask`, or none if there is no such directory.
fn tools(root: &Path) -> Result<Vec<Chapter>> {
    let mut tools = Vec::new();
    let Ok(entries) = fs::read_dir(root.join("xtask")) else { return Ok(tools) };
    for entry in entries {
        let folder = entry?.path();
        if folder.join("Cargo.toml").is_file() {
            let name = folder.file_name().unwrap_or_default().to_string_lossy();
            tools.push(Chapter { name: format!("xtask/{name}"), folder });
        }
    }
    Ok(tools)
}

impl Chapter {
    /// `Chapter 3`, for captions.
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
    pub(crate) fn files(&self) -> Result<BTreeSet<String>> {
        let mut files = BTreeSet::from(["Cargo.toml".to_string()]);
        for part in ["src", "examples", "tests", "public"] {
            collect(&self.folder, &self.folder.join(part), &mut files)?;
        }
        Ok(files)
    }

    fn read(&self, path: &str) -> Result<Source> {
        let file = self.folder.join(path);
        let Ok(text) = fs::read_to_string(&file) else {
            let similar: Vec<_> = self
                .files()?
                .into_iter()
                .filter(|it| it.rsplit('/').next() == path.rsplit('/').next())
                .collect();
            let hint = if similar.is_empty() {
                String::new()
            } else {
                format!("; did you mean {}?", similar.join(" or "))
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

fn collect(root: &Path, folder: &Path, files: &mut BTreeSet<String>) -> Result<()> {
    if !folder.is_dir() {
        return Ok(());
    }
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(root, &path, files)?;
        } else {
            let relative = path.strip_prefix(root)?.to_string_lossy().replace('\\', "/");
            files.insert(relative);
        }
    }
    Ok(())
}

/// The text of a file, and the ranges of its lines that are tests.
pub(crate) struct Source {
    pub(crate) path: String,
    lines: Vec<String>,
    tests: Vec<Lines>,
    /// `None` for a file that is not Rust.
    parsed: Option<syn::File>,
}

impl Source {
    pub(crate) fn new(path: &str, text: &str) -> Result<Source> {
        let lines = text.lines().map(str::to_string).collect();
        let mut tests = Vec::new();
        let mut parsed = None;
        if is_rust(path) {
            let file = syn::parse_file(text).with_context(|| format!("{path} is not Rust"))?;
            for item in &file.items {
                if let syn::Item::Mod(module) = item
                    && module.attrs.iter().any(is_test_only)
                {
                    let span = item.span();
                    tests.push(span.start().line..=span.end().line);
                }
            }
            parsed = Some(file);
        }
        Ok(Source { path: path.to_string(), lines, tests, parsed })
    }

    pub(crate) fn line(&self, number: usize) -> &str {
        self.lines.get(number - 1).map_or("", String::as_str)
    }

    pub(crate) fn is_test(&self, number: usize) -> bool {
        self.tests.iter().any(|lines| lines.contains(&number))
    }

    /// The lines that are not tests, without trailing blank lines.
    pub(crate) fn code(&self) -> Vec<usize> {
        let mut code: Vec<_> =
            (1..=self.lines.len()).filter(|number| !self.is_test(*number)).collect();
        while code.last().is_some_and(|number| self.line(*number).trim().is_empty()) {
            code.pop();
        }
        code
    }

    /// The items of a Rust file, or nothing for another file.
    pub(crate) fn items(&self) -> &[syn::Item] {
        self.parsed.as_ref().map_or(&[], |file| &file.items)
    }
}

/// Cargo's target directory, which we also use for temporary files.
pub(crate) fn target(sources: &Sources) -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR")
        .map_or_else(|| sources.root().join("target"), PathBuf::from)
}

pub(crate) fn is_rust(path: &str) -> bool {
    Path::new(path).extension().is_some_and(|extension| extension == "rs")
}

/// Whether an attribute is `#[cfg(test)]`, also inside `all(…)`.
fn is_test_only(attribute: &syn::Attribute) -> bool {
    let syn::Meta::List(list) = &attribute.meta else { return false };
    let condition = list.tokens.to_string();
    list.path.is_ident("cfg")
        && (condition == "test" || condition.replace(' ', "").starts_with("all(test"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tool_can_be_shown_and_is_no_chapter() {
        let sources = Sources::find().unwrap();
        let tool = sources.chapter("xtask/wire").unwrap();
        assert!(sources.read(tool, "src/lib.rs").is_ok());
        assert_eq!((tool.title().as_str(), sources.before(tool)), ("xtask/wire", None));
        assert!(!sources.chapters().contains(tool));
    }

    #[test]
    fn a_manifest_is_shown_without_what_the_steps_need() {
        let rest = "[dev-dependencies]\nwire = 1\n\n[[example]]\nname = \"client\"\n\n[lints]\nworkspace = true\n";
        let all = rest.replace("wire = 1\n", "ch02 = 1 # for the steps only\nwire = 1\n").replace(
            "[lints]",
            "# The steps.\n[[example]]\nname = \"a\"\npath = \"steps/a.rs\"\n\n[lints]",
        );
        assert_eq!(without_steps(&all), rest);
    }

    #[test]
    fn tests_at_the_end_of_a_file_are_no_code() {
        let text = "//! Doc.\n\nfn a() {}\n\n#[cfg(all(test, not(loom)))]\nmod tests {\n    fn b() {}\n}\n";
        let source = Source::new("src/a.rs", text).unwrap();
        assert_eq!(source.code(), [1, 2, 3]);
        assert!(source.is_test(7));
    }
}
