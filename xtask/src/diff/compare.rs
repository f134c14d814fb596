//! Two trees of files: which are new, gone, changed, moved, the same.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::Context;

use super::unified::LineDiff;

/// The files of a folder by their path, with slashes.
pub(crate) type Tree = BTreeMap<String, Vec<u8>>;

/// What has become of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    New,
    Gone,
    Changed,
    /// It has another path, and may have changed too.
    Moved,
    Same,
}

/// One file of either tree, or of both.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    /// Where it is now; where it was if it is gone.
    pub path: String,
    pub moved_from: Option<String>,
    pub kind: Kind,
    pub old: Vec<u8>,
    pub new: Vec<u8>,
}

impl Entry {
    /// A file that has both an old and a new content; an empty one counts as missing.
    #[cfg(test)]
    pub(crate) fn of(path: &str, old: &[u8], new: &[u8]) -> Entry {
        let kind = match (old, new) {
            (old, new) if old == new => Kind::Same,
            ([], _) => Kind::New,
            (_, []) => Kind::Gone,
            _ => Kind::Changed,
        };
        Entry { path: path.to_string(), moved_from: None, kind, old: old.into(), new: new.into() }
    }

    /// Whether it cannot be shown line by line.
    pub(crate) fn is_binary(&self) -> bool {
        std::str::from_utf8(&self.old).is_err() || std::str::from_utf8(&self.new).is_err()
    }

    /// The lines that came and went.
    pub(crate) fn lines(&self) -> LineDiff {
        LineDiff::new(&String::from_utf8_lossy(&self.old), &String::from_utf8_lossy(&self.new))
    }
}

/// Reads the files of a folder that are in `scope`: files, or folders with all they hold.
pub(crate) fn read_tree(folder: &Path, scope: &[&str]) -> anyhow::Result<Tree> {
    let mut tree = Tree::new();
    for path in scope {
        read_into(folder, path, &mut tree)?;
    }
    Ok(tree)
}

fn read_into(folder: &Path, path: &str, tree: &mut Tree) -> anyhow::Result<()> {
    let full = folder.join(path);
    if full.is_file() {
        let content = fs::read(&full).with_context(|| full.display().to_string())?;
        tree.insert(path.to_string(), content);
    } else if full.is_dir() {
        for entry in fs::read_dir(&full).with_context(|| full.display().to_string())? {
            let name = entry?.file_name().to_string_lossy().into_owned();
            if !name.starts_with('.') && name != "target" {
                read_into(folder, &format!("{path}/{name}"), tree)?;
            }
        }
    }
    Ok(())
}

/// Compares file by file; the result is sorted by path.
pub(crate) fn compare(old: &Tree, new: &Tree) -> Vec<Entry> {
    let mut entries: Vec<Entry> = Vec::new();
    let mut gone: Vec<(&String, &Vec<u8>)> =
        old.iter().filter(|(p, _)| !new.contains_key(*p)).collect();
    for (path, now) in new {
        let mut entry = Entry {
            path: path.clone(),
            moved_from: None,
            kind: Kind::New,
            old: Vec::new(),
            new: now.clone(),
        };
        if let Some(before) = old.get(path) {
            entry.kind = if before == now { Kind::Same } else { Kind::Changed };
            entry.old.clone_from(before);
        } else if let Some(place) = most_alike(now, &gone) {
            let (from, before) = gone.remove(place);
            entry.kind = Kind::Moved;
            entry.moved_from = Some(from.clone());
            entry.old.clone_from(before);
        }
        entries.push(entry);
    }
    entries.extend(gone.into_iter().map(|(path, before)| Entry {
        path: path.clone(),
        moved_from: None,
        kind: Kind::Gone,
        old: before.clone(),
        new: Vec::new(),
    }));
    entries.sort_by(|a, b| a.path.cmp(&b.path));
    entries
}

/// The place of the gone file from which this one was made, if six lines in ten are the same.
fn most_alike(now: &[u8], gone: &[(&String, &Vec<u8>)]) -> Option<usize> {
    let alike = |before: &[u8]| match (std::str::from_utf8(before), std::str::from_utf8(now)) {
        _ if before == now => 1.0,
        (Ok(before), Ok(now)) => similar::TextDiff::from_lines(before, now).ratio(),
        _ => 0.0,
    };
    let ratios = gone.iter().enumerate().map(|(place, (_, before))| (place, alike(before)));
    let best = ratios.max_by(|(_, a), (_, b)| a.total_cmp(b));
    best.filter(|&(_, ratio)| ratio >= 0.6).map(|(place, _)| place)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::tests::folder_with;

    fn tree(files: &[(&str, &str)]) -> Tree {
        files.iter().map(|(path, text)| ((*path).to_string(), text.as_bytes().to_vec())).collect()
    }

    fn kinds(old: &[(&str, &str)], new: &[(&str, &str)]) -> Vec<(String, Kind)> {
        compare(&tree(old), &tree(new)).into_iter().map(|entry| (entry.path, entry.kind)).collect()
    }

    #[test]
    fn each_file_has_one_fate() {
        assert_eq!(
            kinds(
                &[("changed", "1\n"), ("gone", "g\n"), ("same", "s\n")],
                &[("changed", "2\n"), ("new", "n\n"), ("same", "s\n")],
            ),
            [
                ("changed".to_string(), Kind::Changed),
                ("gone".to_string(), Kind::Gone),
                ("new".to_string(), Kind::New),
                ("same".to_string(), Kind::Same),
            ]
        );
    }

    #[test]
    fn a_file_at_another_path_has_moved_even_with_a_new_line() {
        let entries = compare(
            &tree(&[("src/a.rs", "1\n2\n3\n4\n"), ("src/z.rs", "other\n")]),
            &tree(&[("src/http/a.rs", "1\n2\n3\n4\n5\n")]),
        );
        assert_eq!(entries[0].moved_from.as_deref(), Some("src/a.rs"));
        assert_eq!(entries[0].kind, Kind::Moved);
        assert_eq!((entries[1].path.as_str(), entries[1].kind), ("src/z.rs", Kind::Gone));
    }

    #[test]
    fn exercises_hidden_files_and_what_is_not_asked_for_are_left_out() {
        let folder = folder_with(&[
            ("Cargo.toml", ""),
            ("exercises/01_curl/check.rs", ""),
            ("src/core/mod.rs", ""),
            ("src/.lib.rs.swp", ""),
            ("src/lib.rs", ""),
        ]);
        let paths = |scope: &[&str]| -> Vec<String> {
            read_tree(folder.path(), scope).unwrap().into_keys().collect()
        };
        assert_eq!(
            paths(&["Cargo.toml", "src", "tests"]),
            ["Cargo.toml", "src/core/mod.rs", "src/lib.rs"]
        );
        assert_eq!(paths(&["src/core"]), ["src/core/mod.rs"]);
    }
}
