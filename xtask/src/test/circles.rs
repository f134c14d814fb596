//! Checks that the modules of a chapter, or of a crate of tools, do not import each other in a circle, so that each can
//! be read after its dependencies.
//!
//! A re-export is followed to the module that defines the name, so a parent may re-export names of its children. Tests
//! may import anything.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{anyhow, ensure};
use proc_macro2::{Delimiter, TokenStream, TokenTree};

use super::part::{Outcome, Run};
use crate::tree::read_tree;

/// The segments of a path: `crate`, `http`, `Request`. A module's own path has no `crate`.
type Path = Vec<String>;

/// All modules of a crate.
type Modules = BTreeMap<Path, Module>;

/// The modules that each module needs.
type Needs = BTreeMap<Path, BTreeSet<Path>>;

/// The paths in one file.
#[derive(Debug, Default)]
struct Module {
    /// Private imports, and all paths and names in the code.
    uses: BTreeSet<Path>,
    /// The path of each name that the module re-exports.
    exports: BTreeMap<String, Path>,
}

/// The tools that are checked like a chapter.
const TOOLS: [&str; 7] = [
    "xtask",
    "xtask/book",
    "xtask/course",
    "xtask/labs",
    "xtask/plots",
    "xtask/scale",
    "xtask/wire",
];

pub(super) fn check(run: &Run) -> anyhow::Result<Outcome> {
    let workspace = &run.workspace;
    let (mut problems, mut count) = (Vec::new(), 0);
    let chapters = workspace.chapters().iter().map(|chapter| chapter.folder.as_str());
    for folder in chapters.chain(TOOLS) {
        let mut modules = Modules::new();
        for (file, content) in read_tree(&workspace.path(folder), &["src"])? {
            let Some(path) = module_path(&file) else { continue };
            let tokens = String::from_utf8(content)?.parse();
            let tokens = tokens.map_err(|error| anyhow!("{folder}/{file}: {error}"))?;
            read(tokens, &[], false, modules.entry(path).or_default());
        }
        count += modules.len();
        let found = circles(&modules).into_iter();
        problems.extend(found.map(|import| format!("{folder}: {import}")));
    }
    let remedy = "These imports make a circle: move what both sides need to a file of its own.";
    ensure!(problems.is_empty(), "{}\n{remedy}", problems.join("\n"));
    Ok(Outcome::passed(format!("{count} modules without a circle")))
}

/// `src/http/mod.rs` is the module `http`. A binary's `main.rs` is in no other module.
fn module_path(file: &str) -> Option<Path> {
    let path = file.strip_prefix("src/")?.strip_suffix(".rs").filter(|path| *path != "main")?;
    let mut path: Path = path.split('/').map(str::to_string).collect();
    path.pop_if(|last| last == "mod" || last == "lib");
    Some(path)
}

/// Adds all paths of these tokens, without the items for tests. In the braces of an import, they begin with `prefix`.
fn read(tokens: TokenStream, prefix: &[String], mut is_export: bool, module: &mut Module) {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    let is = |at: usize, text: &str| tokens.get(at).is_some_and(|it| it.to_string() == text);
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        at += 1;
        match token {
            TokenTree::Group(group) if is_for_tests(&group.stream()) => {
                at += tokens[at..].iter().position(is_end).map_or(0, |end| end + 1);
            }
            TokenTree::Group(group) => read(group.stream(), &[], false, module),
            TokenTree::Punct(end) if end.as_char() == ';' => is_export = false,
            TokenTree::Ident(word) if word == "pub" => {
                at += usize::from(matches!(tokens.get(at), Some(TokenTree::Group(_)))); // (super)
                is_export = is(at, "use");
                at += usize::from(is_export);
            }
            TokenTree::Ident(word) => {
                let mut path = [prefix, &[word.to_string()]].concat();
                let has_next = |at| is(at, ":") && is(at + 1, ":");
                while has_next(at)
                    && let Some(TokenTree::Ident(word)) = tokens.get(at + 2)
                {
                    path.push(word.to_string());
                    at += 3;
                }
                path.pop_if(|last| last == "self" && !prefix.is_empty());
                let mut name = path.last().cloned().unwrap_or_default();
                // `Thing as It` in an import, and not a conversion.
                if is(at, "as") && (is_export || !prefix.is_empty()) {
                    name = tokens.get(at + 1).map(TokenTree::to_string).unwrap_or_default();
                    at += 2;
                }
                if has_next(at)
                    && let Some(TokenTree::Group(group)) = tokens.get(at + 2)
                {
                    read(group.stream(), &path, is_export, module);
                    at += 3;
                } else if is_export {
                    module.exports.insert(name, path);
                } else {
                    module.uses.insert(path);
                }
            }
            _ => {}
        }
    }
}

