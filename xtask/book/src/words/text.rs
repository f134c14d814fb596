//! Extracts the text for people from Markdown and Rust. It keeps the line numbers, so that a finding has its line.

use std::collections::BTreeMap;

use proc_macro2::{TokenStream, TokenTree};

use crate::page;
use crate::pattern::regex;
use crate::source::Source;

/// Whether a line is marked as an exception, with a reason.
fn is_exempt(line: &str) -> bool {
    line.contains("<!-- words:") || line.contains("// words:")
}

/// The prose of a page, without code, HTML and addresses.
pub(crate) fn of_page(page: &str) -> String {
    page::prose(page, |line| if is_exempt(line) { String::new() } else { of_line(line) })
}

/// A line of Markdown without code, HTML and addresses. Code between backticks is one word.
fn of_line(line: &str) -> String {
    let line = regex!(r"(`+)[^`]+`+").replace_all(line, "CODE");
    let line = regex!(r"\]\([^)]*\)").replace_all(&line, "]");
    regex!(r"<!--.*?-->|</?[a-zA-Z][^>]*>|https?://\S+").replace_all(&line, " ").into_owned()
}

/// The comments of a Rust file that are on separate lines.
pub(crate) fn comments(text: &str) -> String {
    let lines = text.lines().map(|line| match regex!(r"^\s*//[/!]?\s?(.*)$").captures(line) {
        Some(found) if !is_exempt(line) => of_line(&found[1]) + "\n",
        _ => "\n".to_string(),
    });
    lines.collect()
}

/// The sentences among the strings of a Rust file, without tests, attributes and requests.
pub(crate) fn strings(source: &Source, text: &str) -> String {
    let mut found = BTreeMap::new();
    if let Ok(tokens) = text.parse() {
        literals(tokens, &mut found);
    }
    found.retain(|line, _| !source.is_test(*line));
    placed(text, found)
}

/// Puts each string on the line where it begins. A longer string continues on the next lines, as far as they belong to
/// it.
fn placed(text: &str, found: BTreeMap<usize, String>) -> String {
    let mut lines: Vec<String> = vec![String::new(); text.lines().count() + 1];
    for (number, string) in found {
        let is_exempt = text.lines().nth(number - 1).is_some_and(is_exempt);
        if let (Some(line), false) = (lines.get_mut(number - 1), is_exempt) {
            line.push_str(&of_line(&string.replace('\n', " ")));
        }
    }
    lines.join("\n")
}

fn literals(tokens: TokenStream, found: &mut BTreeMap<usize, String>) {
    let mut is_attribute = false;
    for token in tokens {
        match token {
            TokenTree::Punct(punct) if punct.as_char() == '#' => is_attribute = true,
            TokenTree::Punct(punct) if punct.as_char() == '!' && is_attribute => {}
            TokenTree::Group(group) => {
                if !is_attribute {
                    literals(group.stream(), found);
                }
                is_attribute = false;
            }
            TokenTree::Literal(literal) => {
                is_attribute = false;
                let line = literal.span().start().line;
                if let Ok(string) = syn::parse_str::<syn::LitStr>(&literal.to_string())
                    && is_sentence(&string.value())
                {
                    let all = found.entry(line).or_default();
                    all.push_str(&string.value());
                    all.push_str(". ");
                }
            }
            _ => is_attribute = false,
        }
    }
}

/// Whether a text has several words, and is not sent over the network.
fn is_sentence(text: &str) -> bool {
    let is_word = |word: &&str| word.chars().filter(|it| it.is_alphabetic()).count() > 1;
    text.split_whitespace().filter(is_word).count() > 2
        && !text.contains("\r\n")
        && !text.contains("HTTP/1.")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<(usize, &str)> {
        let lines = text.lines().enumerate().map(|(index, line)| (index + 1, line.trim()));
        lines.filter(|(_, line)| !line.is_empty()).collect()
    }

    #[test]
    fn the_prose_of_a_page_keeps_its_lines() {
        let page = "---\npath: core\n---\n# A `b c`\n\n```text\nd\n```\n{{#file 01 x}}\n[e](f.md) <b>g</b>\n\
            h <!-- words: quoted -->\n";
        assert_eq!(lines(&of_page(page)), [(4, "# A CODE"), (10, "[e]  g")]);
    }

    #[test]
    fn comments_with_lines_of_their_own_are_read() {
        let text = "//! A `b`.\nlet c = 1; // d\n    // e\n    // f words: // words: a name\n";
        assert_eq!(lines(&comments(text)), [(1, "A CODE."), (3, "e")]);
    }

    #[test]
    fn sentences_in_strings_are_read() {
        let text = "#[doc = \"not this one here\"]\nfn a() {\n    b(\"one two three\", \"four\");\n    c!(\"{x} waits for a reply\");\n\
            d(\"GET /one two HTTP/1.1\"); // words: no\n    e(\"six seven eight\"); // words: a quotation\n}\n\
            #[cfg(test)]\nmod tests {\n    const F: &str = \"one two three four\";\n}\n";
        let source = Source::new("a.rs", text).unwrap();
        assert_eq!(
            lines(&strings(&source, text)),
            [(3, "one two three."), (4, "{x} waits for a reply.")]
        );
    }
}
