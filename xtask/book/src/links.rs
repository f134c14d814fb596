//! Checks that every link inside the built book has a target, and that every picture has an alternative text.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};

use anyhow::Result;

use crate::files;
use crate::pattern::regex;

/// Pages that consist of other pages, whose links are checked there.
const COPIES: [&str; 3] = ["print.html", "404.html", "toc.html"];

/// A page of the built book, with its tags and its link targets.
struct Page {
    tags: Vec<String>,
    ids: BTreeSet<String>,
}

/// Checks every link of the built book. Returns the number of internal links.
pub(crate) fn check(root: &Path, problems: &mut Vec<String>) -> Result<usize> {
    let pages = read(root)?;
    let mut count = 0;
    for (path, page) in &pages {
        let name = path.display();
        for target in page.tags.iter().filter_map(|tag| link(tag)) {
            match target.split_once(':') {
                // The reader's own server. Any other link must use https.
                Some(("http", rest)) => {
                    if !rest.starts_with("//127.0.0.1") && !rest.starts_with("//localhost") {
                        problems.push(format!("{name}: {target} is not https"));
                    }
                    continue;
                }
                Some(_) => continue,
                None => {}
            }
            count += 1;
            let (file, anchor) = target.split_once('#').unwrap_or((&target, ""));
            let file = if file.is_empty() { path.clone() } else { resolve(path, file) };
            if !pages.contains_key(&file) && !root.join(&file).is_file() {
                problems.push(format!("{name}: nothing at {target}"));
            } else if !anchor.is_empty()
                && pages.get(&file).is_some_and(|page| !page.ids.contains(anchor))
            {
                problems.push(format!("{name}: no place `#{anchor}` in {}", file.display()));
            }
        }
    }
    Ok(count)
}

/// Checks every picture of the built book. Returns the number of pictures.
pub(crate) fn figures(root: &Path, problems: &mut Vec<String>) -> Result<usize> {
    let mut count = 0;
    for (path, page) in read(root)? {
        for tag in &page.tags {
            let text = match () {
                () if tag.starts_with("<img ") => attribute(tag, "alt"),
                // Drawings are written by the preprocessor, which requires a text.
                () if tag.contains("role=\"img\"") => attribute(tag, "aria-label"),
                () => continue,
            };
            count += 1;
            if text.is_none_or(|text| text.trim().is_empty()) {
                problems.push(format!("{}: a picture without a text: {tag}", path.display()));
            }
        }
    }
    Ok(count)
}

fn read(root: &Path) -> Result<BTreeMap<PathBuf, Page>> {
    let mut pages = BTreeMap::new();
    for path in files::below(root, "html")? {
        if COPIES.contains(&path.as_str()) {
            continue;
        }
        let tags = tags(&files::read(root, &path)?);
        let ids = tags.iter().filter_map(|tag| attribute(tag, "id")).collect();
        pages.insert(PathBuf::from(path), Page { tags, ids });
    }
    Ok(pages)
}

/// The tags with their attributes. Code on a page has `&lt;` for `<`, so tags in code don't match.
fn tags(html: &str) -> Vec<String> {
    regex!(r"<[a-zA-Z][^<>]*>").find_iter(html).map(|tag| tag.as_str().to_string()).collect()
}

fn link(tag: &str) -> Option<String> {
    attribute(tag, "href").or_else(|| attribute(tag, "src"))
}

/// The value of an attribute of a tag.
fn attribute(tag: &str, name: &str) -> Option<String> {
    let (_, rest) = tag.split_once(&format!(" {name}=\""))?;
    let (value, _) = rest.split_once('"')?;
    Some(value.replace("&amp;", "&"))
}

/// The target of a relative link.
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

    #[test]
    fn a_link_in_a_listing_is_no_link() {
        let page = r#"<code>&lt;a href="/x"&gt;</code> <a class="y" href="z.html#a">z</a>"#;
        let links: Vec<_> = tags(page).iter().filter_map(|tag| link(tag)).collect();
        assert_eq!(links, ["z.html#a"]);
    }
}
