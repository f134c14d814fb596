//! Links the first use of a glossary term on a page to its entry.
//!
//! An entry is a line of `appendix/glossary.md` of the form `**Term**, **other name**: meaning. [Page](../page.md)`.
//! The term isn't linked on that page, nor on a page that explains it in bold letters. A word with another meaning in
//! other parts lists the parts where it is this term, as in `<!-- in part3/ part5/ -->` at the end of the line. With an
//! empty list it is linked nowhere.

use std::collections::BTreeSet;
use std::ops::Range;
use std::path::Path;

use anyhow::{Context, Result};
use regex::{Captures, Regex};

use crate::pattern::regex;
use crate::{files, page};

/// The page with the entries, relative to the book's root.
const PAGE: &str = "appendix/glossary.md";

/// The parts of a paragraph that are not prose, such as code, links, tags and addresses. Bold text is matched
/// separately.
const NO_PROSE: &str = r"(?s)(`+).*?`+|\[[^\]]*\](\([^)]*\))?|<[^>]*>|https?://\S+";
const BOLD: &str = r"(?s)\*\*[^*]+\*\*";

/// All terms, the longest first, so that "request target" is matched before "target".
#[derive(Debug)]
pub(crate) struct Glossary {
    terms: Vec<Term>,
}

#[derive(Debug)]
struct Term {
    pattern: Regex,
    length: usize,
    /// The number of the entry, which all of its names share.
    anchor: String,
    meaning: String,
    /// The page that the entry links to.
    home: String,
    /// The directories in which the word has this meaning, or `None` if it has it everywhere.
    only: Option<Vec<String>>,
}

impl Glossary {
    /// Reads the glossary of the book.
    pub(crate) fn read(root: &Path) -> Result<Glossary> {
        Glossary::parse(&files::read(root, &format!("book/src/{PAGE}"))?)
    }

    /// The anchor of the entry with this name, and the pattern that finds the name.
    pub(crate) fn entry(&self, name: &str) -> Option<(&str, &Regex)> {
        let is_same = |term: &&Term| term.length == name.len() && term.pattern.is_match(name);
        self.terms.iter().find(is_same).map(|term| (term.anchor.as_str(), &term.pattern))
    }

    pub(crate) fn parse(text: &str) -> Result<Glossary> {
        let mut terms = Vec::new();
        for line in text.lines().filter(|line| line.starts_with("**")) {
            let (names, rest) = line.split_once("**: ").with_context(|| {
                format!("book/src/{PAGE}: `**Term**: meaning. [Page](page.md)`, not `{line}`")
            })?;
            let (rest, only) = match rest.split_once("<!-- in") {
                None => (rest, None),
                Some((rest, folders)) => {
                    let folders = folders.trim_end().trim_end_matches("-->");
                    (rest, Some(folders.split_whitespace().map(str::to_string).collect()))
                }
            };
            let (meaning, home) = rest.trim_end().rsplit_once(" [").unwrap_or((rest, ""));
            let home = home.split_once("](").map_or("", |(_, link)| link.trim_end_matches(')'));
            let home = home.split('#').next().unwrap_or_default().trim_start_matches("../");
            let names: Vec<&str> = names.split("**, **").map(|it| it.trim_matches('*')).collect();
            for name in &names {
                terms.push(Term {
                    pattern: Regex::new(&pattern(name))?,
                    length: name.len(),
                    anchor: anchor(names[0]),
                    meaning: plain(meaning),
                    home: home.to_string(),
                    only: only.clone(),
                });
            }
        }
        terms.sort_by_key(|term| std::cmp::Reverse(term.length));
        Ok(Glossary { terms })
    }

    /// The page with links to the glossary. On the glossary's own page it adds their anchors.
    pub(crate) fn link(&self, path: &str, content: &str) -> String {
        if path == PAGE {
            let marked = |entry: &Captures| {
                format!("<span id=\"{}\"></span>{}", anchor(&entry[1]), &entry[0])
            };
            return regex!(r"(?m)^\*\*([^*]+)\*\*").replace_all(content, marked).into_owned();
        }
        let mut lines: Vec<String> = content.lines().map(str::to_string).collect();
        let mut done = BTreeSet::new();
        for paragraph in paragraphs(content) {
            let text = self.link_paragraph(path, &lines[paragraph.clone()].join("\n"), &mut done);
            // The number of lines stays the same, because mistakes on the page are reported with their line.
            for (line, new) in lines[paragraph].iter_mut().zip(text.lines()) {
                *line = new.to_string();
            }
        }
        lines.join("\n") + "\n"
    }

    fn link_paragraph<'a>(
        &'a self,
        path: &str,
        text: &str,
        done: &mut BTreeSet<&'a str>,
    ) -> String {
        let mut taken: Vec<Range<usize>> =
            regex!(NO_PROSE).find_iter(text).map(|it| it.range()).collect();
        let bold: Vec<_> = regex!(BOLD).find_iter(text).map(|it| it.range()).collect();
        let mut links: Vec<(Range<usize>, &Term)> = Vec::new();
        for term in self.terms.iter().filter(|term| term.is_for(path)) {
            if done.contains(term.anchor.as_str()) {
                continue;
            }
            let mut uses = term.pattern.find_iter(text).map(|it| it.range());
            let Some(place) = uses.find(|place| !taken.iter().any(|other| overlap(place, other)))
            else {
                continue;
            };
            done.insert(&term.anchor);
            // Bold letters mean that this page itself defines the term.
            if !bold.iter().any(|other| overlap(&place, other)) {
                taken.push(place.clone());
                links.push((place, term));
            }
        }
        links.sort_by_key(|(place, _)| std::cmp::Reverse(place.start));
        let mut text = text.to_string();
        let up = "../".repeat(path.matches('/').count());
        for (place, term) in links {
            let word = &text[place.clone()];
            let link = format!("[{word}]({up}{PAGE}#{} \"{}\")", term.anchor, term.meaning);
            text.replace_range(place, &link);
        }
        text
    }
}

