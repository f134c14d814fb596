//! Writes the built book into a directory for any static host, with a strict content security policy.
//!
//! mdBook writes scripts and `style` attributes into its pages, which such a policy forbids. So each script becomes a
//! file, and each attribute a rule for its value. Every page then has the policy as a `<meta>` element, and `_headers`
//! has it for the hosts that read such a file.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;

use anyhow::{Context, Result, ensure};
use regex::Captures;

use crate::files;
use crate::pattern::regex;
use crate::sources::Sources;

/// Allows scripts and styles from the book itself, and the labs' modules. The console may connect to a server of the
/// reader.
const POLICY: &str = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; \
    img-src 'self' data:; font-src 'self'; connect-src 'self' http://127.0.0.1:8080; frame-src 'self'; \
    base-uri 'self'; form-action 'none'";

/// A directive that works only in a header: no other site may show the book in a frame.
const IN_HEADER_ONLY: &str = "frame-ancestors 'self'";

/// The first line of `_headers`. It marks a directory that this command may replace.
const MARK: &str = "# Written by `cargo xtask book --out`. Send these fields with every page.";

/// The directory for the scripts and styles of the pages.
const FOLDER: &str = "inline";

/// Writes the built book into `folder`, which must be new, empty, or written by this function.
pub(crate) fn run(sources: &Sources, folder: &Path) -> Result<()> {
    let book = sources.root().join("book/book");
    let is_built = book.join("index.html").is_file();
    ensure!(is_built, "the book is not built: `mdbook build book` builds it");
    check(folder)?;
    if folder.join("_headers").exists() {
        // An earlier run has written it.
        fs::remove_dir_all(folder).with_context(|| folder.display().to_string())?;
    }
    let mut extracted = Extracted::default();
    for path in files::all(&book)? {
        let (from, to) = (book.join(&path), folder.join(&path));
        if let Some(parent) = to.parent() {
            fs::create_dir_all(parent).with_context(|| parent.display().to_string())?;
        }
        if files::has_extension(&path, "html") {
            let page = fs::read_to_string(&from).with_context(|| from.display().to_string())?;
            fs::write(&to, extracted.page(&path, &page))
                .with_context(|| to.display().to_string())?;
        } else {
            fs::copy(&from, &to).with_context(|| to.display().to_string())?;
        }
    }
    let inline = folder.join(FOLDER);
    fs::create_dir_all(&inline)?;
    for (name, script) in &extracted.scripts {
        fs::write(inline.join(name), script)?;
    }
    fs::write(inline.join("styles.css"), extracted.stylesheet())?;
    fs::write(folder.join("_headers"), headers())?;
    Ok(())
}

/// Checks that the directory is new or empty, or has been written by an earlier run.
pub(crate) fn check(folder: &Path) -> Result<()> {
    let is_empty = fs::read_dir(folder).map_or(!folder.exists(), |mut it| it.next().is_none());
    let headers = fs::read_to_string(folder.join("_headers")).unwrap_or_default();
    ensure!(
        is_empty || headers.starts_with(MARK),
        "{} has other files, which would be lost: name a new directory, or one that `cargo xtask book --out` has written",
        folder.display()
    );
    Ok(())
}

/// The content of `_headers`, which some hosts read. Other hosts need the same fields in their configuration.
fn headers() -> String {
    format!(
        "{MARK}\n/*\n  Content-Security-Policy: {POLICY}; {IN_HEADER_ONLY}\n  X-Content-Type-Options: nosniff\n"
    )
}

/// The scripts and styles of all pages, each once.
#[derive(Debug, Default)]
struct Extracted {
    /// The scripts, by file name.
    scripts: BTreeMap<String, String>,
    /// The styles, by the value of the attribute `data-style`.
    styles: BTreeMap<String, String>,
}

