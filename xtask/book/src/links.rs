//! Checks that every link inside the built book has a target, and that every picture has an alternative text.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::files;
use crate::pattern::regex;

/// A page of the built book, with its tags and its link targets.
struct Page {
    tags: Vec<String>,
    ids: BTreeSet<String>,
}

/// Checks every link of the built book. Returns the number of internal links.
pub(crate) fn check(root: &Path, problems: &mut Vec<String>) -> Result<usize> {
    let pages = read(root)?;
    let root = root.canonicalize()?;
    let mut count = 0;
    for (path, page) in &pages {
        let name = path.display();
        let link = |tag: &String| attribute(tag, "href").or_else(|| attribute(tag, "src"));
        for target in page.tags.iter().filter_map(link) {
            if let Some((scheme, rest)) = target.split_once(':') {
                // The reader's own server. Any other link must use https.
                let is_own = rest.starts_with("//127.0.0.1") || rest.starts_with("//localhost");
                if scheme == "http" && !is_own {
                    problems.push(format!("{name}: {target} is not https"));
                }
                continue;
            }
            count += 1;
            let (file, anchor) = target.split_once('#').unwrap_or((&target, ""));
            let place = root.join(path);
            let place = if file.is_empty() { place } else { place.with_file_name(file) };
            let found = place.canonicalize().ok().filter(|found| found.is_file());
            // A file outside of the book is not published.
            let Some(file) = found.as_ref().and_then(|found| found.strip_prefix(&root).ok()) else {
                problems.push(format!("{name}: nothing at {target}"));
                continue;
            };
            let has_anchor = pages.get(file).is_none_or(|page| page.ids.contains(anchor));
            if !anchor.is_empty() && !has_anchor {
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
            let name = match tag {
                tag if tag.starts_with("<img ") => "alt",
                tag if tag.contains("role=\"img\"") => "aria-label",
                _ => continue,
            };
            count += 1;
            if attribute(tag, name).is_none_or(|text| text.trim().is_empty()) {
                problems.push(format!("{}: a picture without a text: {tag}", path.display()));
            }
        }
    }
    Ok(count)
}

fn read(root: &Path) -> Result<BTreeMap<PathBuf, Page>> {
    let mut pages = BTreeMap::new();
    for path in files::built_pages(root)? {
        // Code on a page has `&lt;` for `<`, so tags in code don't match.
        let html = files::read(root, &path)?;
        let tags = regex!(r"<[a-zA-Z][^<>]*>").find_iter(&html);
        let tags: Vec<String> = tags.map(|tag| tag.as_str().to_string()).collect();
        let ids = tags.iter().filter_map(|tag| attribute(tag, "id")).collect();
        pages.insert(PathBuf::from(path), Page { tags, ids });
    }
    Ok(pages)
}

/// The value of an attribute of a tag.
fn attribute(tag: &str, name: &str) -> Option<String> {
    let (_, rest) = tag.split_once(&format!(" {name}=\""))?;
    let (value, _) = rest.split_once('"')?;
    Some(value.replace("&amp;", "&"))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn links_to_nothing_and_pictures_without_a_text_are_found() {
        let outside = tempfile::tempdir().unwrap();
        let root = outside.path().join("book");
        fs::create_dir_all(root.join("a")).unwrap();
        fs::write(root.join("c.html"), "<p id=\"d\">").unwrap();
        fs::write(outside.path().join("e.md"), "").unwrap();
        for (tag, expected) in [
            ("<a class=\"x\" href=\"../c.html#d\">", ""),
            ("<code>&lt;a href=\"/x\"&gt;</code>", ""),
            ("<a href=\"http://127.0.0.1:80/\">", ""),
            ("<a href=\"http://a.b\">", "http://a.b is not https"),
            ("<a href=\"c.html#d\">", "nothing at c.html#d"),
            ("<a href=\"../../e.md\">", "nothing at ../../e.md"),
            ("<a href=\"../c.html#e\">", "no place `#e` in c.html"),
            ("<a href=\"#d\">", "no place `#d` in a/b.html"),
            ("<img alt=\"A\" src=\"https://a.b\">", ""),
            (
                "<i role=\"img\" aria-label=\" \">",
                "a picture without a text: <i role=\"img\" aria-label=\" \">",
            ),
        ] {
            fs::write(root.join("a/b.html"), tag).unwrap();
            let mut problems = Vec::new();
            check(&root, &mut problems).unwrap();
            figures(&root, &mut problems).unwrap();
            let expected =
                if expected.is_empty() { vec![] } else { vec![format!("a/b.html: {expected}")] };
            assert_eq!(problems, expected);
        }
    }
}