impl Term {
    fn is_for(&self, path: &str) -> bool {
        let here = |folders: &Vec<String>| folders.iter().any(|folder| path.starts_with(folder));
        path != self.home && self.only.as_ref().is_none_or(here)
    }
}

/// The lines of each paragraph of prose, without headings, tables, captions and HTML.
fn paragraphs(content: &str) -> Vec<Range<usize>> {
    let prose = page::prose(content, str::to_string);
    let lines: Vec<&str> = prose.lines().map(str::trim).collect();
    let mut paragraphs: Vec<Range<usize>> = Vec::new();
    for index in (0..lines.len()).filter(|index| !lines[*index].is_empty()) {
        match paragraphs.last_mut() {
            Some(last) if last.end == index => last.end += 1,
            _ => paragraphs.push(index..index + 1),
        }
    }
    paragraphs.retain(|range| {
        let (first, last) = (lines[range.start], lines[range.end - 1]);
        let caption = first.starts_with('*') && !first.starts_with("* ") && last.ends_with('*');
        !first.starts_with(['#', '<', '|']) && (!caption || first.starts_with("**"))
    });
    paragraphs
}

/// Finds a name in prose as a whole word, including its plural and its form with a capital letter at the start of a
/// sentence. A word in capitals is a different word: HEAD is not head.
fn pattern(name: &str) -> String {
    let mut letters = name.chars();
    let first = letters.next().unwrap_or_default();
    let rest = letters.as_str();
    let first = if rest.chars().any(char::is_uppercase) || !first.is_alphabetic() {
        regex::escape(&first.to_string())
    } else {
        format!("[{}{}]", first.to_uppercase(), first.to_lowercase())
    };
    let (rest, end) = match rest.strip_suffix('y') {
        Some(rest) => (rest, "(?:y|ies)"),
        None => (
            rest.strip_suffix('s').unwrap_or(rest),
            if rest.ends_with('s') { "s?" } else { "(?:s|es)?" },
        ),
    };
    format!(r"\b{first}{}{end}\b", regex::escape(rest).replace(' ', r"\s+"))
}

/// The anchor of an entry on the glossary's page.
fn anchor(name: &str) -> String {
    let letters = name.to_lowercase();
    let words: Vec<_> =
        letters.split(|it: char| !it.is_alphanumeric()).filter(|it| !it.is_empty()).collect();
    format!("term-{}", words.join("-"))
}

/// Markdown as the text of a tooltip.
fn plain(markdown: &str) -> String {
    let text = markdown.replace(['`', '*'], "").replace('"', "'").replace('\\', "");
    text.trim().to_string()
}

fn overlap(a: &Range<usize>, b: &Range<usize>) -> bool {
    a.start < b.end && b.start < a.end
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# Glossary\n\n\
        **Backlog**: the queue *in* the kernel. [The listener](../part1/listener.md)\n\n\
        **FIN**: I send no more. [TCP](../part1/tcp.md#fin)\n\n\
        **Proxy**, **reverse proxy**: between `client` and server. [Framing](../part3/framing.md)\n\n\
        **Token**: letters. [Fields](../part3/fields.md) <!-- in part3/ -->\n";

    fn linked(path: &str, page: &str) -> String {
        Glossary::parse(TEXT).unwrap().link(path, page)
    }

    #[test]
    fn only_the_first_use_in_prose_is_linked() {
        let page = "# The backlog\n\n`backlog` and [a backlog](x.md), a\nBacklog, a backlog.\n";
        let link = "[Backlog](../appendix/glossary.md#term-backlog \"the queue in the kernel.\")";
        let expected = page.replace("Backlog,", &format!("{link},"));
        assert_eq!(linked("part2/queue.md", page), expected);
    }

    #[test]
    fn code_tables_captions_and_html_stay_as_they_are() {
        for page in [
            "```text\nFIN\n```\n",
            "| FIN | b |\n|---|---|\n",
            "*The FIN comes.*\n",
            "<summary>FIN</summary>\n",
            "`a FIN\nhere`\n",
            "the fin of a fish, FINAL\n",
        ] {
            assert_eq!(linked("part2/a.md", page), page);
        }
    }

    #[test]
    fn a_page_that_explains_a_word_does_not_send_its_reader_away() {
        assert_eq!(linked("part1/listener.md", "A backlog.\n"), "A backlog.\n");
        let page = "A **backlog** is a queue. The backlog.\n";
        assert_eq!(linked("part2/a.md", page), page);
    }

    #[test]
    fn plurals_other_names_and_words_with_two_meanings() {
        let proxies = linked("introduction.md", "Reverse\nproxies are proxies.\n");
        let link =
            "[Reverse\nproxies](appendix/glossary.md#term-proxy \"between client and server.\")";
        assert_eq!(proxies, format!("{link} are proxies.\n"));
        assert_eq!(linked("part4/bucket.md", "A token.\n"), "A token.\n");
        assert!(linked("part3/messages/a.md", "A token.\n").contains("../../appendix"));
    }

    #[test]
    fn the_glossary_has_a_place_for_each_entry() {
        let page = linked(PAGE, TEXT);
        assert!(page.contains("\n<span id=\"term-fin\"></span>**FIN**: I"), "{page}");
        assert!(page.starts_with("# Glossary\n"), "{page}");
    }
}
