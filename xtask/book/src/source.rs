//! A file of a chapter: its lines and its items, and which of them are not tests.

use std::ops::RangeInclusive;

use anyhow::{Context, Result};
use syn::Item;
use syn::spanned::Spanned;

use crate::files::has_extension;

/// Lines of a file, counted from 1.
pub(crate) type Lines = RangeInclusive<usize>;

/// The text of a file, and what of it is code.
pub(crate) struct Source {
    pub(crate) path: String,
    lines: Vec<String>,
    /// The numbers of the lines that are not tests, without trailing blank lines.
    pub(crate) code: Vec<usize>,
    /// The items that are not tests. None for a file that is not Rust.
    pub(crate) items: Vec<Item>,
}

impl Source {
    pub(crate) fn new(path: &str, text: &str) -> Result<Source> {
        let lines: Vec<String> = text.lines().map(str::to_string).collect();
        let mut code: Vec<usize> = (1..=lines.len()).collect();
        let mut items = Vec::new();
        if is_rust(path) {
            items = syn::parse_file(text).with_context(|| format!("{path} is not Rust"))?.items;
        }
        items.retain(|item| {
            let is_test = matches!(item, Item::Mod(it) if it.attrs.iter().any(is_test_only));
            if is_test {
                let tests = item.span().start().line..=item.span().end().line;
                code.retain(|number| !tests.contains(number));
            }
            !is_test
        });
        while code.pop_if(|number| lines[*number - 1].trim().is_empty()).is_some() {}
        Ok(Source { path: path.to_string(), lines, code, items })
    }

    pub(crate) fn line(&self, number: usize) -> &str {
        self.lines.get(number - 1).map_or("", String::as_str)
    }

    /// The texts of the lines of code.
    pub(crate) fn texts(&self) -> Vec<&str> {
        self.code.iter().map(|number| self.line(*number)).collect()
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
        assert_eq!(source.code, [1, 2, 3]);
        assert_eq!(source.items.len(), 1);
    }
}
