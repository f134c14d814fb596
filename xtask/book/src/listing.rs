//! Code on a page, with a caption that names its file.

use std::collections::BTreeSet;
use std::path::Path;

use crate::items::Piece;
use crate::source::Source;
use crate::sources::Chapter;

/// An expanded directive, that is its Markdown and the lines that it shows.
#[derive(Debug, Default)]
pub(crate) struct Expanded {
    pub(crate) markdown: String,
    pub(crate) shown: Vec<Shown>,
}

/// Lines of a chapter's file that a page shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Shown {
    pub(crate) chapter: String,
    pub(crate) path: String,
    pub(crate) lines: BTreeSet<usize>,
}

/// A whole file, without its tests.
pub(crate) fn whole(chapter: &Chapter, source: &Source) -> Expanded {
    of_file(chapter, source, &source.texts().join("\n"), source.code().into_iter().collect())
}

/// Joins pieces of a file with blank lines. A method is shown inside its `impl`.
pub(crate) fn pieces(chapter: &Chapter, source: &Source, pieces: &[Piece]) -> Expanded {
    let text = |piece: &Piece| {
        let lines: Vec<&str> = piece.lines.clone().map(|number| source.line(number)).collect();
        lines.join("\n")
    };
    let block = |pieces: &[Piece]| {
        let code = pieces.iter().map(text).collect::<Vec<_>>().join("\n\n");
        match pieces[0].inside {
            Some(head) => format!("{}\n{code}\n}}", source.line(head)),
            None => code,
        }
    };
    let blocks = pieces.chunk_by(|one, next| one.inside == next.inside).map(block);
    let code = blocks.collect::<Vec<_>>().join("\n\n");
    let lines = pieces.iter().flat_map(|piece| piece.lines.clone().chain(piece.inside)).collect();
    of_file(chapter, source, &code, lines)
}

fn of_file(chapter: &Chapter, source: &Source, code: &str, lines: BTreeSet<usize>) -> Expanded {
    listing(chapter, source, &chapter.title(), (language(&source.path), code), lines)
}

/// Lines of a file as they differ from another file. `caption` follows the name of the file.
pub(crate) fn difference(
    chapter: &Chapter,
    source: &Source,
    caption: &str,
    (text, lines): (String, BTreeSet<usize>),
) -> Expanded {
    listing(chapter, source, caption, ("diff", text.trim_end()), lines)
}

/// Code, with its language, below a caption in HTML.
fn listing(
    chapter: &Chapter,
    source: &Source,
    caption: &str,
    (language, code): (&str, &str),
    lines: BTreeSet<usize>,
) -> Expanded {
    let path = source.path.clone();
    // Code that contains a fence needs a longer fence around it.
    let ticks = |line: &str| {
        let line = line.trim_start_matches([' ', '+', '-', '/']);
        line.bytes().take_while(|byte| *byte == b'`').count()
    };
    let fence = "`".repeat(code.lines().map(ticks).max().unwrap_or(0).max(2) + 1);
    let markdown = format!(
        "<div class=\"listing\">\n<p class=\"listing-caption\"><code>{path}</code>, {caption}</p>\n\n\
         {fence}{language}\n{code}\n{fence}\n\n</div>\n"
    );
    Expanded { markdown, shown: vec![Shown { chapter: chapter.name.clone(), path, lines }] }
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
    use crate::sources::Sources;

    #[test]
    fn methods_stand_inside_their_impl() {
        let sources = Sources::find().unwrap();
        let chapter = sources.chapter("1").unwrap();
        let source =
            Source::new("a.rs", "struct A;\nimpl A {\n    fn b() {}\n    fn c() {}\n}\n").unwrap();
        let found = find(&source, &["A::b", "A::c"]).unwrap();
        let text = pieces(chapter, &source, &found).markdown;
        assert!(text.contains("\nimpl A {\n    fn b() {}\n\n    fn c() {}\n}\n"), "{text}");
    }
}
