//! The preprocessor that mdBook calls. It reads the book as JSON, expands its directives, and writes it.

use std::io;

use anyhow::{Context, Result, anyhow, bail};
use mdbook_preprocessor::book::{Book, BookItem};
use serde_json::Value;

use crate::coverage::book_parts;
use crate::directive::{self, Expanded, Shown};
use crate::front::Front;
use crate::glossary::Glossary;
use crate::measure::{Measure, Meter};
use crate::minutes::{self, Minutes};
use crate::page::{Part, parts};
use crate::source::Sources;
use crate::{figure, modules, presets, transcript};

/// Reads a book from standard input and writes it to standard output.
pub(crate) fn run() -> Result<()> {
    let mut book = read(&io::read_to_string(io::stdin())?)?;
    let sources = Sources::find()?;
    // The labs are optional: without them the book can still be read.
    if let Err(error) = modules::refresh(&sources).and_then(|_| presets::refresh(&sources)) {
        eprintln!("the labs of the book were not compiled: {error:#}");
    }
    let glossary = Glossary::read(&sources)?;
    let mut minutes = Minutes::of(&book_parts(&sources)?);
    let mut errors = Vec::new();
    book.for_each_mut(|item| {
        let BookItem::Chapter(chapter) = item else { return };
        let Some(path) = chapter.path.as_ref().map(|path| path.display().to_string()) else {
            return;
        };
        // Glossary links come first, while the page has only prose, because words in a listing must not be linked.
        let content = glossary.link(&path, &chapter.content);
        match expand_page(&sources, &path, &content) {
            Ok(page) => {
                minutes.add(&path, &chapter.name, &page);
                chapter.content = page.markdown;
            }
            Err(error) => errors.push(format!("{error:#}")),
        }
    });
    if !errors.is_empty() {
        return Err(anyhow!("{}", errors.join("\n")));
    }
    let minutes = minutes.table();
    book.for_each_mut(|item| {
        if let BookItem::Chapter(chapter) = item {
            chapter.content = chapter.content.replace(minutes::MARK, &minutes);
        }
    });
    serde_json::to_writer(io::stdout(), &book)?;
    Ok(())
}

/// The versions of mdBook whose format this program reads.
const SERIES: &str = "0.5.";

/// Parses the input from mdBook, which is its context and the book.
///
/// # Errors
/// Returns an error with the remedy for another version, whose format differs.
fn read(input: &str) -> Result<Book> {
    let value: Value = serde_json::from_str(input).context("mdBook sends no JSON")?;
    let version = value[0]["mdbook_version"].as_str().unwrap_or("of an unknown version");
    if !version.starts_with(SERIES) {
        bail!(
            "this book needs mdBook {SERIES}x, and this is mdBook {version}; `cargo xtask book` finds the right one, or \
             installs it into target/tools"
        );
    }
    let (_context, book) = mdbook_preprocessor::parse_input(input.as_bytes())?;
    Ok(book)
}

/// A page with its directives expanded.
#[derive(Debug, Default)]
pub(crate) struct Page {
    pub(crate) markdown: String,
    pub(crate) shown: Vec<Shown>,
    pub(crate) front: Front,
    pub(crate) measure: Measure,
}

/// Expands all directives, drawings and transcripts of a page, and adds a line below the title of a page with a path.
///
/// # Errors
/// Returns all mistakes on the page, each with its line.
pub(crate) fn expand_page(sources: &Sources, path: &str, content: &str) -> Result<Page> {
    let (page, errors) = expand_what_can_be(sources, path, content);
    if errors.is_empty() { Ok(page) } else { Err(anyhow!("{}", errors.join("\n"))) }
}

/// Like [`expand_page`], but returns the page in spite of mistakes, together with the mistakes. Invalid directives are
/// left out.
pub(crate) fn expand_what_can_be(
    sources: &Sources,
    path: &str,
    content: &str,
) -> (Page, Vec<String>) {
    let mut page = Page::default();
    let mut errors = Vec::new();
    match Front::read(path, content) {
        Ok(front) => page.front = front,
        Err(error) => errors.push(format!("{error:#}")),
    }
    let (mut meter, mut title) = (Meter::default(), None);
    for part in parts(content) {
        match expand_part(sources, &part) {
            Ok(expanded) => {
                meter.add(&part, &expanded.markdown);
                page.shown.extend(expanded.shown);
                page.markdown.push_str(&expanded.markdown);
                page.markdown.push('\n');
            }
            Err(error) => errors.push(format!("book/src/{path}:{}: {error:#}", part.line())),
        }
        if matches!(&part, Part::Text(_, text) if text.starts_with("# ")) {
            title.get_or_insert(page.markdown.len());
        }
    }
    page.measure = meter.measure();
    if let (Some(line), Some(at)) = (page.front.below_title(page.measure.minutes()), title) {
        page.markdown.insert_str(at, &format!("\n{line}\n"));
    }
    (page, errors)
}

