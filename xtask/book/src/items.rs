//! Finds Rust items by their path, and the lines that they are on.

use anyhow::{Result, bail};
use proc_macro2::Span;
use syn::spanned::Spanned;
use syn::{ImplItem, Item, TraitItem};

use crate::source::{Lines, Source, is_rust};

/// A piece of a file that a page shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Piece {
    pub(crate) lines: Lines,
    /// For a method, the line of its `impl`, which is shown above it.
    pub(crate) inside: Option<usize>,
}

/// Finds one item. The README explains which names are possible.
pub(crate) fn find(source: &Source, name: &str) -> Result<Vec<Piece>> {
    if !is_rust(&source.path) {
        return section(source, name);
    }
    let items: Vec<&Item> =
        source.items().iter().filter(|it| !source.is_test(it.span().start().line)).collect();
    let mut pieces = match name {
        "use" | "mod" => run_of(source, &items, name),
        "//!" => module_doc(source),
        _ => named(source, &items, name),
    };
    if pieces.is_empty() {
        let names: Vec<String> = items.iter().flat_map(|item| names(item)).collect();
        bail!("no item `{name}` in {}; it has: {}", source.path, names.join(", "));
    }
    pieces.dedup();
    Ok(pieces)
}

/// The names that [`find`] accepts, of all items that are not tests, and of items inside `impl` blocks.
pub(crate) fn all(source: &Source) -> Vec<String> {
    let items = source.items().iter().filter(|it| !source.is_test(it.span().start().line));
    let of_item = |item: &Item| {
        let owner = match item {
            Item::Impl(block) if block.trait_.is_none() => type_name(&block.self_ty),
            _ => return names(item),
        };
        let members = members(item, &owner).into_iter();
        members.map(|(name, ..)| format!("{owner}::{name}")).collect()
    };
    let mut all = vec!["use".to_string()];
    all.extend(items.flat_map(of_item));
    all
}

/// A section of a TOML file, from the comments directly above its `[name]` to the next section.
fn section(source: &Source, name: &str) -> Result<Vec<Piece>> {
    let code = source.code();
    let is_head = |number: &&usize| source.line(**number).starts_with('[');
    let heads: Vec<usize> = code.iter().filter(is_head).copied().collect();
    let Some(at) = heads.iter().position(|number| source.line(*number).trim() == name) else {
        let known: Vec<&str> = heads.iter().map(|number| source.line(*number).trim()).collect();
        bail!("no section `{name}` in {}; it has: {}", source.path, known.join(", "));
    };
    let above = |mut number: usize| {
        while number > 1 && source.line(number - 1).starts_with('#') {
            number -= 1;
        }
        number
    };
    let start = above(heads[at]);
    let mut end = heads.get(at + 1).map_or(code.len(), |next| above(*next) - 1);
    while end > start && source.line(end).trim().is_empty() {
        end -= 1;
    }
    Ok(vec![Piece { lines: start..=end, inside: None }])
}

/// All `use` or all `mod` lines, with the comments and attributes between them.
fn run_of(source: &Source, items: &[&Item], kind: &str) -> Vec<Piece> {
    let mut pieces: Vec<Piece> = Vec::new();
    for item in items {
        let matches = match item {
            Item::Use(_) => kind == "use",
            Item::Mod(module) => kind == "mod" && module.content.is_none(),
            _ => false,
        };
        if !matches {
            continue;
        }
        let piece = Piece { lines: whole(source, item), inside: None };
        match pieces.last_mut() {
            // Blank lines between two groups of `use` lines are kept.
            Some(last)
                if (*last.lines.end()..*piece.lines.start())
                    .skip(1)
                    .all(|number| source.line(number).trim().is_empty()) =>
            {
                last.lines = *last.lines.start()..=*piece.lines.end();
            }
            _ => pieces.push(piece),
        }
    }
    pieces
}

fn module_doc(source: &Source) -> Vec<Piece> {
    let count = (1..=source.code().len())
        .take_while(|number| source.line(*number).starts_with("//!"))
        .count();
    if count == 0 { Vec::new() } else { vec![Piece { lines: 1..=count, inside: None }] }
}

