//! Every link inside the built book leads somewhere.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Component, Path, PathBuf};

use anyhow::{Context, Result};
use regex::Regex;

/// Looks at every page of the built book. Returns how many pages and internal links there are.
pub(crate) fn check(root: &Path, problems: &mut Vec<String>) -> Result<(usize, usize)> {
    let mut pages = BTreeMap::new();
    read(root, root, &mut pages)?;
    let link = Regex::new(r#"(?:href|src)="([^"]*)""#)?;
    let id = Regex::new(r#"id="([^"]*)""#)?;
    let ids: BTreeMap<&PathBuf, BTreeSet<&str>> = pages
        .iter()
        .map(|(path, text)| {
            (
                path,
                id.captures_iter(text)
                    .map(|found| found.get(1).map_or("", |it| it.as_str()))
                    .collect(),
            )
        })
        .collect();
    let no_text = Regex::new(r#"<img (?:[^>]* )?alt="""#)?;
    let mut count = 0;
    for (page, text) in &pages {
        // The print page holds all others, with links of its own.
        if page
            .file_name()
            .is_some_and(|name| name == "print.html" || name == "404.html" || name == "toc.html")
        {
            continue;
        }
        for found in link.captures_iter(text) {
            let target = found[1].replace("&amp;", "&");
            if let Some(rest) = target.strip_prefix("http://") {
                if !rest.starts_with("127.0.0.1") && !rest.starts_with("localhost") {
                    problems.push(format!("{}: {target} is not https", page.display()));
                }
                continue;
            }
            if target.contains(':') || target.starts_with("//") {
                continue;
            }
            count += 1;
            let (file, anchor) = target.split_once('#').unwrap_or((&target, ""));
            let file = if file.is_empty() { page.clone() } else { resolve(page, file) };
            let is_there = pages.contains_key(&file) || root.join(&file).is_file();
            if !is_there {
                problems.push(format!("{}: nothing at {target}", page.display()));
            } else if !anchor.is_empty() && ids.get(&file).is_some_and(|ids| !ids.contains(anchor))
            {
                problems.push(format!(
                    "{}: no place `#{anchor}` in {}",
                    page.display(),
                    file.display()
                ));
            }
        }
        if text.contains("<img ") && no_text.is_match(text) {
            problems.push(format!("{}: a picture without a text", page.display()));
        }
    }
    Ok((pages.len(), count))
}

fn read(root: &Path, folder: &Path, pages: &mut BTreeMap<PathBuf, String>) -> Result<()> {
    for entry in fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        if path.is_dir() {
            read(root, &path, pages)?;
        } else if path.extension().is_some_and(|extension| extension == "html") {
            pages.insert(path.strip_prefix(root)?.to_path_buf(), fs::read_to_string(&path)?);
        }
    }
    Ok(())
}

/// Where a relative link leads.
fn resolve(page: &Path, link: &str) -> PathBuf {
    let mut path = page.parent().unwrap_or(Path::new("")).to_path_buf();
    for component in Path::new(link).components() {
        match component {
            Component::ParentDir => _ = path.pop(),
            Component::Normal(name) => path.push(name),
            _ => {}
        }
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_starts_where_its_page_is() {
        assert_eq!(resolve(Path::new("a/b.html"), "../c.html"), Path::new("c.html"));
        assert_eq!(resolve(Path::new("a/b.html"), "d/e.html"), Path::new("a/d/e.html"));
        assert_eq!(resolve(Path::new("b.html"), "c.html"), Path::new("c.html"));
    }
}
