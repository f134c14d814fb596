//! The front matter of a page, with the path that the page is on, and the stages of `cargo xtask climb` that it leads
//! to.
//!
//! ```text
//! ---
//! path: core
//! stage: 1, 2
//! ---
//! ```

use anyhow::{Context, Result, bail};
use wire::climb::{Stage, stages};

const FENCE: &str = "---";

/// Which readers a page is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Path {
    /// Everyone.
    Core,
    /// Readers of the whole chapter, file by file.
    Deeper,
    /// Readers who prepare for an interview.
    Interview,
}

impl Path {
    fn parse(name: &str) -> Result<Path> {
        let paths = [Path::Core, Path::Deeper, Path::Interview];
        let path = paths.into_iter().find(|path| path.title().to_lowercase() == name);
        path.with_context(|| format!("no path `{name}`; there are core, deeper, interview"))
    }

    fn title(self) -> &'static str {
        match self {
            Path::Core => "Core",
            Path::Deeper => "Deeper",
            Path::Interview => "Interview",
        }
    }
}

/// The contents of a page's front matter.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Front {
    /// `None` for a page outside the three paths, such as an appendix.
    pub(crate) path: Option<Path>,
    /// The numbers of the stages.
    pub(crate) stages: Vec<u8>,
}

/// The number of lines of the front matter with its delimiters. 0 if it is missing or unterminated.
pub(crate) fn lines(text: &str) -> usize {
    let mut lines = text.lines();
    if lines.next().is_none_or(|line| line.trim_end() != FENCE) {
        return 0;
    }
    lines.position(|line| line.trim_end() == FENCE).map_or(0, |at| at + 2)
}

impl Front {
    /// Parses the front matter of this page. Without front matter, a page in a directory `deeper` is a deeper page.
    pub(crate) fn read(page: &str, text: &str) -> Result<Front> {
        let mut front = Front::default();
        if page.split('/').any(|folder| folder == "deeper") {
            front.path = Some(Path::Deeper);
        }
        let count = lines(text);
        if count == 0 && text.lines().next().is_some_and(|line| line.trim_end() == FENCE) {
            bail!("book/src/{page}:1: the front matter has no `---` at its end");
        }
        let all = stages();
        for (index, line) in text.lines().enumerate().take(count.saturating_sub(1)).skip(1) {
            front.line(line, &all).with_context(|| format!("book/src/{page}:{}", index + 1))?;
        }
        Ok(front)
    }

    fn line(&mut self, line: &str, all: &[Stage]) -> Result<()> {
        let (key, value) = line.split_once(':').unwrap_or((line, ""));
        // The value may be followed by a comment, as in YAML.
        let value = value.split(" #").next().unwrap_or_default().trim();
        match key.trim() {
            "path" => self.path = Some(Path::parse(value)?),
            "stage" => {
                for number in value.split(',').map(str::trim) {
                    let stage = all.iter().find(|stage| stage.number.to_string() == number);
                    let stage = stage.with_context(|| {
                        format!("no stage `{number}`; they are numbered from 1 to {}", all.len())
                    })?;
                    self.stages.push(stage.number);
                }
            }
            key => bail!("no key `{key}` in front matter; there are path, stage"),
        }
        Ok(())
    }

    /// The line below the title, with the path, the reading time, and the stages. `None` for a page on no path.
    pub(crate) fn below_title(&self, minutes: usize) -> Option<String> {
        let path = self.path?.title();
        let minutes =
            if minutes == 1 { "1 minute".to_string() } else { format!("{minutes} minutes") };
        let titles = stages()
            .into_iter()
            .filter(|stage| self.stages.contains(&stage.number))
            .map(|stage| format!("stage {}, {}", stage.number, stage.title));
        let titles = titles.collect::<Vec<_>>().join(", and to ");
        let leads =
            if titles.is_empty() { String::new() } else { format!(" · leads to {titles}") };
        Some(format!("<p class=\"course-meta\">{path} · {minutes}{leads}</p>"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn front_matter_has_a_path_and_stages() {
        let text = "---\npath: core\nstage: 1, 2   # optional\n---\n# A\n";
        let front = Front { path: Some(Path::Core), stages: vec![1, 2] };
        assert_eq!(Front::read("part1/a.md", text).unwrap(), front);
        assert_eq!(lines(text), 4);
        assert_eq!(Front::read("a.md", "# A\n\n---\n").unwrap(), Front::default());
        assert_eq!(Front::read("p/deeper/a.md", "# A\n").unwrap().path, Some(Path::Deeper));
    }

    #[test]
    fn what_is_not_understood_is_an_error_with_its_line() {
        for (text, expected) in [
            ("---\npath: deep\n---\n", "2: no path `deep`; there are core, deeper, interview"),
            ("---\npath: core\nstage: 99\n---\n", "3: no stage `99`; they are numbered from 1 to"),
            (
                "---\nminutes: 3\n---\n",
                "2: no key `minutes` in front matter; there are path, stage",
            ),
            ("---\npath: core\n", "1: the front matter has no `---` at its end"),
        ] {
            let error = format!("{:#}", Front::read("a.md", text).unwrap_err());
            assert!(error.starts_with(&format!("book/src/a.md:{expected}")), "{error}");
        }
    }
}
