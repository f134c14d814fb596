//! Code on a page, with a caption that names its file.

use std::collections::BTreeSet;

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
    listing(chapter, source, None, &code, lines)
}

/// Code below a caption in HTML, with the lines that it shows. `diff` is the caption of a diff.
pub(crate) fn listing(
    chapter: &Chapter,
    source: &Source,
    diff: Option<&str>,
    code: &str,
    lines: BTreeSet<usize>,
) -> Expanded {
    let code = code.trim_end();
    let path = source.path.clone();
    let caption = diff.map_or_else(|| chapter.title(), str::to_string);
    let language = match path.rsplit('.').next() {
        _ if diff.is_some() => "diff",
        // `noplayground`, because the code needs its crate and can't run alone.
        Some("rs") => "rust,noplayground",
        Some("toml") => "toml",
        Some("html") => "html",
        _ => "text",
    };
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
