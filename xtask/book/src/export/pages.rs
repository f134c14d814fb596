//! Splits mdBook's print page into the pages of the book, and makes them independent of scripts.

use std::sync::LazyLock;

use anyhow::{Context, Result, ensure};
use regex::{Captures, Regex};

use super::xhtml;

/// The separator that mdBook writes between two pages.
const BREAK: &str = "<div style=\"break-before: page; page-break-before: always;\"></div>";

/// The replacement for a lab. The sentences after it in the book describe the lab.
const NO_LAB: &str = "<em>The lab of this page runs in the book's browser edition: <code>cargo xtask book</code>.</em>";

/// A page of the book.
#[derive(Debug, PartialEq, Eq)]
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

/// A line of `SUMMARY.md`.
struct Entry {
    path: String,
    title: String,
    depth: usize,
    heading: Option<String>,
}

/// The pages of mdBook's print page, in the order of the table of contents.
///
/// # Errors
/// Returns an error if the pages differ from the list in `SUMMARY.md`.
pub(super) fn read(print: &str, summary: &str) -> Result<Vec<Page>> {
    let (_, rest) = print.split_once("<main>").context("the print page has no <main>")?;
    let (main, _) = rest.rsplit_once("</main>").context("the print page has no </main>")?;
    let htmls: Vec<&str> = main.split(BREAK).collect();
    let entries = entries(summary);
    ensure!(
        htmls.len() == entries.len(),
        "the print page has {} pages, and SUMMARY.md lists {}; build the book again",
        htmls.len(),
        entries.len()
    );
    let pages = entries.into_iter().zip(htmls).map(|(entry, html)| page(entry, html));
    pages.collect()
}

