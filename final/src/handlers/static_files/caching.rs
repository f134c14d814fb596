//! The time for which a client may use a cached file without revalidating it (RFC 9111
//! section 5.2.2).

use std::time::Duration;

use crate::http::HeaderValue;

/// The Cache-Control field of files.
///
/// An HTML page is revalidated before each use, which costs a 304 while it is unchanged. A new
/// version of it may refer to new versions of other files, such as a style sheet. The other files
/// may be cached for a while.
#[derive(Debug, Clone)]
pub struct Caching {
    others: HeaderValue,
}

/// The value `no-cache`: the client may store the file, but must revalidate it before each use.
const ASK: HeaderValue = HeaderValue::from_static("no-cache");

impl Default for Caching {
    /// Creates a policy under which every file is revalidated before each use.
    fn default() -> Caching {
        Caching { others: ASK }
    }
}

impl Caching {
    /// Creates a policy under which files other than HTML pages may be used for `time`, in whole
    /// seconds, without revalidation.
    pub fn for_at_most(time: Duration) -> Caching {
        let text = format!("public, max-age={}", time.as_secs());
        Caching { others: HeaderValue::try_from(text).unwrap_or(ASK) }
    }

    /// Returns the value of the field for a file of this type.
    pub fn value(&self, content_type: &HeaderValue) -> HeaderValue {
        if content_type.as_bytes().starts_with(b"text/html") { ASK } else { self.others.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_revalidated_and_other_files_may_be_cached() {
        let (html, css) = (
            HeaderValue::from_static("text/html; charset=utf-8"),
            HeaderValue::from_static("text/css; charset=utf-8"),
        );
        let hour = Caching::for_at_most(Duration::from_secs(3600));
        assert_eq!(hour.value(&html).to_str(), Some("no-cache"));
        assert_eq!(hour.value(&css).to_str(), Some("public, max-age=3600"));
        assert_eq!(Caching::default().value(&css).to_str(), Some("no-cache"));
    }
}
