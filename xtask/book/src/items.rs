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

/// The lines with this name, and the name of an item with them.
fn item(source: &Source, name: &str) -> Result<Vec<Piece>> {
    let all = named(source);
    let pieces = all.iter().filter(|(it, _)| it == name).map(|(_, piece)| piece.clone());
    let pieces: Vec<Piece> = match name {
        "use" | "mod" => joined(source, pieces),
        "//!" => module_doc(source),
        _ => pieces.collect(),
    };
    if pieces.is_empty() {
        let is_top = |(name, piece): &&(String, Piece)| {
            piece.inside.is_none() && name != "use" && name != "mod"
        };
        let names: Vec<&str> = all.iter().filter(is_top).map(|(name, _)| name.as_str()).collect();
        bail!("no item `{name}` in {}; it has: {}", source.path, names.join(", "));
    }
    Ok(pieces)
}

/// Joins pieces with only blank lines between them, such as two groups of `use` lines.
fn joined(source: &Source, pieces: impl Iterator<Item = Piece>) -> Vec<Piece> {
    let mut joined: Vec<Piece> = Vec::new();
    for piece in pieces {
        let is_blank = |number| source.line(number).trim().is_empty();
        match joined.last_mut() {
            Some(last) if (last.lines.end() + 1..*piece.lines.start()).all(is_blank) => {
                last.lines = *last.lines.start()..=*piece.lines.end();
            }
            _ => joined.push(piece),
        }
    }
    joined
}

fn module_doc(source: &Source) -> Vec<Piece> {
    let lines = source.texts();
    let count = lines.iter().take_while(|line| line.starts_with("//!")).count();
    if count == 0 { Vec::new() } else { vec![Piece { lines: 1..=count, inside: None }] }
}

/// Each item that is no test, and each function inside an `impl`, with its name: `function`, `impl Type`, `use`,
/// `Type::method`.
fn named(source: &Source) -> Vec<(String, Piece)> {
    let mut all = Vec::new();
    let is_test = |item: &&Item| source.is_test(item.span().start().line);
    for item in source.items.iter().filter(|item| !is_test(item)) {
        let mut add = |name: String, span: Span, inside: Option<usize>| {
            let lines = with_comments(source, span.start().line..=span.end().line);
            all.push((name, Piece { lines, inside }));
        };
        match item {
            Item::Use(_) => add("use".to_string(), item.span(), None),
            Item::Mod(it) if it.content.is_none() => add("mod".to_string(), item.span(), None),
            _ => {}
        }
        if let Some(name) = name(item) {
            add(name, item.span(), None);
        }
        for (name, span, head) in members(item) {
            add(name, span, Some(head));
        }
    }
    all
}

/// The functions inside an `impl`, with the first line of the block.
fn members(item: &Item) -> Vec<(String, Span, usize)> {
    let Item::Impl(block) = item else { return Vec::new() };
    let (owner, head) = (type_name(&block.self_ty), block.impl_token.span.start().line);
    let member = |member: &ImplItem| match member {
        ImplItem::Fn(it) => Some((format!("{owner}::{}", it.sig.ident), member.span(), head)),
        _ => None,
    };
    block.items.iter().filter_map(member).collect()
}

/// The name of an item, such as `Type`, `function`, `impl Type` or `impl Trait for Type`.
fn name(item: &Item) -> Option<String> {
    let ident = match item {
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

    #[test]
    fn an_item_that_is_not_there_is_an_error_that_names_those_that_are() {
        let source = Source::new("a.rs", TEXT).unwrap();
        let error = find(&source, &["Nothing"]).unwrap_err().to_string();
        assert_eq!(
            error,
            "no item `Nothing` in a.rs; it has: Thing, impl Thing, impl From for Thing"
        );
    }
}