fn page(entry: Entry, html: &str) -> Result<Page> {
    static ID: LazyLock<Regex> = LazyLock::new(|| pattern(r#"<h1 id="([^"]*)""#));
    let Entry { path, title, depth, heading } = entry;
    let id = ID.captures(html).with_context(|| format!("{path}: this page has no title"))?;
    Ok(Page {
        id: id[1].to_string(),
        html: without_scripts(html.trim()),
        path,
        title,
        depth,
        heading,
    })
}

/// The pages that `SUMMARY.md` lists, in their order.
fn entries(summary: &str) -> Vec<Entry> {
    static LINK: LazyLock<Regex> =
        LazyLock::new(|| pattern(r"^( *)(?:- )?\[(.+)\]\(([^)]+)\.md\)$"));
    let mut entries = Vec::new();
    let mut heading = None;
    for line in summary.lines() {
        if let Some(text) = line.strip_prefix("# ") {
            heading = (text != "Summary").then(|| text.to_string());
        } else if let Some(found) = LINK.captures(line) {
            entries.push(Entry {
                path: found[3].to_string(),
                title: found[2].replace('`', ""),
                depth: found[1].len() / 4,
                heading: heading.take(),
            });
        }
    }
    entries
}

/// Removes everything that needs a script: folds are opened, buttons are removed, and labs are replaced.
fn without_scripts(html: &str) -> String {
    static HEADER: LazyLock<Regex> =
        LazyLock::new(|| pattern(r#"(?s)<a class="header" href="[^"]*">(.*?)</a>(</h[1-6]>)"#));
    static FOLD: LazyLock<Regex> = LazyLock::new(|| {
        pattern(r#"(?s)<details(?: class="([^"]*)")?[^>]*>\s*<summary>(.*?)</summary>"#)
    });
    static BOX: LazyLock<Regex> =
        LazyLock::new(|| pattern(r#"<li>(\s*(?:<p>)?)<input [^>]*type="checkbox"[^>]*>"#));
    let html = HEADER.replace_all(html, "$1$2");
    let html = FOLD.replace_all(&html, |found: &Captures<'_>| {
        let class = found.get(1).map_or("", |class| class.as_str());
        format!("<div class=\"fold {class}\">\n<p class=\"fold-title\">{}</p>", &found[2])
    });
    let html = html.replace("</details>", "</div>");
    let html = BOX.replace_all(&html, "<li class=\"box\">$1☐");
    without_labs(&html)
}

/// Replaces each lab by a sentence, and by the description that the lab has for readers without scripts.
fn without_labs(html: &str) -> String {
    static LAB: LazyLock<Regex> =
        LazyLock::new(|| pattern(r"(?s)<lab-[a-z-]+[^>]*>(.*?)</lab-[a-z-]+>"));
    // The description follows it, perhaps after "Without it".
    static NEEDS: LazyLock<Regex> = LazyLock::new(|| {
        pattern(r"(?s)<em>This lab needs .*?</em>\s*(?:Without (?:it|them)[:,]\s+)?(\w?)")
    });
    let sentence = |found: &Captures<'_>| {
        let text = &found[1];
        if NEEDS.is_match(text) {
            let begin = |found: &Captures<'_>| format!("{NO_LAB} {}", found[1].to_uppercase());
            return format!("<div class=\"lab\">{}</div>", NEEDS.replace(text, begin));
        }
        format!("<div class=\"lab\"><p>{NO_LAB}</p>{text}</div>")
    };
    LAB.replace_all(html, sentence).into_owned()
}

/// The table of contents as nested lists, with the address of each page.
pub(super) fn contents(pages: &[Page], address: impl Fn(&Page) -> String) -> String {
    let mut entries = Vec::new();
    let mut below = 0;
    for page in pages {
        if let Some(heading) = &page.heading {
            entries.push((0, format!("<span>{}</span>", xhtml::escaped(heading))));
            below = 1;
        }
        let title = xhtml::escaped(&page.title);
        entries.push((page.depth + below, format!("<a href=\"{}\">{title}</a>", address(page))));
    }
    nested(&entries)
}

/// Nested lists of entries, each with its depth. An entry is at most one deeper than the entry before it.
fn nested(entries: &[(usize, String)]) -> String {
    let mut html = String::from("<ol>");
    let mut depth = 0;
    for (index, (entry_depth, text)) in entries.iter().enumerate() {
        let next = (*entry_depth).min(depth + 1);
        if next > depth {
            html.push_str("\n<ol>");
        } else if index > 0 {
            html.push_str("</li>");
            html.push_str(&"</ol></li>".repeat(depth - next));
        }
        html.push_str("\n<li>");
        html.push_str(text);
        depth = next;
    }
    html.push_str("</li>");
    html.push_str(&"</ol></li>".repeat(depth));
    html.push_str("</ol>");
    html
}

fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("the pattern is valid")
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
    }

    #[test]
    fn the_contents_are_nested_as_the_pages_are() {
        let page = |title: &str, depth, heading: Option<&str>| Page {
            path: String::new(),
            id: String::new(),
            title: title.to_string(),
            depth,
            heading: heading.map(str::to_string),
            html: String::new(),
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
        assert_eq!(xhtml::of(&html).unwrap(), html);
    }

    #[test]
    fn another_number_of_pages_is_an_error() {
        let error = read(&print(&["<h1 id=\"a\">A</h1>"]), SUMMARY).unwrap_err().to_string();
        assert!(error.starts_with("the print page has 1 pages, and SUMMARY.md lists 4"), "{error}");
    }

    #[test]
    fn folds_are_open_and_boxes_are_characters() {
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
        ] {
            assert_eq!(without_scripts(html), expected);
        }
    }

    #[test]
    fn a_lab_is_a_sentence_and_what_it_would_show() {
        let html = "<lab-pool>\n<p><em>This lab needs JavaScript, and\na server.</em> Without it: a, b.</p>\n</lab-pool><p>b</p>";
        let expected = format!("<div class=\"lab\">\n<p>{NO_LAB} A, b.</p>\n</div><p>b</p>");
        assert_eq!(without_scripts(html), expected);
        let html = "<lab-pool chapter=\"3\"></lab-pool>";
        assert_eq!(without_scripts(html), format!("<div class=\"lab\"><p>{NO_LAB}</p></div>"));
    }
}
