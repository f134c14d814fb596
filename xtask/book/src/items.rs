//! Finds Rust items by their path, and the lines that they are on.

use std::collections::BTreeSet;

use anyhow::{Result, bail};
use proc_macro2::Span;
use syn::spanned::Spanned;
use syn::{ImplItem, Item};

use crate::source::{Lines, Source};

/// A piece of a file that a page shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Piece {
    pub(crate) lines: Lines,
    /// For a method, the line of its `impl`, which is shown above it.
    pub(crate) inside: Option<usize>,
}

/// Finds items by their names. The README explains which names are possible.
pub(crate) fn find(source: &Source, names: &[&str]) -> Result<Vec<Piece>> {
    let pieces: Result<Vec<_>> = names.iter().map(|name| item(source, name)).collect();
    Ok(pieces?.concat())
}

/// Whether a line is in one of the pieces. Every line is if there are none.
pub(crate) fn are_on(pieces: &[Piece], number: usize) -> bool {
    pieces.is_empty() || pieces.iter().any(|piece| piece.lines.contains(&number))
}

/// The names of all items, with those inside `impl` blocks in place of the blocks.
pub(crate) fn all(source: &Source) -> Vec<String> {
    let mut names: Vec<String> = named(source).into_iter().map(|(name, _)| name).collect();
    let mut seen = BTreeSet::new();
    let is_block = |name: &str| name.starts_with("impl ") && !name.contains(" for ");
    names.retain(|name| !is_block(name) && seen.insert(name.clone()));
    names
}

/// The pieces with this name. `use` lines are joined if only blank lines are between them, and so are `mod` lines.
fn item(source: &Source, name: &str) -> Result<Vec<Piece>> {
    let is_joined = matches!(name, "use" | "mod");
    let is_blank = |number| source.line(number).trim().is_empty();
    let mut pieces: Vec<Piece> = Vec::new();
    for (_, piece) in named(source).into_iter().filter(|(it, _)| it == name) {
        match pieces.last_mut() {
            Some(last)
                if is_joined && (last.lines.end() + 1..*piece.lines.start()).all(is_blank) =>
            {
                last.lines = *last.lines.start()..=*piece.lines.end();
            }
            _ => pieces.push(piece),
        }
    }
    if pieces.is_empty() {
        bail!("no item `{name}` in {}; it has: {}", source.path, all(source).join(", "));
    }
    Ok(pieces)
}

/// The file's own comment, each item, and each function inside an `impl`, with its name: `//!`,
/// `function`, `impl Type`, `use`, `Type::method`.
fn named(source: &Source) -> Vec<(String, Piece)> {
    let mut all = Vec::new();
    let doc = source.texts().iter().take_while(|line| line.starts_with("//!")).count();
    if doc > 0 {
        all.push(("//!".to_string(), Piece { lines: 1..=doc, inside: None }));
    }
    for item in &source.items {
        let of_item = name(item).map(|name| (name, item.span(), None));
        for (name, span, inside) in of_item.into_iter().chain(members(item)) {
            let lines = with_comments(source, span.start().line..=span.end().line);
            all.push((name, Piece { lines, inside }));
        }
    }
    all
}

/// The functions inside an `impl`, with the first line of the block.
fn members(item: &Item) -> Vec<(String, Span, Option<usize>)> {
    let Item::Impl(block) = item else { return Vec::new() };
    let (owner, head) = (type_name(&block.self_ty), block.impl_token.span.start().line);
    let member = |member: &ImplItem| match member {
        ImplItem::Fn(it) => Some((format!("{owner}::{}", it.sig.ident), member.span(), Some(head))),
        _ => None,
    };
    block.items.iter().filter_map(member).collect()
}

/// The name of an item, such as `use`, `Type`, `function`, `impl Type` or `impl Trait for Type`.
fn name(item: &Item) -> Option<String> {
    let ident = match item {
        Item::Use(_) => return Some("use".to_string()),
        Item::Mod(it) if it.content.is_none() => return Some("mod".to_string()),
        Item::Const(it) => &it.ident,
        Item::Enum(it) => &it.ident,
        Item::Fn(it) => &it.sig.ident,
        Item::Mod(it) => &it.ident,
        Item::Static(it) => &it.ident,
        Item::Struct(it) => &it.ident,
        Item::Trait(it) => &it.ident,
        Item::Type(it) => &it.ident,
        Item::Macro(it) => it.ident.as_ref()?,
        Item::Impl(it) => {
            let owner = type_name(&it.self_ty);
            let of = it.trait_.as_ref().and_then(|(path, _)| path.segments.last());
            let of = of.map_or(String::new(), |of| format!("{} for ", of.ident));
            return Some(format!("impl {of}{owner}"));
        }
        _ => return None,
    };
    Some(ident.to_string())
}

/// The last identifier of a type. `Result<T, E>` is `Result`, `&'static str` is `str`, `F` is `F`.
fn type_name(of: &syn::Type) -> String {
    match of {
        syn::Type::Path(path) => {
            path.path.segments.last().map(|last| last.ident.to_string()).unwrap_or_default()
        }
        syn::Type::Reference(reference) => type_name(&reference.elem),
        _ => String::new(),
    }
}

fn with_comments(source: &Source, lines: Lines) -> Lines {
    let is_comment = |number: usize| {
        let line = source.line(number).trim_start();
        line.starts_with("//") && !line.starts_with("//!")
    };
    let mut start = *lines.start();
    while start > 1 && is_comment(start - 1) {
        start -= 1;
    }
    start..=*lines.end()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "//! Doc.\n\n// Why.\nuse std::io;\n\nuse crate::x;\n\n/// A thing.\n#[derive(Debug)]\npub struct Thing;\n\nimpl Thing {\n    /// Makes.\n    pub fn make() -> Thing {\n        Thing\n    }\n\n    fn other(&self) {}\n}\n\nimpl From<u8> for Thing {\n    fn from(_: u8) -> Thing {\n        Thing\n    }\n}\n\n#[cfg(test)]\nmod tests {\n    struct Thing;\n}\n";

    fn lines(name: &str) -> Vec<Lines> {
        let source = Source::new("a.rs", TEXT).unwrap();
        find(&source, &[name]).unwrap().into_iter().map(|piece| piece.lines).collect()
    }

    #[test]
    fn items_are_found_with_their_comments_and_attributes() {
        assert_eq!(lines("//!"), [1..=1]);
        assert_eq!(lines("use"), [3..=6]);
        assert_eq!(lines("Thing"), [8..=10]);
        assert_eq!(lines("impl Thing"), [12..=19]);
        assert_eq!(lines("Thing::make"), [13..=16]);
        assert_eq!(lines("impl From for Thing"), [21..=25]);
    }
}
