//! An exercise on a page, with its task, its hints in a fold, and notes about its solutions.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::files;
use crate::page::{self, Part};
use crate::sources::{Chapter, Sources};

pub(crate) fn render(sources: &Sources, number: &str) -> Result<String> {
    let all = all(sources)?;
    let folder = all.iter().find(|folder| is_number(folder, number)).with_context(|| {
        let known: Vec<String> = all.iter().map(|folder| name(folder)).collect();
        format!("no exercise `{number}`; there are {}", known.join(", "))
    })?;
    let (_, task) = task(folder)?;
    let mut page = format!("<div class=\"exercise\">\n\n{}\n", demote(&task));
    for (index, hint) in hints(&files::read(folder, "hints.md")?).iter().enumerate() {
        let _ = write!(
            page,
            "\n<details class=\"hint\"><summary>Hint {}</summary>\n\n{hint}\n\n</details>\n",
            index + 1
        );
    }
    Ok(page + &discussion(folder, number)? + "\n</div>\n")
}

/// The descriptions in the exercise's patches. Taking them from the patches keeps them true, because `prove-exercises`
/// tries each of them.
fn discussion(folder: &Path, number: &str) -> Result<String> {
    let mut page = String::from(
        "\n<details class=\"hint discussion\"><summary>The solutions, discussed (this gives them away)</summary>\n",
    );
    let (solution, _) = description(&files::read(folder, "solution.patch")?);
    let _ = write!(page, "\n**The reference solution.** {solution} ");
    let _ = writeln!(page, "`cargo xtask solution {number}` shows it.");
    for (name, (text, _)) in patches(&folder.join("alternatives"))? {
        let _ = writeln!(page, "\n**Another design, as right:** {name}. {text}");
    }
    page.push_str("\n**Plausible, and wrong:**\n\n");
    for (name, (text, check)) in patches(&folder.join("wrong"))? {
        let _ = writeln!(page, "- *{name}.* {text} Caught by: \u{201c}{check}\u{201d}.");
    }
    Ok(page + "\n</details>\n")
}

/// The text above a patch, and the check that catches it, if it is wrong.
fn description(patch: &str) -> (String, String) {
    let (mut text, mut check) = (Vec::new(), "");
    for line in patch.lines().take_while(|line| !line.starts_with("diff --git")) {
        match line.split_once(": ") {
            Some(("Caught-by", name)) => check = name,
            _ if line.is_empty() => {}
            _ => text.push(line),
        }
    }
    (text.join(" "), check.to_string())
}

/// The descriptions of the patches in a directory, sorted, each with a readable name. A missing directory has none.
fn patches(folder: &Path) -> Result<Vec<(String, (String, String))>> {
    let mut patches = Vec::new();
    for file in if folder.is_dir() { files::below(folder, "patch")? } else { Vec::new() } {
        let name = file.trim_end_matches(".patch").replace('_', " ");
        patches.push((name, description(&files::read(folder, &file)?)));
    }
    Ok(patches)
}

/// The directories of a chapter's exercises, sorted, such as `01_curl`.
pub(crate) fn of(chapter: &Chapter) -> Result<Vec<PathBuf>> {
    let mut folders = Vec::new();
    for entry in fs::read_dir(chapter.folder().join("exercises")).into_iter().flatten() {
        folders.push(entry?.path());
    }
    folders.retain(|folder| folder.is_dir());
    folders.sort();
    Ok(folders)
}

/// The directories of all exercises.
fn all(sources: &Sources) -> Result<Vec<PathBuf>> {
    let folders: Result<Vec<_>> = sources.chapters().iter().map(of).collect();
    Ok(folders?.concat())
}

/// Whether this directory has the exercise with the page's number.
fn is_number(folder: &Path, number: &str) -> bool {
    name(folder).starts_with(&format!("{number:0>2}_"))
}

fn name(folder: &Path) -> String {
    folder.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// Finds exercises that no page shows, and pages whose title differs from the title of their exercise. The title contains
/// the number, because every command needs it. Returns the number of exercises.
pub(crate) fn check(
    sources: &Sources,
    pages: &[(String, String)],
    problems: &mut Vec<String>,
) -> Result<usize> {
    let mut shown = Vec::new();
    for (page, text) in pages {
        for part in page::parts(text) {
            if let Part::Directive(_, directive) = part
                && let Some(number) = directive.strip_prefix("exercise ")
            {
                shown.push((page, text, number.to_string()));
            }
        }
    }
    let folders = all(sources)?;
    for folder in &folders {
        let mut pages = shown.iter().filter(|(.., number)| is_number(folder, number));
        let Some((page, text, number)) = pages.next() else {
            let folder = folder.strip_prefix(sources.root()).unwrap_or(folder).display();
            problems.push(format!("{folder}: on no page; `{{{{#exercise N}}}}` shows it"));
            continue;
        };
        let title = format!("# Exercise {number}: {}", task(folder)?.0);
        if !text.lines().any(|line| line == title) {
            problems.push(format!("book/src/{page}: its title must be `{title}`"));
        }
    }
    Ok(folders.len())
}

/// The title of the task, and the text below it.
fn task(folder: &Path) -> Result<(String, String)> {
    let task = files::read(folder, "task.md")?;
    let parts = task.strip_prefix("# ").and_then(|task| task.split_once('\n'));
    let (title, text) = parts.with_context(|| {
        format!("{}: `task.md` begins with its title, `# Title`", folder.display())
    })?;
    Ok((title.to_string(), text.trim_start().to_string()))
}

/// Headings move one level down, because the page has its own title.
fn demote(markdown: &str) -> String {
    let mut in_fence = false;
    let lines = markdown.lines().map(|line| {
        in_fence ^= line.starts_with("```");
        if line.starts_with('#') && !in_fence { format!("#{line}") } else { line.to_string() }
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// The sections of `hints.md`, without their headings.
fn hints(markdown: &str) -> Vec<&str> {
    let sections = markdown.split("\n## ").skip(1);
    sections.map(|section| section.split_once('\n').map_or("", |(_, text)| text.trim())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exercise_on_no_page_or_below_another_title_is_found() {
        let sources = Sources::find().unwrap();
        let mut pages = files::pages(sources.root()).unwrap();
        for (_, text) in &mut pages {
            *text = text.replace("{{#exercise 1}}", "```text\n{{#exercise 1}}\n```");
            *text = text.replace("# Exercise 2: ", "# Exercise 3: ");
        }
        let mut problems = Vec::new();
        check(&sources, &pages, &mut problems).unwrap();
        let [no_page, title] = &problems[..] else { panic!("{problems:?}") };
        assert!(no_page.ends_with("01_curl: on no page; `{{#exercise N}}` shows it"), "{no_page}");
        assert!(title.contains("its title must be `# Exercise 2: "), "{title}");
    }

    #[test]
    fn hints_are_the_sections_of_their_file() {
        assert_eq!(hints("# Hints\n\n## 1\n\nfirst\n\n## 2\nsecond\n"), ["first", "second"]);
    }

    #[test]
    fn a_patch_is_described_before_it_begins() {
        let patch = "Caught-by: it is so\n\nOne line\nand: one more.\n\ndiff --git a b\nx\n";
        let (text, check) = ("One line and: one more.".to_string(), "it is so".to_string());
        assert_eq!(description(patch), (text, check));
    }

    #[test]
    fn headings_go_down_a_level_and_comments_in_code_do_not() {
        assert_eq!(demote("# A\n```\n# b\n```\n## C"), "## A\n```\n# b\n```\n### C");
    }
}