fn expand_part(sources: &Sources, part: &Part) -> Result<Expanded> {
    let markdown = match part {
        Part::Text(_, text) if has_directive(text) => {
            bail!("a directive stands on a line of its own: {}", text.trim())
        }
        Part::Text(_, text) => summary(text),
        Part::Fence { body, raw, .. } if raw.len() < body.len() + 2 => {
            bail!("this block has no end")
        }
        Part::Directive(_, text) => {
            let expanded = directive::expand(sources, text);
            return expanded.with_context(|| format!("{{{{#{text}}}}}"));
        }
        Part::Fence { info, body, raw, .. } => {
            match info.split([' ', ',']).next().unwrap_or_default() {
                "svgbob" => figure::render(sources.root(), info, &body.join("\n"))?,
                "transcript" | "transcript-not-run" => transcript::render(body),
                _ => raw.join("\n"),
            }
        }
    };
    Ok(Expanded { markdown, shown: Vec::new() })
}

/// Converts code between backticks in a `<summary>` to HTML, because Markdown isn't processed within an HTML block.
fn summary(line: &str) -> String {
    let parts = line.split_once("<summary>").and_then(|(before, rest)| {
        rest.split_once("</summary>").map(|(title, after)| (before, title, after))
    });
    let Some((before, title, after)) = parts else { return line.to_string() };
    let mut html = String::new();
    for (index, piece) in title.split('`').enumerate() {
        if index % 2 == 0 {
            html.push_str(piece);
        } else {
            let code = piece.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
            html.extend(["<code>", &code, "</code>"]);
        }
    }
    format!("{before}<summary>{html}</summary>{after}")
}

/// Whether a line is a directive, and not an explanation of one between backticks.
fn has_directive(line: &str) -> bool {
    line.contains("{{#") && line.split('`').step_by(2).any(|text| text.contains("{{#"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(page: &str) -> String {
        expand_page(&Sources::find().unwrap(), "a.md", page).unwrap_err().to_string()
    }

    #[test]
    fn a_mistake_is_told_with_its_page_its_line_and_the_way_out() {
        assert_eq!(
            error("\n{{#item 01 src/main.rs nothing}}"),
            "book/src/a.md:2: {{#item 01 src/main.rs nothing}}: no item `nothing` in src/main.rs; it has: main"
        );
        assert!(error("{{#show 1}}").contains("there are file, item, diff, tree"));
        assert!(error("{{#file 1 main.rs}}").contains("did you mean src/main.rs?"));
        assert!(error("{{#file 9 x}}").contains("there are 01_echo_socket, "));
        assert!(error("```svgbob\n-->\n```").contains("alt="));
    }

    /// Regression test: the message was an error of serde, "missing field `items`".
    #[test]
    fn another_mdbook_is_told_with_the_way_out() {
        let input = r#"[{"root":"/b","config":{},"renderer":"html","mdbook_version":"0.4.40"},
            {"sections":[],"__non_exhaustive":null}]"#;
        let error = read(input).unwrap_err().to_string();
        assert!(
            error.starts_with(
                "this book needs mdBook 0.5.x, and this is mdBook 0.4.40; `cargo xtask book`"
            ),
            "{error}"
        );
        assert!(read("[{}, {}]").unwrap_err().to_string().contains("of an unknown version"));
        let right = r#"[{"root":"/b","config":{"book":{}},"renderer":"html","mdbook_version":"0.5.4"},{"items":[]}]"#;
        assert!(read(right).unwrap().items.is_empty());
    }

    #[test]
    fn a_directive_in_a_sentence_and_a_block_without_end_are_mistakes() {
        assert!(error("See {{#file 01 Cargo.toml}}.").contains("a line of its own"));
        assert_eq!(error("a\n```text\nb\n"), "book/src/a.md:2: this block has no end");
        let page = expand_page(&Sources::find().unwrap(), "a.md", "Write `{{#file …}}`.").unwrap();
        assert_eq!(page.markdown, "Write `{{#file …}}`.\n");
    }

    #[test]
    fn front_matter_becomes_a_line_below_the_title_and_errors_keep_their_lines() {
        let sources = Sources::find().unwrap();
        let text = "---\npath: core\nstage: 5\n---\n# Title\n\nText.\n";
        let page = expand_page(&sources, "a.md", text).unwrap();
        assert!(!page.markdown.contains("---") && page.front.stages == [5], "{}", page.markdown);
        let line = "# Title\n\n<p class=\"course-meta\">Core · 1 minute · leads to stage 5, ";
        assert!(page.markdown.contains(line), "{}", page.markdown);
        assert_eq!(
            error("---\npath: core\nstage: no\n---\n# A\n```svgbob alt=\"x\n").lines().count(),
            2
        );
        assert!(error("---\npath: core\n---\n{{#show}}\n").starts_with("book/src/a.md:4: "));
    }

    #[test]
    fn code_in_a_summary_is_code() {
        let line = "<details class=\"predict\"><summary>A `b<c>` and `d`?</summary>";
        let html = "<details class=\"predict\"><summary>A <code>b&lt;c&gt;</code> and <code>d</code>?</summary>";
        assert_eq!(summary(line), html);
        assert_eq!(summary("`a` <summary>"), "`a` <summary>");
    }
}
