//! A chapter's files, each with a one-line description, marked when it is new or changed.

use std::fmt::Write;

use anyhow::{Context, Result, bail};

use crate::arguments::word;
use crate::html::{escaped, with_code};
use crate::sources::Sources;

/// `CHAPTER [fold]`. With `fold`, files that are unchanged since the chapter before are in a fold after the rest,
/// because among a hundred rows the reader looks for the twenty that this chapter is about.
pub(crate) fn render(sources: &Sources, rest: &str) -> Result<String> {
    let (chapter, option) = word(rest);
    let (chapter, is_folded) = (sources.chapter(chapter)?, option == "fold");
    if !is_folded && !option.is_empty() {
        bail!("`tree` has no option `{option}`; there is fold");
    }
    let before = sources.before(chapter);
    let mut rows = String::new();
    let (mut same, mut same_rows) = (0, String::new());
    for path in chapter.files()? {
        let text = std::fs::read(chapter.folder().join(&path))?;
        let mark = match before.map(|before| std::fs::read(before.folder().join(&path))) {
            None => "",
            Some(Err(_)) => "new",
            Some(Ok(old)) if old == text => "",
            Some(Ok(_)) => "changed",
        };
        let about = about(&String::from_utf8_lossy(&text));
        let depth = path.matches('/').count();
        let file = format!("<td style=\"padding-left:{depth}em\"><code>{path}</code></td>");
        if is_folded && mark.is_empty() {
            same += 1;
            let _ = writeln!(same_rows, "<tr>{file}<td>{about}</td></tr>");
        } else {
            let row = format!("<tr class=\"{mark}\">{file}<td>{mark}</td><td>{about}</td></tr>");
            let _ = writeln!(rows, "{row}");
        }
    }
    let title = chapter.title();
    let mut html = table(&format!("<th>file of {title}</th><th></th><th>what it is</th>"), &rows);
    if is_folded {
        let before = before.with_context(|| format!("there is no chapter before {title}"))?.title();
        let table = table("<th>file</th><th>what it is</th>", &same_rows);
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
    let sentence = first_sentence(&paragraph);
    // A sentence that ends in a list is complete without the list.
    let sentence = match sentence.strip_suffix(':') {
        Some(sentence) => format!("{sentence}."),
        None => sentence.to_string(),
    };
    with_code(&sentence, escaped)
}

/// The text up to the first full stop that is followed by a space and isn't inside code.
fn first_sentence(paragraph: &str) -> &str {
    let is_end = |&(place, _): &(usize, &str)| {
        paragraph[..place].ends_with(['.', '?', '!'])
            && paragraph[..place].matches('`').count().is_multiple_of(2)
    };
    match paragraph.match_indices(' ').find(is_end) {
        Some((place, _)) => &paragraph[..place],
        None => paragraph,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_described_by_its_first_sentence() {
        assert_eq!(about("//! Runs `a<b>`.\n//! More."), "Runs <code>a&lt;b&gt;</code>.");
        assert_eq!(about("//! Measured here:\n"), "Measured here.");
        assert_eq!(about("fn main() {}\n"), "");
    }

    /// Regression test: such a comment was cut at the end of its first line, in the middle of the sentence.
    #[test]
    fn a_sentence_may_take_several_lines_and_be_followed_by_another() {
        let two_lines = "//! Clients are slow,\n//! and some are\n//! many.\n\nuse std::fs;\n";
        assert_eq!(about(two_lines), "Clients are slow, and some are many.");
        assert_eq!(about("//! One of\n//! two. The other\n//! one.\n"), "One of two.");
        assert_eq!(about("//! Is it\n//! so? It is.\n"), "Is it so?");
        assert_eq!(about("//! No stop\n//!\n//! More.\n"), "No stop");
        assert_eq!(about("//! These\n//! steps:\n//!\n//! 1. Open it."), "These steps.");
        assert_eq!(
            about("//! Says `a. b`,\n//! 1.1 of it. No."),
            "Says <code>a. b</code>, 1.1 of it."
        );
        assert_eq!(about("//! Makes a [`Head`]\n//! of it."), "Makes a <code>Head</code> of it.");
    }

    #[test]
    fn files_of_a_later_chapter_are_marked_and_the_others_can_be_folded() {
        let html = |rest| render(&Sources::find().unwrap(), rest).unwrap();
        let (all, folded) = (html("2"), html("2 fold"));
        for html in [&all, &folded] {
            assert!(
                html.contains("<code>src/core/task_queue.rs</code></td><td>new</td>"),
                "{html}"
            );
            assert!(html.contains("<code>src/server.rs</code></td><td>changed</td>"), "{html}");
            // A blank line would end the HTML block.
            assert!(!html.contains("\n\n"), "{html}");
        }
        assert!(all.contains("<code>src/arguments.rs</code></td><td></td>"), "{all}");
        let (seen, same) = folded.split_once("<details class=\"same\"><summary>").unwrap();
        let (files, same) = same.split_once(" files as in chapter 1</summary>").unwrap();
        assert!(
            !seen.contains("src/arguments.rs") && same.contains("src/arguments.rs"),
            "{folded}"
        );
        assert_eq!(same.matches("<tr><td").count().to_string(), files);
    }

    #[test]
    fn an_option_that_there_is_not_and_a_first_chapter_are_refused() {
        let error = |rest| render(&Sources::find().unwrap(), rest).unwrap_err().to_string();
        assert_eq!(error("2 folded"), "`tree` has no option `folded`; there is fold");
        assert_eq!(error("1 fold"), "there is no chapter before chapter 1");
    }
}
