//! How long a client may use a file without asking (RFC 9111 section 5.2.2).

use std::time::Duration;

use crate::http::HeaderValue;

/// The Cache-Control of files.
///
/// A page is always asked for again, which costs a 304 while it is the same: it names the other files, so a new
/// page is how a client learns of a new style sheet. The others may be kept for a while.
#[derive(Debug, Clone)]
pub struct Caching {
    others: HeaderValue,
}

/// Keep it, but ask before each use.
const ASK: HeaderValue = HeaderValue::from_static("no-cache");

impl Default for Caching {
    /// Everything is asked for again.
    fn default() -> Caching {
        Caching { others: ASK }
    }
}

impl Caching {
    /// What is no page may be used for so long without asking, in whole seconds.
    pub fn for_at_most(time: Duration) -> Caching {
        let text = format!("public, max-age={}", time.as_secs());
        Caching { others: HeaderValue::try_from(text).unwrap_or(ASK) }
    }

    /// The field's value for a file of this type.
    pub fn value(&self, content_type: &HeaderValue) -> HeaderValue {
        if content_type.as_bytes().starts_with(b"text/html") { ASK } else { self.others.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_asked_for_again_and_the_rest_may_be_kept() {
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
