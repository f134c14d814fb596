//! A file of a chapter: its lines and its items, without tests.

use std::ops::RangeInclusive;

use anyhow::{Context, Result, ensure};
use syn::spanned::Spanned;
use syn::{Attribute, Item, Meta};

use crate::files::has_extension;

/// Lines of a file, counted from 1.
pub(crate) type Lines = RangeInclusive<usize>;

/// The text of a file without its tests, which come last.
pub(crate) struct Source {
    pub(crate) path: String,
    /// The lines, without blank lines at the end.
    pub(crate) lines: Vec<String>,
    /// None for a file that is not Rust.
    pub(crate) items: Vec<Item>,
}

impl Source {
    pub(crate) fn new(path: &str, text: &str) -> Result<Source> {
        let mut lines: Vec<String> = text.lines().map(str::to_string).collect();
        let mut items = Vec::new();
        if is_rust(path) {
            items = syn::parse_file(text).with_context(|| format!("{path} is not Rust"))?.items;
        }
        if let Some(tests) = items.iter().position(is_test) {
            ensure!(items[tests..].iter().all(is_test), "{path}: an item is below the tests");
            lines.truncate(items[tests].span().start().line - 1);
            items.truncate(tests);
        }
        while lines.pop_if(|line| line.trim().is_empty()).is_some() {}
        Ok(Source { path: path.to_string(), lines, items })
    }

    pub(crate) fn line(&self, number: usize) -> &str {
        self.lines.get(number - 1).map_or("", String::as_str)
    }

    pub(crate) fn texts(&self) -> Vec<&str> {
        self.lines.iter().map(String::as_str).collect()
    }
}

pub(crate) fn is_rust(path: &str) -> bool {
    has_extension(path, "rs")
}

/// Whether an item is a module with `#[cfg(test)]`, also inside `all(…)`.
fn is_test(item: &Item) -> bool {
    let Item::Mod(module) = item else { return false };
    let is_test = |attribute: &Attribute| {
        let Meta::List(list) = &attribute.meta else { return false };
        let condition = list.tokens.to_string().replace(' ', "");
        list.path.is_ident("cfg") && (condition == "test" || condition.starts_with("all(test"))
    };
    module.attrs.iter().any(is_test)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_at_the_end_of_a_file_are_no_code() {
        let text = "//! Doc.\n\nfn a() {}\n\n#[cfg(all(test, not(loom)))]\nmod tests {\n    fn b() {}\n}\n";
        let source = Source::new("src/a.rs", text).unwrap();
        assert_eq!(source.lines, ["//! Doc.", "", "fn a() {}"]);
        assert_eq!(source.items.len(), 1);
        let error = Source::new("src/a.rs", &format!("{text}fn c() {{}}")).err().unwrap();
        assert_eq!(error.to_string(), "src/a.rs: an item is below the tests");
    }
}
