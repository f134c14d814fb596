//! Expands a page: its directives, drawings and transcripts.

use anyhow::{Context, Result, bail};

use crate::directive;
use crate::drawings;
use crate::front::Front;
use crate::html::with_code;
use crate::listing::{Expanded, Shown};
use crate::measure::{Measure, Meter};
use crate::page::{Fence, Part, parts};
use crate::script;
use crate::sources::Sources;

/// A page with its directives expanded.
#[derive(Debug, Default)]
pub(crate) struct Page {
    pub(crate) markdown: String,
    pub(crate) shown: Vec<Shown>,
    pub(crate) front: Front,
    pub(crate) measure: Measure,
}

/// Expands all directives, drawings and transcripts of a page, and adds a line below the title of a page with a path.
/// Returns the mistakes on the page as well, each with its line. Their parts of the page are left out.
pub(crate) fn expand_page(sources: &Sources, path: &str, content: &str) -> (Page, Vec<String>) {
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
    page.measure = meter.measure;
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
        Part::Directive(_, text) => {
            let expanded = directive::expand(sources, text);
            return expanded.with_context(|| format!("{{{{#{text}}}}}"));
        }
        Part::Fence(Fence { body, raw, .. }) if raw.len() < body.len() + 2 => {
            bail!("this block has no end")
        }
        Part::Fence(fence) => match fence.kind() {
            "svgbob" => drawings::render(sources.root(), &fence.info, &fence.body.join("\n"))?,
            "transcript" | "transcript-not-run" => script::render(&fence.body),
            _ => fence.raw.join("\n"),
        },
    };
    Ok(Expanded { markdown, shown: Vec::new() })
}

/// Converts code between backticks in a `<summary>` to HTML, because Markdown isn't processed within an HTML block.
fn summary(line: &str) -> String {
    let parts = line.split_once("<summary>").and_then(|(before, rest)| {
        rest.split_once("</summary>").map(|(title, after)| (before, title, after))
    });
    let Some((before, title, after)) = parts else { return line.to_string() };
    format!("{before}<summary>{}</summary>{after}", with_code(title, str::to_string))
}

/// Whether a line is a directive, and not an explanation of one between backticks.
fn has_directive(line: &str) -> bool {
    line.contains("{{#") && line.split('`').step_by(2).any(|text| text.contains("{{#"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(page: &str) -> String {
        expand_page(&Sources::find().unwrap(), "a.md", page).1.join("\n")
    }

    #[test]
    fn a_mistake_is_told_with_its_page_its_line_and_the_way_out() {
        assert_eq!(
            error("\n{{#item 01 src/main.rs nothing}}"),
            "book/src/a.md:2: {{#item 01 src/main.rs nothing}}: no item `nothing` in src/main.rs; it has: //!, use, main"
        );
        assert!(error("{{#show 1}}").contains("there are file, item, diff, tree"));
        assert!(error("{{#file 1 main.rs}}").contains("did you mean src/main.rs?"));
        assert!(error("{{#file 9 x}}").contains("there are 01_echo_socket, "));
        assert!(error("```svgbob\n-->\n```").contains("alt="));
    }

    #[test]
    fn a_directive_in_a_sentence_and_a_block_without_end_are_mistakes() {
        assert!(error("See {{#file 01 Cargo.toml}}.").contains("a line of its own"));
        assert_eq!(error("a\n```text\nb\n"), "book/src/a.md:2: this block has no end");
        let (page, _) = expand_page(&Sources::find().unwrap(), "a.md", "Write `{{#file …}}`.");
        assert_eq!(page.markdown, "Write `{{#file …}}`.\n");
    }

    #[test]
    fn front_matter_becomes_a_line_below_the_title_and_errors_keep_their_lines() {
        let sources = Sources::find().unwrap();
        let text = "---\npath: core\nstage: 5\n---\n# Title\n\nText.\n";
        let (page, _) = expand_page(&sources, "a.md", text);
        assert!(!page.markdown.contains("---") && page.front.stages == [5], "{}", page.markdown);
        let line = "# Title\n\n<p class=\"course-meta\">Core · 1 minute · leads to stage 5, ";
        assert!(page.markdown.contains(line), "{}", page.markdown);
        let (page, _) =
            expand_page(&sources, "a/deeper/b.md", &format!("# A\n{}", "word ".repeat(500)));
        let line = "# A\n\n<p class=\"course-meta\">Deeper · 3 minutes</p>\n";
        assert!(page.markdown.starts_with(line), "{}", page.markdown);
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
