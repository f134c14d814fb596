//! Code on a page, with a caption that names its file.

use std::path::Path;

use crate::items::Piece;
use crate::source::{Chapter, Source};

pub(crate) fn whole(chapter: &Chapter, source: &Source, lines: &[usize]) -> String {
    let code: Vec<&str> = lines.iter().map(|number| source.line(*number)).collect();
    listing(&caption(chapter, source), language(&source.path), &code.join("\n"))
}

/// Joins pieces of a file with blank lines. A method is shown inside its `impl`.
pub(crate) fn pieces(chapter: &Chapter, source: &Source, pieces: &[Piece]) -> String {
    let mut code = String::new();
    let mut open = None;
    for piece in pieces {
        if open != piece.inside {
            if open.is_some() {
                code.push_str("}\n");
            }
            if !code.is_empty() {
                code.push('\n');
            }
            if let Some(head) = piece.inside {
                code.push_str(source.line(head));
                code.push('\n');
            }
            open = piece.inside;
        } else if !code.is_empty() {
            code.push('\n');
        }
        for number in piece.lines.clone() {
            code.push_str(source.line(number));
            code.push('\n');
        }
    }
    if open.is_some() {
        code.push_str("}\n");
    }
    listing(&caption(chapter, source), language(&source.path), code.trim_end())
}

pub(crate) fn difference(old: &Chapter, new: &Chapter, source: &Source, text: &str) -> String {
    let caption = format!("<code>{}</code>, {} → {}", source.path, old.title(), new.title());
    listing(&caption, "diff", text.trim_end())
}

fn caption(chapter: &Chapter, source: &Source) -> String {
    format!("<code>{}</code>, {}", source.path, chapter.title())
}

/// Code in this language below a caption, which is HTML.
pub(crate) fn listing(caption: &str, language: &str, code: &str) -> String {
    // Code that contains a fence needs a longer fence around it.
    let longest = code
        .lines()
        .map(|line| {
            line.trim_start_matches([' ', '+', '-', '/'])
                .bytes()
                .take_while(|byte| *byte == b'`')
                .count()
        })
        .max();
    let fence = "`".repeat(longest.unwrap_or(0).max(2) + 1);
    format!(
        "<div class=\"listing\">\n<p class=\"listing-caption\">{caption}</p>\n\n{fence}{language}\n{code}\n{fence}\n\n</div>\n"
    )
}

fn language(path: &str) -> &'static str {
    match Path::new(path).extension().and_then(|extension| extension.to_str()) {
        // `noplayground`, because the code needs its crate and can't run alone.
        Some("rs") => "rust,noplayground",
        Some("toml") => "toml",
        Some("html") => "html",
        _ => "text",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::items::find;
    use crate::source::Sources;

    #[test]
    fn methods_stand_inside_their_impl() {
        let sources = Sources::find().unwrap();
        let chapter = sources.chapter("1").unwrap();
        let source =
            Source::new("a.rs", "struct A;\nimpl A {\n    fn b() {}\n    fn c() {}\n}\n").unwrap();
        let mut found = find(&source, "A::b").unwrap();
        found.extend(find(&source, "A::c").unwrap());
        let text = pieces(chapter, &source, &found);
        assert!(text.contains("\nimpl A {\n    fn b() {}\n\n    fn c() {}\n}\n"), "{text}");
    }
}