fn named(source: &Source, items: &[&Item], name: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    for item in items {
        if names(item).iter().any(|it| it == name) {
            pieces.push(Piece { lines: whole(source, item), inside: None });
        }
        let Some((owner, member)) = name.split_once("::") else { continue };
        for (ident, lines, head) in members(item, owner) {
            if ident == member {
                pieces.push(Piece { lines: with_comments(source, lines), inside: Some(head) });
            }
        }
    }
    pieces
}

/// The items inside the `impl` blocks of a type or inside a trait, with name, lines, and the first line of the
/// surrounding item.
fn members(item: &Item, owner: &str) -> Vec<(String, Lines, usize)> {
    let lines = |span: Span| span.start().line..=span.end().line;
    match item {
        Item::Impl(block) if type_name(&block.self_ty) == owner => {
            let head = block.impl_token.span.start().line;
            let named = |member: &ImplItem| {
                let ident = match member {
                    ImplItem::Fn(it) => &it.sig.ident,
                    ImplItem::Const(it) => &it.ident,
                    ImplItem::Type(it) => &it.ident,
                    _ => return None,
                };
                Some((ident.to_string(), lines(member.span()), head))
            };
            block.items.iter().filter_map(named).collect()
        }
        Item::Trait(block) if block.ident == owner => {
            let head = block.trait_token.span.start().line;
            let named = |member: &TraitItem| match member {
                TraitItem::Fn(it) => Some((it.sig.ident.to_string(), lines(it.span()), head)),
                _ => None,
            };
            block.items.iter().filter_map(named).collect()
        }
        _ => Vec::new(),
    }
}

/// The name of an item, such as `Type`, `function`, `impl Type` or `impl Trait for Type`.
fn names(item: &Item) -> Vec<String> {
    match item {
        Item::Const(it) => vec![it.ident.to_string()],
        Item::Enum(it) => vec![it.ident.to_string()],
        Item::Fn(it) => vec![it.sig.ident.to_string()],
        Item::Macro(it) => it
            .ident
            .iter()
            .map(ToString::to_string)
            .chain(it.mac.path.segments.last().map(|last| format!("{}!", last.ident)))
            .collect(),
        Item::Mod(it) => vec![it.ident.to_string()],
        Item::Static(it) => vec![it.ident.to_string()],
        Item::Struct(it) => vec![it.ident.to_string()],
        Item::Trait(it) => vec![it.ident.to_string()],
        Item::Type(it) => vec![it.ident.to_string()],
        Item::Impl(it) => {
            let owner = type_name(&it.self_ty);
            let of = it.trait_.as_ref().and_then(|(path, _)| path.segments.last());
            match of {
                Some(of) => vec![format!("impl {} for {owner}", of.ident)],
                None => vec![format!("impl {owner}")],
            }
        }
        _ => Vec::new(),
    }
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

/// The lines of an item, with its attributes and doc comments, and with plain comments directly above it.
fn whole(source: &Source, item: &Item) -> Lines {
    let span = item.span();
    with_comments(source, span.start().line..=span.end().line)
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
        find(&source, name).unwrap().into_iter().map(|piece| piece.lines).collect()
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
    fn a_section_of_a_toml_file_is_an_item() {
        let text =
            "[package]\nname = \"a\"\n\n# Why.\n[dependencies]\nb = \"1\"\n\n[lints]\nc = 1\n";
        let source = Source::new("Cargo.toml", text).unwrap();
        assert_eq!(find(&source, "[dependencies]").unwrap()[0].lines, 4..=6);
        assert_eq!(find(&source, "[package]").unwrap()[0].lines, 1..=2);
        let error = find(&source, "[x]").unwrap_err().to_string();
        assert!(error.ends_with("it has: [package], [dependencies], [lints]"), "{error}");
    }

    #[test]
    fn a_method_of_a_trait_is_an_item() {
        let text = "trait A {\n    /// Doc.\n    fn b(&self);\n    fn c(&self) {}\n}\n";
        let source = Source::new("a.rs", text).unwrap();
        let found = find(&source, "A::b").unwrap();
        assert_eq!((found[0].lines.clone(), found[0].inside), (2..=3, Some(1)));
    }

    #[test]
    fn an_item_that_is_not_there_is_an_error_that_names_those_that_are() {
        let source = Source::new("a.rs", TEXT).unwrap();
        let error = find(&source, "Nothing").unwrap_err().to_string();
        assert_eq!(
            error,
            "no item `Nothing` in a.rs; it has: Thing, impl Thing, impl From for Thing"
        );
    }
}
