//! From a file's name to the media type of its content (RFC 9110 section 8.3).

use std::path::Path;

use super::HeaderValue;

/// The Content-Type for a file of this name.
///
/// Goes by the extension alone. Text gets `charset=utf-8`, without which a browser guesses the
/// encoding. A name that says nothing gives `application/octet-stream`, which a browser saves and does
/// not run.
pub fn content_type(path: &str) -> HeaderValue {
    let guess = mime_guess::from_path(path).first_or_octet_stream();
    let is_text = guess.type_() == "text" || guess.essence_str() == "application/javascript";
    let text = if is_text { format!("{guess}; charset=utf-8") } else { guess.to_string() };
    HeaderValue::try_from(text)
        .unwrap_or_else(|_| HeaderValue::from_static("application/octet-stream"))
}

/// Whether the extension of this name is a known one, so that [`content_type`] says more than "bytes".
pub fn is_known(path: &str) -> bool {
    mime_guess::from_path(path).first().is_some()
}

/// Extensions of files that are stored with gzip, but whose media type is that of what is inside: `a.svgz` is an
/// `image/svg+xml`. The type of `a.tar.gz` is `application/gzip`, so nothing has to be added.
const STORED_WITH_GZIP: [&str; 5] = ["svgz", "wrz", "x3dbz", "x3dvz", "x3dz"];

/// The Content-Encoding for a file of this name (RFC 9110 section 8.4); `None` if its bytes are of its media type.
///
/// A client that does not list gzip in Accept-Encoding gets the file all the same: there is no other form of it.
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

    /// A browser shows nothing of an SVG that is compressed and does not say so.
    #[test]
    fn what_is_stored_compressed_says_so_where_its_type_does_not() {
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
