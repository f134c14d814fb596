//! An exercise on a page: its task, and its hints folded away.

use std::fmt::Write;
use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::source::Sources;

pub(crate) fn render(sources: &Sources, number: &str) -> Result<String> {
    let folder = folder(sources, number)?;
    let read = |name: &str| {
        let file = folder.join(name);
        fs::read_to_string(&file).with_context(|| file.display().to_string())
    };
    let mut page = String::from("<div class=\"exercise\">\n\n");
    page.push_str(&demote(&read("task.md")?));
    page.push('\n');
    for (index, hint) in hints(&read("hints.md")?).iter().enumerate() {
        let _ = write!(
            page,
            "\n<details class=\"hint\"><summary>Hint {}</summary>\n\n{hint}\n\n</details>\n",
            index + 1
        );
    }
    page.push_str("\n</div>\n");
    Ok(page)
}

fn folder(sources: &Sources, number: &str) -> Result<PathBuf> {
    let prefix = format!("{number:0>2}_");
    let mut known = Vec::new();
    for chapter in sources.chapters() {
        let Ok(entries) = fs::read_dir(chapter.folder().join("exercises")) else { continue };
        for entry in entries {
            let path = entry?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if name.starts_with(&prefix) {
                return Ok(path);
            }
            known.push(name);
        }
    }
    known.sort();
    anyhow::bail!("no exercise `{number}`; there are {}", known.join(", "))
}

/// One level lower, because the page has a title of its own.
fn demote(markdown: &str) -> String {
    let mut in_fence = false;
    let lines = markdown.lines().map(|line| {
        in_fence ^= line.starts_with("```");
        if line.starts_with('#') && !in_fence { format!("#{line}") } else { line.to_string() }
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// The sections of `hints.md`, without their headings.
fn hints(markdown: &str) -> Vec<String> {
    markdown
        .split("\n## ")
        .skip(1)
        .map(|section| section.split_once('\n').map_or("", |(_, text)| text).trim().to_string())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hints_are_the_sections_of_their_file() {
        assert_eq!(hints("# Hints\n\n## 1\n\nfirst\n\n## 2\nsecond\n"), ["first", "second"]);
    }

    #[test]
    fn headings_go_down_a_level_and_comments_in_code_do_not() {
        assert_eq!(demote("# A\n```\n# b\n```\n## C"), "## A\n```\n# b\n```\n### C");
    }
}
