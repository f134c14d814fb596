//! An exercise on a page, with its task, its hints in a fold, and notes about its solutions.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::files;
use crate::page::{self, Part};
use crate::sources::{Chapter, Sources};

pub(crate) fn render(sources: &Sources, number: &str) -> Result<String> {
    let folder = folder(sources, number)?;
    let mut page = String::from("<div class=\"exercise\">\n\n");
    page.push_str(&demote(untitled(&files::read(&folder, "task.md")?)));
    page.push('\n');
    for (index, hint) in hints(&files::read(&folder, "hints.md")?).iter().enumerate() {
        let _ = write!(
            page,
            "\n<details class=\"hint\"><summary>Hint {}</summary>\n\n{hint}\n\n</details>\n",
            index + 1
        );
    }
    page.push_str(&discussion(&folder, number)?);
    page.push_str("\n</div>\n");
    Ok(page)
}

/// The descriptions in the exercise's patches. Taking them from the patches keeps them true, because `prove-exercises`
/// tries each of them.
fn discussion(folder: &Path, number: &str) -> Result<String> {
    let mut page = String::from(
        "\n<details class=\"hint discussion\"><summary>The solutions, discussed (this gives them away)</summary>\n",
    );
    let solution = Told::of(&files::read(folder, "solution.patch")?);
    let _ = write!(page, "\n**The reference solution.** {} ", solution.text);
    let _ = writeln!(page, "`cargo xtask solution {number}` shows it.");
    for (name, told) in patches(&folder.join("alternatives"))? {
        let _ = writeln!(page, "\n**Another design, as right:** {name}. {}", told.text);
    }
    page.push_str("\n**Plausible, and wrong:**\n\n");
    for (name, told) in patches(&folder.join("wrong"))? {
        let _ = writeln!(
            page,
            "- *{name}.* {} Caught by: \u{201c}{}\u{201d}.",
            told.text, told.caught_by
        );
    }
    page.push_str("\n</details>\n");
    Ok(page)
}

/// The text above a patch.
#[derive(Debug, Default, PartialEq, Eq)]
struct Told {
    text: String,
    /// For a wrong solution, the check that catches it.
    caught_by: String,
}

impl Told {
    fn of(patch: &str) -> Told {
        let head = || patch.lines().take_while(|line| !line.starts_with("diff --git"));
        let caught_by = head().find_map(|line| line.strip_prefix("Caught-by: "));
        let is_text = |line: &&str| !line.is_empty() && !line.starts_with("Caught-by: ");
        Told {
            text: head().filter(is_text).collect::<Vec<_>>().join(" "),
            caught_by: caught_by.unwrap_or_default().to_string(),
        }
    }
}

/// The patches of a directory, sorted, each with a readable name. A missing directory has none.
fn patches(folder: &Path) -> Result<Vec<(String, Told)>> {
    let mut patches = Vec::new();
    for file in if folder.is_dir() { files::below(folder, "patch")? } else { Vec::new() } {
        let name = file.trim_end_matches(".patch").replace('_', " ");
        patches.push((name, Told::of(&files::read(folder, &file)?)));
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

fn folder(sources: &Sources, number: &str) -> Result<PathBuf> {
    let all = all(sources)?;
    all.iter().find(|folder| is_number(folder, number)).cloned().with_context(|| {
        let known: Vec<String> = all.iter().map(|folder| name(folder)).collect();
        format!("no exercise `{number}`; there are {}", known.join(", "))
    })
}

/// Finds exercises that no page shows, and pages whose title differs from the title of their exercise. Returns the
/// number of exercises.
pub(crate) fn check(
    sources: &Sources,
    pages: &[(String, String)],
    problems: &mut Vec<String>,
) -> Result<usize> {
    let folders = all(sources)?;
    for folder in &folders {
        let shown = |text: &str| {
            page::parts(text).into_iter().find_map(|part| match part {
                Part::Directive(_, text) => {
                    let number = text.strip_prefix("exercise ")?;
                    is_number(folder, number).then(|| number.to_string())
                }
                _ => None,
            })
        };
        let mut found = pages.iter().filter_map(|(page, text)| Some((page, text, shown(text)?)));
        let Some((page, text, number)) = found.next() else {
            let folder = folder.strip_prefix(sources.root()).unwrap_or(folder).display();
            problems.push(format!("{folder}: on no page; `{{{{#exercise N}}}}` shows it"));
            continue;
        };
        let title = title(folder, &number)?;
        if !text.lines().any(|line| line == title) {
            problems.push(format!("book/src/{page}: its title must be `{title}`"));
        }
    }
    Ok(folders.len())
}

/// The first heading of the page that shows this exercise. It contains the number, because every command needs it.
fn title(folder: &Path, number: &str) -> Result<String> {
    let task = files::read(folder, "task.md")?;
    let title = task.lines().next().unwrap_or_default().trim_start_matches("# ");
    Ok(format!("# Exercise {number}: {title}"))
}

/// The task without its title, which the page has already.
fn untitled(task: &str) -> &str {
    match task.strip_prefix("# ") {
        Some(rest) => rest.split_once('\n').map_or("", |(_, text)| text.trim_start()),
        None => task,
    }
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
    fn a_patch_tells_of_itself_before_it_begins() {
        let patch = "Caught-by: it is so\n\nOne line\nand one more.\n\ndiff --git a b\nx\n";
        let (text, caught_by) = ("One line and one more.".to_string(), "it is so".to_string());
        assert_eq!(Told::of(patch), Told { text, caught_by });
    }

    #[test]
    fn the_title_of_a_task_is_left_to_the_page() {
        assert_eq!(untitled("# A\n\ntext\n\n# B"), "text\n\n# B");
        assert_eq!(untitled("no title"), "no title");
    }

    #[test]
    fn headings_go_down_a_level_and_comments_in_code_do_not() {
        assert_eq!(demote("# A\n```\n# b\n```\n## C"), "## A\n```\n# b\n```\n### C");
    }
}
