//! A chapter's files, each with a line that says what it is, marked when it is new or changed.

use std::fmt::Write;

use anyhow::Result;

use crate::source::{Chapter, Sources};

pub(crate) fn render(sources: &Sources, chapter: &Chapter) -> Result<String> {
    let before = sources.before(chapter);
    let mut rows = String::new();
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
        let _ = writeln!(
            rows,
            "<tr class=\"{mark}\"><td style=\"padding-left:{depth}em\"><code>{path}</code></td><td>{mark}</td><td>{about}</td></tr>"
        );
    }
    Ok(format!(
        "<div class=\"table-wrapper\"><table class=\"tree\"><thead><tr><th>file of {}</th><th></th><th>what it is</th></tr></thead><tbody>\n{rows}</tbody></table></div>\n",
        chapter.title()
    ))
}

/// The first line of a file's own comment, as HTML.
fn about(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    let line = line.strip_prefix("//!").unwrap_or_default().trim();
    let line = line.replace('&', "&amp;").replace('<', "&lt;");
    // A sentence that goes on below is cut where it pauses.
    let line = line.strip_suffix([':', ',']).map_or(line.clone(), |line| format!("{line}."));
    let parts: Vec<&str> = line.split('`').collect();
    if parts.len().is_multiple_of(2) {
        return line;
    }
    let code = |(index, part): (usize, &&str)| match index % 2 {
        0 => (*part).to_string(),
        _ => format!("<code>{part}</code>"),
    };
    parts.iter().enumerate().map(code).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_described_by_its_first_line() {
        assert_eq!(about("//! Runs `a<b>`.\n//! More."), "Runs <code>a&lt;b></code>.");
        assert_eq!(about("//! Measured here:\n"), "Measured here.");
        assert_eq!(about("fn main() {}\n"), "");
    }

    #[test]
    fn files_of_a_later_chapter_are_marked() {
        let sources = Sources::find().unwrap();
        let html = render(&sources, sources.chapter("2").unwrap()).unwrap();
        assert!(html.contains("<code>src/core/task_queue.rs</code></td><td>new</td>"), "{html}");
        assert!(html.contains("<code>src/server.rs</code></td><td>changed</td>"), "{html}");
        assert!(html.contains("<code>src/arguments.rs</code></td><td></td>"), "{html}");
    }
}