/// Whether an item can end with this token.
fn is_end(token: &TokenTree) -> bool {
    matches!(token, TokenTree::Group(group) if group.delimiter() == Delimiter::Brace)
        || token.to_string() == ";"
}

/// Whether an attribute is `cfg(test)` or `cfg(all(test, …))`.
fn is_for_tests(attribute: &TokenStream) -> bool {
    let text: String = attribute.to_string().split_whitespace().collect();
    text == "cfg(test)" || text.starts_with("cfg(all(test,")
}

/// The module that defines `path` as seen from the module `at`, or `None` if the path is of another crate or a local
/// name.
fn resolve(modules: &Modules, at: &[String], path: &[String]) -> Option<Path> {
    let first = path.first()?;
    let is_known = ["crate", "self", "super"].contains(&first.as_str())
        || modules.get(at)?.exports.contains_key(first)
        || (path.len() > 1 && modules.contains_key(&[at, &path[..1]].concat()));
    if !is_known {
        return None;
    }
    let mut full = at.to_vec();
    for segment in path {
        match segment.as_str() {
            "crate" => full.clear(),
            "self" => {}
            "super" => _ = full.pop(),
            _ => full.push(segment.clone()),
        }
    }
    let depth = (0..=full.len()).rev().find(|depth| modules.contains_key(&full[..*depth]))?;
    let rest = full.split_off(depth);
    let export = rest.first().and_then(|name| modules.get(&full)?.exports.get(name));
    let export = export.filter(|path| path.len() > 1); // `pub use libc;` is another crate
    let defined = export.and_then(|path| resolve(modules, &full, &[path, &rest[1..]].concat()));
    defined.or(Some(full))
}

/// The imports that form circles, such as `http/percent -> http/target`.
fn circles(modules: &Modules) -> Vec<String> {
    let mut needs: Needs = BTreeMap::new();
    for (at, module) in modules {
        let needed = module.uses.iter().filter_map(|path| resolve(modules, at, path));
        needs.insert(at.clone(), needed.filter(|other| other != at).collect());
    }
    let name = |module: &Path| if module.is_empty() { "lib".to_string() } else { module.join("/") };
    let imports = needs.iter().flat_map(|(from, to)| to.iter().map(move |to| (from, to)));
    let in_circles = imports.filter(|(from, to)| reachable(&needs, to).contains(from));
    in_circles.map(|(from, to)| format!("{} -> {}", name(from), name(to))).collect()
}

/// The modules that `from` needs, directly or through others.
fn reachable<'a>(needs: &'a Needs, from: &'a Path) -> BTreeSet<&'a Path> {
    let (mut found, mut stack) = (BTreeSet::new(), vec![from]);
    while let Some(module) = stack.pop() {
        let new = needs.get(module).into_iter().flatten().filter(|next| found.insert(*next));
        stack.extend(new);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The circles of a crate with these files.
    fn found(files: &[(&str, &str)]) -> Vec<String> {
        let mut modules = Modules::new();
        for (file, text) in files {
            let module = modules.entry(module_path(file).unwrap()).or_default();
            read(text.parse().unwrap(), &[], false, module);
        }
        circles(&modules)
    }

    #[test]
    fn imports_paths_and_re_exports_can_close_a_circle() {
        let lib = ("src/lib.rs", "pub mod http; pub use http::b::Thing;");
        let b = ("src/http/b.rs", "use super::c::Other; pub struct Thing;");
        for a in [
            "use crate::http::b::Thing;",
            "use crate::http::b::{self, Thing as It};",
            "use crate::{Thing};",
            "fn f() -> super::b::Thing { panic!() }",
        ] {
            let a = format!("{a} pub struct Other;");
            let files =
                [lib, ("src/http/mod.rs", "pub mod b; pub mod c;"), b, ("src/http/c.rs", &a)];
            assert_eq!(found(&files), ["http/b -> http/c", "http/c -> http/b"], "{a}");
        }
    }

    #[test]
    fn a_parent_may_re_export_its_children_but_not_use_what_it_re_exports() {
        let child = ("src/a/b.rs", "use super::Limit; pub struct Thing;");
        let parent = "mod b; pub use b::Thing; pub struct Limit;";
        assert_eq!(found(&[("src/a.rs", parent), child]), [""; 0]);
        let parent = format!("{parent} fn f(_: Thing) {{}}");
        assert_eq!(found(&[("src/a.rs", &parent), child]), ["a -> a/b", "a/b -> a"]);
    }

    #[test]
    fn tests_and_other_crates_are_left_out() {
        let parent = "mod b; pub use libc; use b::Thing; pub struct Limit(libc::c_int);";
        let child = "use std::fmt; pub(super) struct Thing;
            #[cfg(test)] mod tests { use super::super::Limit; }
            #[cfg(all(test, not(loom)))] use super::Limit;";
        assert_eq!(found(&[("src/a.rs", parent), ("src/a/b.rs", child)]), [""; 0]);
    }
}
