//! The media type of a file, derived from its name (RFC 9110 section 8.3).

use std::path::Path;

use super::HeaderValue;

/// Returns the Content-Type for a file with this name.
///
/// Only the extension decides. Text gets `charset=utf-8`, because otherwise a browser guesses the
/// encoding. An unknown extension gives `application/octet-stream`, which a browser saves and does
/// not interpret.
pub fn content_type(path: &str) -> HeaderValue {
    let guess = mime_guess::from_path(path).first_or_octet_stream();
    let is_text = guess.type_() == "text" || guess.essence_str() == "application/javascript";
    let text = if is_text { format!("{guess}; charset=utf-8") } else { guess.to_string() };
    HeaderValue::try_from(text)
        .unwrap_or_else(|_| HeaderValue::from_static("application/octet-stream"))
}

/// Returns whether the extension is known, so that [`content_type`] is more specific than
/// `application/octet-stream`.
pub fn is_known(path: &str) -> bool {
    mime_guess::from_path(path).first().is_some()
}

/// The extensions of files that are compressed with gzip although their media type describes the
/// content: `a.svgz` is an `image/svg+xml`. `a.tar.gz` is not here, because its type is
/// `application/gzip` itself.
const STORED_WITH_GZIP: [&str; 5] = ["svgz", "wrz", "x3dbz", "x3dvz", "x3dz"];

/// Returns the Content-Encoding for a file with this name (RFC 9110 section 8.4), or `None` if the
/// file has no coding.
///
/// A client that does not accept gzip gets the file anyway, because there is no other
/// representation.
pub fn content_encoding(path: &str) -> Option<HeaderValue> {
    let extension = Path::new(path).extension()?;
    STORED_WITH_GZIP
        .iter()
        .any(|stored| extension.eq_ignore_ascii_case(stored))
        .then(|| HeaderValue::from_static("gzip"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_extension_decides_and_text_is_utf_8() {
        let table = [
            ("index.html", "text/html; charset=utf-8"),
            ("STYLE.CSS", "text/css; charset=utf-8"),
            ("a/b.tar.gz", "application/gzip"),
            ("app.js", "text/javascript; charset=utf-8"),
            ("data.json", "application/json"),
            ("picture.svg", "image/svg+xml"),
            ("module.wasm", "application/wasm"),
            ("README", "application/octet-stream"),
            (".html", "application/octet-stream"),
            ("", "application/octet-stream"),
        ];
        for (path, expected) in table {
            assert_eq!(content_type(path).to_str(), Some(expected), "{path}");
        }
    }

    #[test]
    fn a_name_is_known_by_its_extension() {
        for (path, expected) in
            [("a.JS", true), ("a.svgz", true), ("README", false), ("x.y", false)]
        {
            assert_eq!(is_known(path), expected, "{path}");
        }
    }

    /// Regression test: a browser does not show a compressed SVG without a Content-Encoding.
    #[test]
    fn compressed_files_get_a_content_encoding_unless_their_type_implies_it() {
        let table = [
            ("logo.svgz", Some("gzip")),
            ("a/B.SVGZ", Some("gzip")),
            ("scene.x3dz", Some("gzip")),
            ("logo.svg", None),
            ("archive.tar.gz", None),
            ("archive.tgz", None),
            ("svgz", None),
            (".svgz", None),
        ];
        for (path, expected) in table {
            let encoding = content_encoding(path);
            assert_eq!(encoding.as_ref().and_then(HeaderValue::to_str), expected, "{path}");
        }
    }
}
