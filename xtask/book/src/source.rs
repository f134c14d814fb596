//! A file of a chapter: its lines, its items, and which of its lines are tests.

use std::ops::RangeInclusive;

use anyhow::{Context, Result};
use syn::Item;
use syn::spanned::Spanned;

use crate::files::has_extension;

/// Lines of a file, counted from 1.
pub(crate) type Lines = RangeInclusive<usize>;

/// The text of a file, and the ranges of its lines that are tests.
pub(crate) struct Source {
    pub(crate) path: String,
    lines: Vec<String>,
    tests: Vec<Lines>,
    /// None for a file that is not Rust.
    pub(crate) items: Vec<Item>,
}

impl Source {
    pub(crate) fn new(path: &str, text: &str) -> Result<Source> {
        let mut items = Vec::new();
        if is_rust(path) {
            items = syn::parse_file(text).with_context(|| format!("{path} is not Rust"))?.items;
        }
        let is_test = |item: &&Item| matches!(item, Item::Mod(module) if module.attrs.iter().any(is_test_only));
        let tests = items.iter().filter(is_test).map(Spanned::span);
        let tests = tests.map(|span| span.start().line..=span.end().line).collect();
        let lines = text.lines().map(str::to_string).collect();
        Ok(Source { path: path.to_string(), lines, tests, items })
    }

    pub(crate) fn line(&self, number: usize) -> &str {
        self.lines.get(number - 1).map_or("", String::as_str)
    }

    pub(crate) fn is_test(&self, number: usize) -> bool {
        self.tests.iter().any(|lines| lines.contains(&number))
    }

    /// The lines that are not tests, without trailing blank lines.
    pub(crate) fn code(&self) -> Vec<usize> {
        let mut code: Vec<_> =
            (1..=self.lines.len()).filter(|number| !self.is_test(*number)).collect();
        while code.last().is_some_and(|number| self.line(*number).trim().is_empty()) {
            code.pop();
        }
        code
    }

    /// The texts of the lines in [`Source::code`].
    pub(crate) fn texts(&self) -> Vec<&str> {
        self.code().into_iter().map(|number| self.line(number)).collect()
    }
}

pub(crate) fn is_rust(path: &str) -> bool {
    has_extension(path, "rs")
}

/// Whether an attribute is `#[cfg(test)]`, also inside `all(…)`.
fn is_test_only(attribute: &syn::Attribute) -> bool {
    let syn::Meta::List(list) = &attribute.meta else { return false };
    let condition = list.tokens.to_string();
    list.path.is_ident("cfg")
        && (condition == "test" || condition.replace(' ', "").starts_with("all(test"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_at_the_end_of_a_file_are_no_code() {
        let text = "//! Doc.\n\nfn a() {}\n\n#[cfg(all(test, not(loom)))]\nmod tests {\n    fn b() {}\n}\n";
        let source = Source::new("src/a.rs", text).unwrap();
        assert_eq!(source.code(), [1, 2, 3]);
        assert!(source.is_test(7));
    }
}
