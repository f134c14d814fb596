//! The book as one document for a browser to print: a title page, a table of contents, and each page on a new sheet.

use std::fmt::Write as _;

use anyhow::{Context, Result};
use regex::Captures;

use super::pages::{Page, contents};
use super::title;
use crate::config::About;
use crate::html::escaped;
use crate::pattern::regex;

const STYLE: &str = include_str!("pdf.css");

/// Colours the code like mdBook's own script.
const HIGHLIGHT: &str = "document.querySelectorAll('pre code:not(.nohighlight)').forEach(code => hljs.highlightBlock(code));";

/// The document. It uses the style sheets and scripts of mdBook's print page, relative to the built book.
pub(super) fn document(about: &About, pages: &[Page], print: &str) -> Result<String> {
    let sheets = regex!(r#"<link rel="stylesheet"[^>]*>"#).find_iter(print);
    let sheets: Vec<&str> = sheets.map(|found| found.as_str()).collect();
    let highlighter = regex!(r#"<script src="highlight[^"]*"></script>"#).find(print);
    let highlighter = highlighter.context("the print page has no highlight.js")?.as_str();
    let mut body = format!(
        "{}\n<nav class=\"contents\"><h1>Contents</h1>{}</nav>\n",
        title::page(about),
        contents(pages, |page| format!("#{}", page.id))
    );
    for (number, page) in pages.iter().enumerate() {
        let html = nested(&page.html, page.depth);
        // Writing to a string cannot fail.
        let _ = writeln!(
            body,
            "<section class=\"course-page\" style=\"page: page-{number}\">\n{html}\n</section>"
        );
    }
    Ok(format!(
        "<!DOCTYPE html>\n<html lang=\"{}\" class=\"light\">\n<head><meta charset=\"utf-8\"><title>{}</title>\n{}\n\
         <style>\n{STYLE}{}</style>\n</head>\n<body><div class=\"content\"><main>\n{body}</main></div>\n\
         {highlighter}\n<script>{HIGHLIGHT}</script>\n</body>\n</html>\n",
        about.language,
        escaped(&about.title),
        sheets.join("\n"),
        headers(about, pages)
    ))
}

/// Moves the headings of a page to the page's level in the table of contents, because they become the outline of the
/// PDF.
fn nested(html: &str, depth: usize) -> String {
    let html = regex!(r"<(/?)h([1-6])").replace_all(html, |found: &Captures<'_>| {
        let level: usize = found[2].parse().unwrap_or(1);
        format!("<{}h{}", &found[1], (level + depth).min(6))
    });
    html.replacen(&format!("<h{}", depth + 1), &format!("<h{} class=\"page-title\"", depth + 1), 1)
}

/// A rule for each page: its part is on the left of the header, its title on the right.
fn headers(about: &About, pages: &[Page]) -> String {
    let mut rules = String::new();
    let mut part = about.title.as_str();
    for (number, page) in pages.iter().enumerate() {
        if page.depth == 0 {
            part = page.title.as_str();
        }
        let right = if page.depth == 0 { "" } else { page.title.as_str() };
        let _ = writeln!(
            rules,
            "@page page-{number} {{ @top-left {{ content: {part:?}; }} @top-right {{ content: {right:?}; }} }}"
        );
    }
    rules
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headings_are_as_deep_as_their_page() {
        assert_eq!(
            nested("<h1 id=\"a\">A</h1><h2>B</h2>", 2),
            "<h3 class=\"page-title\" id=\"a\">A</h3><h4>B</h4>"
        );
        assert_eq!(nested("<h1>A</h1><h3>B</h3>", 4), "<h5 class=\"page-title\">A</h5><h6>B</h6>");
    }

    #[test]
    fn a_header_has_the_part_and_the_page() {
        let page = |title: &str, depth| Page { title: title.to_string(), depth, ..Page::default() };
        assert_eq!(
            headers(&About::default(), &[page("Part 1", 0), page("A \"b\"", 1)]),
            "@page page-0 { @top-left { content: \"Part 1\"; } @top-right { content: \"\"; } }\n\
             @page page-1 { @top-left { content: \"Part 1\"; } @top-right { content: \"A \\\"b\\\"\"; } }\n"
        );
    }
}
