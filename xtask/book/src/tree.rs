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
        let first = String::from_utf8_lossy(&text).lines().next().unwrap_or_default().to_string();
        let about = first.strip_prefix("//!").unwrap_or_default().trim();
        let about = about.replace('&', "&amp;").replace('<', "&lt;");
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