impl Extracted {
    /// The page at `path` without inline scripts and styles, and with the policy.
    fn page(&mut self, path: &str, page: &str) -> String {
        let up = "../".repeat(path.matches('/').count());
        let script = regex!(r"(?s)<script>(.*?)</script>");
        let page = script.replace_all(page, |found: &Captures<'_>| {
            let name = format!("{}.js", name(&found[1]));
            let tag = format!("<script src=\"{up}{FOLDER}/{name}\"></script>");
            self.scripts.insert(name, found[1].to_string());
            tag
        });
        let styled =
            regex!(r#"(<[a-zA-Z][\w:-]*(?:\s+[\w:.-]+(?:="[^"]*")?)*?\s+)style="([^"]*)""#);
        let page = styled.replace_all(&page, |found: &Captures<'_>| {
            let name = name(&found[2]);
            let tag = format!("{}data-style=\"{name}\"", &found[1]);
            self.styles.insert(name, found[2].to_string());
            tag
        });
        let with_policy = |found: &Captures<'_>| {
            format!(
                "{}\n<meta http-equiv=\"Content-Security-Policy\" content=\"{POLICY}\">\n\
                 <link rel=\"stylesheet\" href=\"{up}{FOLDER}/styles.css\">",
                &found[0]
            )
        };
        regex!(r#"(?i)<meta charset="[^"]*"\s*/?>"#).replace(&page, with_policy).into_owned()
    }

    /// The rules, with the precedence that the attributes had.
    fn stylesheet(&self) -> String {
        let mut css = String::new();
        for (name, style) in &self.styles {
            let _ = writeln!(css, "[data-style=\"{name}\"] {{");
            for declaration in style.split(';').map(str::trim).filter(|it| !it.is_empty()) {
                let _ = writeln!(css, "  {declaration} !important;");
            }
            css.push_str("}\n");
        }
        css
    }
}

/// A name that depends on the text, so that a cached file never belongs to another version of the book.
fn name(text: &str) -> String {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    format!("{:016x}", hasher.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_has_no_inline_script_and_no_style_but_the_policy() {
        let mut extracted = Extracted::default();
        let page = "<head><meta charset=\"UTF-8\"></head><script>one()</script><script src=\"a.js\"></script>\
            <td style=\"text-align: right\" class=\"a\">1</td><br style=\"clear: both\"/><p title=\"a > b\" style=\"x: y; z: 1\">\
            <code>&lt;p style=\"x\"&gt;</code>";
        let found = extracted.page("a/b.html", page);
        assert!(!found.contains("one()") && found.contains("<script src=\"../inline/"), "{found}");
        assert!(found.contains("<script src=\"a.js\"></script>"), "{found}");
        assert!(
            found
                .contains("<meta charset=\"UTF-8\">\n<meta http-equiv=\"Content-Security-Policy\"")
        );
        assert_eq!(found.matches(" style=\"").count(), 1, "only as text: {found}");
        let data = |style: &str| format!("data-style=\"{}\"", name(style));
        for tag in [
            format!("<td {} class=\"a\">", data("text-align: right")),
            format!("<br {}/>", data("clear: both")),
            format!("<p title=\"a > b\" {}>", data("x: y; z: 1")),
        ] {
            assert!(found.contains(&tag), "{tag} in {found}");
        }
        assert!(extracted.stylesheet().contains("  x: y !important;\n  z: 1 !important;\n"));
        assert_eq!(extracted.scripts.values().collect::<Vec<_>>(), ["one()"]);
    }

    #[test]
    fn a_folder_with_other_files_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("thesis.txt"), "mine").unwrap();
        let error = check(folder.path()).unwrap_err().to_string();
        assert!(error.contains("has other files, which would be lost"), "{error}");
        fs::write(folder.path().join("_headers"), headers()).unwrap();
        check(folder.path()).unwrap();
        fs::remove_dir_all(folder.path()).unwrap();
        check(folder.path()).unwrap();
        fs::create_dir(folder.path()).unwrap();
        check(folder.path()).unwrap();
    }
}
