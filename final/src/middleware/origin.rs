//! Origins: scheme, host and port of the page whose script makes a request (RFC 6454).

use std::fmt;

/// An origin as a browser writes it, such as `http://localhost:3000`. Nothing else can be in it, so that
/// two of them are the same when their bytes are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin(String);

impl Origin {
    /// Checks what somebody has written as an origin.
    ///
    /// # Errors
    /// [`InvalidOrigin`], with the reason. A policy with `https://example.org/` in it would never match, and
    /// the person who wrote it would look for the mistake in the browser.
    pub fn parse(text: &str) -> Result<Origin, InvalidOrigin> {
        let invalid = |reason| Err(InvalidOrigin { text: text.to_string(), reason });
        let Some((scheme, rest)) = text.split_once("://") else {
            return invalid("it must be scheme://host, such as https://example.org");
        };
        if !matches!(scheme, "http" | "https") {
            return invalid("its scheme must be http or https, in lower case");
        }
        let (host, port) = match rest.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
            _ => (rest, None),
        };
        let is_host_byte = |byte: u8| {
            byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-[]:".contains(&byte)
        };
        if host.is_empty() || !host.bytes().all(is_host_byte) {
            return invalid("behind :// there must be a host in lower case, and no path or slash");
        }
        match port {
            Some(port)
                if port.parse::<u16>().map(|number| number.to_string()).as_deref() != Ok(port) =>
            {
                invalid("behind the last colon there must be a port")
            }
            Some(port)
                if (scheme, port) == ("http", "80") || (scheme, port) == ("https", "443") =>
            {
                invalid("a browser leaves the scheme's own port out")
            }
            _ => Ok(Origin(text.to_string())),
        }
    }

    /// The origin as it is in a field.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A text that is no origin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidOrigin {
    /// What was given.
    pub text: String,
    /// What is wrong with it.
    pub reason: &'static str,
}

impl fmt::Display for InvalidOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is not an origin: {}", self.text, self.reason)
    }
}

impl std::error::Error for InvalidOrigin {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_what_a_browser_would_write() {
        for good in [
            "http://localhost:3000",
            "https://example.org",
            "http://127.0.0.1",
            "http://[::1]:8080",
            "http://[::1]",
        ] {
            assert_eq!(
                Origin::parse(good).map(|origin| origin.as_str().to_string()).as_deref(),
                Ok(good)
            );
        }
    }

    #[test]
    fn what_could_never_match_is_refused() {
        for bad in [
            "",
            "*",
            "null",
            "example.org",
            "ftp://example.org",
            "HTTP://example.org",
            "http://Example.org",
            "https://example.org/",
            "https://example.org/app",
            "https://*.example.org",
            "http://",
            "http://:80",
            "http://a:",
            "http://a:099",
            "http://a:65536",
            "http://a:80",
            "https://a:443",
            "http://a, http://b",
        ] {
            assert!(Origin::parse(bad).is_err(), "{bad}");
        }
    }
}
