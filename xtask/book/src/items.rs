//! Finds Rust items by their path, and the lines that they are on.

use anyhow::{Context, Result};
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

/// Finds items by their names. The README explains which names are possible. Without names, it is the whole file.
pub(crate) fn find(source: &Source, names: &[&str]) -> Result<Vec<Piece>> {
    if names.is_empty() {
        return Ok(vec![Piece { lines: 1..=source.lines.len(), inside: None }]);
    }
    let pieces: Result<Vec<_>> = names.iter().map(|name| item(source, name)).collect();
    Ok(pieces?.concat())
}

/// Whether a line is in one of the pieces.
pub(crate) fn are_on(pieces: &[Piece], number: usize) -> bool {
    pieces.iter().any(|piece| piece.lines.contains(&number))
}

/// All items by name, with those inside `impl` blocks in place of the blocks.
pub(crate) fn all(source: &Source) -> Vec<(String, Vec<Piece>)> {
    let mut all = named(source);
    all.retain(|(name, _)| !name.starts_with("impl ") || name.contains(" for "));
    all
}

fn item(source: &Source, name: &str) -> Result<Vec<Piece>> {
    let found = named(source).into_iter().find(|(it, _)| it == name);
    let (_, pieces) = found.with_context(|| {
        let names: Vec<String> = all(source).into_iter().map(|(name, _)| name).collect();
        format!("no item `{name}` in {}; it has: {}", source.path, names.join(", "))
    })?;
    Ok(pieces)
}

/// The file's own comment, each item, and each function inside an `impl`, by name: `//!`, `function`, `impl Type`, `use`,
/// `Type::method`. Several pieces may have the same name.
fn named(source: &Source) -> Vec<(String, Vec<Piece>)> {
    let mut all = Vec::new();
    let doc = source.lines.iter().take_while(|line| line.starts_with("//!")).count();
    if doc > 0 {
        all.push(("//!".to_string(), vec![Piece { lines: 1..=doc, inside: None }]));
    }
    for item in &source.items {
        let of_item = name(item).map(|name| (name, item.span(), None));
        for (name, span, inside) in of_item.into_iter().chain(members(item)) {
            let lines = with_comments(source, span.start().line..=span.end().line);
            add(source, &mut all, name, Piece { lines, inside });
        }
    }
    all
}

/// Adds a piece. `use` lines are joined if only blank lines are between them, and so are `mod` lines.
fn add(source: &Source, all: &mut Vec<(String, Vec<Piece>)>, name: String, piece: Piece) {
    let is_joined = name == "use" || name == "mod";
    let Some((_, pieces)) = all.iter_mut().find(|(it, _)| *it == name) else {
        all.push((name, vec![piece]));
        return;
    };
    let is_blank = |number| source.line(number).trim().is_empty();
    match pieces.last_mut() {
        Some(last) if is_joined && (last.lines.end() + 1..*piece.lines.start()).all(is_blank) => {
            last.lines = *last.lines.start()..=*piece.lines.end();
        }
        _ => pieces.push(piece),
    }
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
