//! A chapter's files, each with a one-line description, marked when it is new or changed.

use std::fmt::Write;
use std::fs;

use anyhow::Result;

use crate::html::{escaped, with_code};
use crate::pattern::regex;
use crate::sources::Sources;

/// In a chapter with more files, those that are unchanged since the chapter before are in a fold after the rest, because
/// among a hundred rows the reader looks for the twenty that this chapter is about.
const MAX_UNFOLDED: usize = 80;

/// Renders the files of a chapter.
pub(crate) fn render(sources: &Sources, chapter: &str) -> Result<String> {
    let (chapter, files) = (sources.chapter(chapter)?, sources.chapter(chapter)?.files()?);
    let before = sources.before(chapter);
    let folds = before.filter(|_| files.len() > MAX_UNFOLDED);
    let mut rows = String::new();
    let (mut same, mut same_rows) = (0, String::new());
    for path in files {
        let text = fs::read(chapter.folder().join(&path))?;
        let mark = match before.map(|before| fs::read(before.folder().join(&path))) {
            None => "",
            Some(Err(_)) => "new",
            Some(Ok(old)) if old == text => "",
            Some(Ok(_)) => "changed",
        };
        let about = about(&String::from_utf8_lossy(&text));
        let depth = path.matches('/').count();
        let file = format!("<td style=\"padding-left:{depth}em\"><code>{path}</code></td>");
        if folds.is_some() && mark.is_empty() {
            same += 1;
            let _ = writeln!(same_rows, "<tr>{file}<td>{about}</td></tr>");
        } else {
            let row = format!("<tr class=\"{mark}\">{file}<td>{mark}</td><td>{about}</td></tr>");
            let _ = writeln!(rows, "{row}");
        }
    }
    let title = chapter.title();
    let mut html = table(&format!("<th>file of {title}</th><th></th><th>what it is</th>"), &rows);
    if let Some(before) = folds {
        let (before, table) =
            (before.title(), table("<th>file</th><th>what it is</th>", &same_rows));
        let _ = write!(
            html,
            "<details class=\"same\"><summary>{same} files as in {before}</summary>\n{table}</details>\n"
        );
    }
    Ok(html)
}

fn table(head: &str, rows: &str) -> String {
    format!(
        "<div class=\"table-wrapper\"><table class=\"tree\"><thead><tr>{head}</tr></thead><tbody>\n{rows}</tbody></table></div>\n"
    )
}

/// The first sentence of a file's own comment, as HTML. It may take several lines.
fn about(text: &str) -> String {
    let lines = text.lines().map_while(|line| line.strip_prefix("//!")).map(str::trim);
    let lines: Vec<&str> = lines.take_while(|line| !line.is_empty()).collect();
    // A name that rustdoc would link is shown as code.
    let paragraph = lines.join(" ").replace("[`", "`").replace("`]", "`");
    // A full stop inside code does not end the sentence.
    let sentence = regex!(r"^((?:`[^`]*`|[^`])*?[.?!]) ").captures(&paragraph);
    let sentence = sentence.map_or(paragraph.clone(), |found| found[1].to_string());
    // A sentence that ends in a list is complete without the list.
    with_code(&regex!(":$").replace(&sentence, "."), escaped)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_described_by_the_first_sentence_of_its_comment() {
        for (text, expected) in [
            ("//! Runs `a<b>`.\n//! More.", "Runs <code>a&lt;b&gt;</code>."),
            ("//! Measured here:\n", "Measured here."),
            ("fn main() {}\n", ""),
            // Regression test: this comment was cut at the end of its first line.
            (
                "//! Clients are slow,\n//! and many.\n\nuse std::fs;\n",
                "Clients are slow, and many.",
            ),
            ("//! One of\n//! two. The other\n//! one.\n", "One of two."),
            ("//! Is it\n//! so? It is.\n", "Is it so?"),
            ("//! No stop\n//!\n//! More.\n", "No stop"),
            ("//! Says `a. b`,\n//! 1.1 of it. No.", "Says <code>a. b</code>, 1.1 of it."),
            ("//! Makes a [`Head`]\n//! of it.", "Makes a <code>Head</code> of it."),
        ] {
            assert_eq!(about(text), expected);
        }
    }

    #[test]
    fn files_of_a_later_chapter_are_marked_and_the_others_of_many_are_in_a_fold() {
        let html = |chapter| render(&Sources::find().unwrap(), chapter).unwrap();
        let (few, many) = (html("2"), html("6"));
        for row in [
            "<code>src/core/task_queue.rs</code></td><td>new</td>",
            "<code>src/server.rs</code></td><td>changed</td>",
            "<code>src/arguments.rs</code></td><td></td>",
        ] {
            assert!(few.contains(row), "{row} in {few}");
        }
        // A blank line would end the HTML block.
        assert!(!many.contains("\n\n"), "{many}");
        let (seen, same) = many.split_once("<details class=\"same\"><summary>").unwrap();
        let (files, same) = same.split_once(" files as in chapter 5</summary>").unwrap();
        let file = "src/core/task_queue.rs";
        assert!(!few.contains("<details") && !seen.contains(file) && same.contains(file), "{many}");
        assert_eq!(same.matches("<tr><td").count().to_string(), files);
    }
}
