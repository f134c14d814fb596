//! From a file's name to the media type of its content (RFC 9110 section 8.3).

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
}
