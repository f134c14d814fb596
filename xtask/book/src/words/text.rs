//! Extracts the text for people from Markdown and Rust. It keeps the line numbers, so that a finding has its line.

use proc_macro2::{TokenStream, TokenTree};
use syn::Lit;

use crate::measure::prose;
use crate::page;
use crate::pattern::regex;

/// Whether a line is marked as an exception, with a reason.
fn is_exempt(line: &str) -> bool {
    line.contains("<!-- words:") || line.contains("// words:")
}

/// The prose of a page, without code, HTML and addresses.
pub(super) fn of_page(page: &str) -> String {
    page::prose(page, |line| if is_exempt(line) { String::new() } else { prose(line) })
}

/// The comments of a Rust file that are on separate lines.
pub(super) fn comments(text: &str) -> String {
    let lines = text.lines().map(|line| match regex!(r"^\s*//[/!]?\s?(.*)$").captures(line) {
        Some(found) if !is_exempt(line) => prose(&found[1]) + "\n",
        _ => "\n".to_string(),
    });
    lines.collect()
}

/// The sentences among the strings of a Rust file, without attributes, tests and requests. Each is on the line where it
/// begins.
pub(super) fn strings(text: &str) -> String {
    // The tests of a file are at its end. A file without tokens does not compile, which other checks find.
    let code = text.split("\n#[cfg(test)]").next().unwrap_or_default();
    let mut lines = vec![String::new(); code.lines().count()];
    if let Ok(tokens) = code.parse() {
        add_strings(tokens, &mut lines);
    }
    for (line, source) in lines.iter_mut().zip(code.lines()) {
        if is_exempt(source) {
            line.clear();
        }
    }
    lines.join("\n")
}

fn add_strings(tokens: TokenStream, lines: &mut [String]) {
    // After `#` and `#!`.
    let mut is_attribute = false;
    for token in tokens {
        match &token {
            TokenTree::Group(group) if !is_attribute => add_strings(group.stream(), lines),
            TokenTree::Literal(literal) => {
                if let Lit::Str(string) = Lit::new(literal.clone())
                    && is_sentence(&string.value())
                {
                    let line = &mut lines[literal.span().start().line - 1];
                    *line += &prose(&string.value().replace('\n', " "));
                    *line += ". ";
                }
            }
            _ => {}
        }
        let is = |sign| matches!(&token, TokenTree::Punct(punct) if punct.as_char() == sign);
        is_attribute = is('#') || (is_attribute && is('!'));
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
        assert_eq!(lines(&strings(text)), [(3, "one two three."), (4, "{x} waits for a reply.")]);
    }
}
