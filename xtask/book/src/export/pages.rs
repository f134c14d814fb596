//! Splits mdBook's print page into the pages of the book, and makes them independent of scripts.

use anyhow::{Context, Result, ensure};
use regex::Captures;

use crate::html::escaped;
use crate::pattern::regex;

/// The separator that mdBook writes between two pages.
const BREAK: &str = "<div style=\"break-before: page; page-break-before: always;\"></div>";

/// The replacement for a lab. The sentences after it in the book describe the lab.
const NO_LAB: &str = "<em>The lab of this page runs in the book's browser edition: <code>cargo xtask book</code>.</em>";

/// A page of the book.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Page {
    /// Its path without an extension: `part1/echo`.
    pub(super) path: String,
    /// The anchor of its title.
    pub(super) id: String,
    /// Its title as in the table of contents, without markup.
    pub(super) title: String,
    /// Its level in the table of contents: 0 for a part.
    pub(super) depth: usize,
    /// The heading above it in the table of contents, such as "Appendices".
    pub(super) heading: Option<String>,
    /// The page from its title on. All links within the book are anchors, `#id`.
    pub(super) html: String,
}

/// The pages of mdBook's print page, in the order of the table of contents.
///
/// # Errors
/// Returns an error if the pages differ from the list in `SUMMARY.md`.
pub(super) fn read(print: &str, summary: &str) -> Result<Vec<Page>> {
    let (_, rest) = print.split_once("<main>").context("the print page has no <main>")?;
    let (main, _) = rest.rsplit_once("</main>").context("the print page has no </main>")?;
    let (htmls, mut pages): (Vec<&str>, _) = (main.split(BREAK).collect(), listed(summary));
    ensure!(
        htmls.len() == pages.len(),
        "the print page has {} pages, and SUMMARY.md lists {}; build the book again",
        htmls.len(),
        pages.len()
    );
    for (page, html) in pages.iter_mut().zip(htmls) {
        let id = regex!(r#"<h1 id="([^"]*)""#).captures(html);
        page.id =
            id.with_context(|| format!("{}: this page has no title", page.path))?[1].to_string();
        page.html = without_scripts(html.trim());
    }
    Ok(pages)
}

/// The pages that `SUMMARY.md` lists, in their order, without their contents.
fn listed(summary: &str) -> Vec<Page> {
    let mut pages = Vec::new();
    let mut heading = None;
    for line in summary.lines() {
        if let Some(text) = line.strip_prefix("# ") {
            heading = (text != "Summary").then(|| text.to_string());
        } else if let Some(found) = regex!(r"^( *)(?:- )?\[(.+)\]\(([^)]+)\.md\)$").captures(line) {
            pages.push(Page {
                path: found[3].to_string(),
                title: found[2].replace('`', ""),
                depth: found[1].len() / 4,
                heading: heading.take(),
                ..Page::default()
            });
        }
    }
    pages
}

/// Removes everything that needs a script: folds are opened, buttons are removed, and labs are replaced.
fn without_scripts(html: &str) -> String {
    let header = regex!(r#"(?s)<a class="header" href="[^"]*">(.*?)</a>(</h[1-6]>)"#);
    let fold = regex!(r#"(?s)<details(?: class="([^"]*)")?[^>]*>\s*<summary>(.*?)</summary>"#);
    let tick = regex!(r#"<li>(\s*(?:<p>)?)<input [^>]*type="checkbox"[^>]*>"#);
    let html = header.replace_all(html, "$1$2");
    let html = fold.replace_all(&html, "<div class=\"fold $1\">\n<p class=\"fold-title\">$2</p>");
    let html = html.replace("</details>", "</div>");
    let html = tick.replace_all(&html, "<li class=\"box\">$1☐");
    without_labs(&html)
}

/// Replaces each lab by a sentence, and by the description that the lab has for readers without scripts.
fn without_labs(html: &str) -> String {
    // The description follows it, perhaps after "Without it".
    let needs = regex!(r"(?s)<em>This lab needs .*?</em>\s*(?:Without (?:it|them)[:,]\s+)?(\w?)");
    let sentence = |found: &Captures<'_>| {
        let text = &found[1];
        if needs.is_match(text) {
            let begin = |found: &Captures<'_>| format!("{NO_LAB} {}", found[1].to_uppercase());
            return format!("<div class=\"lab\">{}</div>", needs.replace(text, begin));
        }
        format!("<div class=\"lab\"><p>{NO_LAB}</p>{text}</div>")
    };
    regex!(r"(?s)<lab-[a-z-]+[^>]*>(.*?)</lab-[a-z-]+>").replace_all(html, sentence).into_owned()
}

/// The table of contents as nested lists, with the address of each page.
pub(super) fn contents(pages: &[Page], address: impl Fn(&Page) -> String) -> String {
    let (mut html, mut open_lists) = (String::new(), 0);
    let mut add = |depth: usize, entry: String| {
        // An entry is at most one deeper than the entry before it.
        let lists = depth.min(open_lists) + 1;
        if lists > open_lists {
            html.push_str("\n<ol>");
        } else {
            html.extend(["</li>", &"</ol></li>".repeat(open_lists - lists)]);
        }
        html.extend(["\n<li>", &entry]);
        open_lists = lists;
    };
    let mut below = 0;
    for page in pages {
        if let Some(heading) = &page.heading {
            add(0, format!("<span>{}</span>", escaped(heading)));
            below = 1;
        }
        let title = escaped(&page.title);
        add(page.depth + below, format!("<a href=\"{}\">{title}</a>", address(page)));
    }
    html + &"</li></ol>".repeat(open_lists)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SUMMARY: &str = "# Summary\n\n[Intro](intro.md)\n\n- [Part 1: `a`](p/index.md)\n    - [Echo](p/echo.md)\n\n\
        # Appendices\n\n- [Map](map.md)\n";

    fn print(pages: &[&str]) -> String {
        format!("<main>{}</main>", pages.join(BREAK))
    }

    #[test]
    fn a_page_has_its_place_in_the_table_of_contents() {
        let pages = ["intro", "part-1", "echo", "map"].map(|id| {
            format!("\n<h1 id=\"{id}\"><a class=\"header\" href=\"#{id}\">T <b>x</b></a></h1>\n")
        });
        let pages = read(&print(&pages.each_ref().map(String::as_str)), SUMMARY).unwrap();
        let found: Vec<_> = pages
            .iter()
            .map(|it| (it.path.as_str(), it.title.as_str(), it.depth, it.heading.as_deref()))
            .collect();
        assert_eq!(
            found,
            [
                ("intro", "Intro", 0, None),
                ("p/index", "Part 1: a", 0, None),
                ("p/echo", "Echo", 1, None),
                ("map", "Map", 0, Some("Appendices"))
            ]
        );
        assert_eq!(pages[2].html, "<h1 id=\"echo\">T <b>x</b></h1>");
        let error = read(&print(&["<h1 id=\"a\">A</h1>"]), SUMMARY).unwrap_err().to_string();
        assert!(error.starts_with("the print page has 1 pages, and SUMMARY.md lists 4"), "{error}");
    }

    #[test]
    fn the_contents_are_nested_as_the_pages_are() {
        let page = |title: &str, depth, heading: Option<&str>| {
            let heading = heading.map(str::to_string);
            Page { title: title.to_string(), depth, heading, ..Page::default() }
        };
        let pages = [
            page("a", 0, None),
            page("b & c", 1, None),
            page("d", 2, None),
            page("e", 0, None),
            page("f", 0, Some("More")),
        ];
        let html = contents(&pages, |page| format!("#{}", page.title.len()));
        let expected = "<ol><li><a href=\"#1\">a</a><ol><li><a href=\"#5\">b &amp; c</a><ol><li><a href=\"#1\">d</a></li></ol></li></ol></li>\
            <li><a href=\"#1\">e</a></li><li><span>More</span><ol><li><a href=\"#1\">f</a></li></ol></li></ol>";
        assert_eq!(html.replace('\n', ""), expected);
        assert_eq!(super::super::xhtml::of(&html).unwrap(), html);
    }

    #[test]
    fn folds_are_open_boxes_are_characters_and_labs_are_sentences() {
        let lab = format!("<div class=\"lab\">\n<p>{NO_LAB} A, b.</p>\n</div><p>b</p>");
        let silent_lab = format!("<div class=\"lab\"><p>{NO_LAB}</p></div>");
        for (html, expected) in [
            (
                "<details class=\"more\"><summary>A <code>b</code></summary>\n<p>c</p>\n</details>",
                "<div class=\"fold more\">\n<p class=\"fold-title\">A <code>b</code></p>\n<p>c</p>\n</div>",
            ),
            (
                "<details>\n<summary>A</summary>b</details>",
                "<div class=\"fold \">\n<p class=\"fold-title\">A</p>b</div>",
            ),
            ("<li><input disabled=\"\" type=\"checkbox\"> a</li>", "<li class=\"box\">☐ a</li>"),
            ("<pre>&lt;details&gt;</pre>", "<pre>&lt;details&gt;</pre>"),
            (
                "<lab-pool>\n<p><em>This lab needs JavaScript, and\na server.</em> Without it: a, b.</p>\n</lab-pool><p>b</p>",
                &lab,
            ),
            ("<lab-pool chapter=\"3\"></lab-pool>", &silent_lab),
        ] {
            assert_eq!(without_scripts(html), expected);
        }
    }
}
