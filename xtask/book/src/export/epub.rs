//! Writes an EPUB 3, which is a zip archive of XHTML pages, a style sheet, a table of contents, and a list of all
//! files.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::io::{Cursor, Write as _};

use anyhow::{Context, Result, bail};
use regex::Captures;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use super::pages::{Page, contents};
use super::title::VERSION;
use super::{title, xhtml};
use crate::config::About;
use crate::html::escaped;
use crate::pattern::regex;

const STYLE: &str = include_str!("epub.css");

/// Contains the path of the list of all files (EPUB 3.3 section 4.2.6.3.1).
const CONTAINER: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<container version="1.0" xmlns="urn:oasis:names:tc:opendocument:xmlns:container">
<rootfiles><rootfile full-path="book/package.opf" media-type="application/oebps-package+xml"/></rootfiles>
</container>
"#;

/// The contents of the EPUB file.
///
/// # Errors
/// Returns an error for a page that cannot be converted to well-formed XML, and for a link to an anchor that no page
/// has.
pub(super) fn pack(about: &About, pages: &[Page]) -> Result<Vec<u8>> {
    let places = places(pages);
    let mut files = vec![
        ("META-INF/container.xml".to_string(), CONTAINER.to_string()),
        ("book/package.opf".to_string(), package(about, pages, &jiff::Timestamp::now())),
        ("book/nav.xhtml".to_string(), navigation(about, pages)),
        ("book/style.css".to_string(), STYLE.to_string()),
        ("book/title.xhtml".to_string(), document(about, &about.title, &title::page(about))),
    ];
    for page in pages {
        let body = body(page, &places).with_context(|| page.path.clone())?;
        files.push((format!("book/{}", file(page)), document(about, &page.title, &body)));
    }
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    // It is the first entry and uncompressed, so that a reader finds the file type at a fixed position.
    let stored = SimpleFileOptions::DEFAULT.compression_method(CompressionMethod::Stored);
    archive.start_file("mimetype", stored)?;
    archive.write_all(b"application/epub+zip")?;
    for (name, text) in files {
        let packed = SimpleFileOptions::DEFAULT.compression_method(CompressionMethod::Deflated);
        archive.start_file(name, packed)?;
        archive.write_all(text.as_bytes())?;
    }
    Ok(archive.finish()?.into_inner())
}

/// The file name of a page: all pages are in one directory.
fn file(page: &Page) -> String {
    format!("{}.xhtml", page.path.replace('/', "-"))
}

/// The file that contains each anchor.
fn places(pages: &[Page]) -> HashMap<&str, String> {
    let mut places = HashMap::new();
    for page in pages {
        for found in regex!(r#" id="([^"]*)""#).captures_iter(&page.html) {
            let id = found.get(1).map_or("", |id| id.as_str());
            places.entry(id).or_insert_with(|| file(page));
        }
    }
    places
}

fn body(page: &Page, places: &HashMap<&str, String>) -> Result<String> {
    let link = regex!(r##" href="#([^"]*)""##);
    if let Some(lost) = link.captures_iter(&page.html).find(|it| !places.contains_key(&it[1])) {
        bail!("there is no anchor `{}`", &lost[1]);
    }
    let html = link.replace_all(&page.html, |found: &Captures<'_>| {
        let id = &found[1];
        let place = places.get(id).filter(|place| **place != file(page));
        format!(" href=\"{}#{id}\"", place.map_or("", String::as_str))
    });
    xhtml::of(&figures(&html))
}

/// Figures with unique names of markers: all drawings use the same names, and in a page each may appear once. The book's style
/// sheet refers to them, so here each line gets its markers as attributes.
fn figures(html: &str) -> String {
    let marked = regex!(r#"class="([^"]*)\b(start|end)_marked_(\w+)([^"]*)""#);
    let mut text = String::with_capacity(html.len());
    for (number, piece) in html.split("<svg").enumerate() {
        if number == 0 {
            text.push_str(piece);
            continue;
        }
        let (figure, after) = piece.split_once("</svg>").unwrap_or((piece, ""));
        let mut figure = figure.replace(" id=\"", &format!(" id=\"figure-{number}-"));
        // A line may have two markers.
        let attribute = format!("class=\"$1$4\" marker-$2=\"url(#figure-{number}-$3)\"");
        while marked.is_match(&figure) {
            figure = marked.replace_all(&figure, &attribute).into_owned();
        }
        let _ = write!(text, "<svg{figure}</svg>{after}");
    }
    text
}

/// Writes an XHTML file.
fn document(about: &About, title: &str, body: &str) -> String {
    let (language, title) = (&about.language, escaped(title));
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<!DOCTYPE html>\n\
         <html xmlns=\"http://www.w3.org/1999/xhtml\" xmlns:epub=\"http://www.idpf.org/2007/ops\" \
         xml:lang=\"{language}\" lang=\"{language}\">\n<head><title>{title}</title>\
         <link rel=\"stylesheet\" href=\"style.css\"/></head>\n<body>\n{body}\n</body>\n</html>\n"
    )
}

/// The table of contents, nested like the book's.
fn navigation(about: &About, pages: &[Page]) -> String {
    let body = format!(
        "<nav epub:type=\"toc\" role=\"doc-toc\"><h1>Contents</h1>{}</nav>",
        contents(pages, |page| format!("{}#{}", file(page), page.id))
    );
    document(about, "Contents", &body)
}

/// The list of all files, their order, and the metadata of the book.
fn package(about: &About, pages: &[Page], now: &jiff::Timestamp) -> String {
    let (mut manifest, mut spine) = (String::new(), String::new());
    for page in pages {
        let name = file(page);
        let id = name.trim_end_matches(".xhtml");
        let svg = if page.html.contains("<svg") { " properties=\"svg\"" } else { "" };
        // Writing to a string cannot fail.
        let _ = writeln!(
            manifest,
            "<item id=\"page-{id}\" href=\"{name}\" media-type=\"application/xhtml+xml\"{svg}/>"
        );
        let _ = writeln!(spine, "<itemref idref=\"page-{id}\"/>");
    }
    let language = &about.language;
    let [title, description, author] =
        [&about.title, &about.description, &about.author].map(|text| escaped(text));
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <package xmlns=\"http://www.idpf.org/2007/opf\" version=\"3.0\" unique-identifier=\"book\" xml:lang=\"{language}\">\n\
         <metadata xmlns:dc=\"http://purl.org/dc/elements/1.1/\">\n\
         <dc:identifier id=\"book\">from-socket-to-server-{VERSION}</dc:identifier>\n\
         <dc:title>{title}</dc:title>\n<dc:creator>{author}</dc:creator>\n<dc:language>{language}</dc:language>\n\
         <dc:description>{description}</dc:description>\n\
         <dc:rights>Text: CC BY 4.0. Code: MIT.</dc:rights>\n\
         <meta property=\"dcterms:modified\">{}</meta>\n</metadata>\n\
         <manifest>\n\
         <item id=\"nav\" href=\"nav.xhtml\" media-type=\"application/xhtml+xml\" properties=\"nav\"/>\n\
         <item id=\"style\" href=\"style.css\" media-type=\"text/css\"/>\n\
         <item id=\"title\" href=\"title.xhtml\" media-type=\"application/xhtml+xml\"/>\n\
         {manifest}</manifest>\n\
         <spine>\n<itemref idref=\"title\"/>\n<itemref idref=\"nav\"/>\n{spine}</spine>\n</package>\n",
        now.strftime("%Y-%m-%dT%H:%M:%SZ")
    )
}
