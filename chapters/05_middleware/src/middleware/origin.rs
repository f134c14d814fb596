//! Origins: the scheme, host and port of the page whose script sends a request (RFC 6454).

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

/// An origin in the form in which a browser sends it, such as `http://localhost:3000`. There is no
/// other form, so two origins are equal if their bytes are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin(String);

impl Origin {
    /// Validates an origin.
    ///
    /// # Errors
    /// Returns [`InvalidOrigin`] with the reason. A policy that contained `https://example.org/`
    /// would never match, and its author would search for the mistake in the browser.
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
        if !is_host(host) {
            return invalid(
                "after :// there must be a host as a browser writes it, in lower case, and no path or slash",
            );
        }
        match port {
            Some(port)
                if port.parse::<u16>().map(|number| number.to_string()).as_deref() != Ok(port) =>
            {
                invalid("after the last colon there must be a port")
            }
            Some(port)
                if (scheme, port) == ("http", "80") || (scheme, port) == ("https", "443") =>
            {
                invalid("leave out the default port of its scheme, as browsers do")
            }
            _ => Ok(Origin(text.to_string())),
        }
    }

    /// Returns the origin as a field value.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Returns whether a browser would send the host in this form: a name, an IPv4 address, or an IPv6
/// address in brackets (RFC 3986 section 3.2.2). Of the many forms of an address, a browser sends
/// only one.
fn is_host(host: &str) -> bool {
    if let Some(address) = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        return address.parse::<Ipv6Addr>().is_ok_and(|parsed| shortest(parsed) == address);
    }
    let is_name_byte = |byte: u8| {
        byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'.' | b'-' | b'_')
    };
    // A name whose last label is a number is an address (WHATWG URL, "ends in a number checker"):
    // 127.1 is 127.0.0.1.
    let last = host.strip_suffix('.').unwrap_or(host).rsplit('.').next().unwrap_or_default();
    let is_number = match last.strip_prefix("0x") {
        Some(digits) => digits.bytes().all(|byte| byte.is_ascii_hexdigit()),
        None => !last.is_empty() && last.bytes().all(|byte| byte.is_ascii_digit()),
    };
    let is_name = !host.is_empty() && host.bytes().all(is_name_byte);
    if is_number { host.parse::<Ipv4Addr>().is_ok() } else { is_name }
}

/// Formats an IPv6 address as browsers do: like the standard library, except that an embedded IPv4
/// address has no dots in a URL.
fn shortest(address: Ipv6Addr) -> String {
    match address.segments() {
        [0, 0, 0, 0, 0, 0xffff, high, low] => format!("::ffff:{high:x}:{low:x}"),
        _ => address.to_string(),
    }
}

/// The error for text that is not an origin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidOrigin {
    /// The text that is not an origin.
    pub text: String,
    /// The problem with the text.
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
    fn origins_as_a_browser_writes_them_are_accepted() {
        for good in [
            "http://localhost:3000",
            "https://example.org",
            "http://127.0.0.1",
            "http://[::1]:8080",
            "http://[::1]",
            "http://[2001:db8:0:0:1::]",
            "http://[::ffff:7f00:1]:3000",
            "http://my_app:3000",
            "http://xn--bcher-kva.example.",
            "http://127.0.0.1.example",
            // The last label is not a number, so the host is a name and not an IPv4 address (URL
            // Standard, "ends in a number"). Two dots at the end leave an empty last label, which
            // is not a number either.
            "http://web1",
            "http://a.0xag",
            "http://a..",
        ] {
            assert_eq!(
                Origin::parse(good).map(|origin| origin.as_str().to_string()).as_deref(),
                Ok(good)
            );
        }
    }

    #[test]
    fn origins_that_could_never_match_are_rejected() {
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
            // Regression test: a host was allowed to contain any byte, even another colon.
            "http://a:b:3000",
            "http://a:b:c",
            "http://::1",
            "http://[::1",
            "http://::1]",
            "http://[]",
            "http://[a]",
            "http://a[::1]",
            "http://[::1]a:3000",
            "http://[[::1]]",
            "http://user@a",
            "http://a?b",
            // Browsers serialize these addresses differently, or reject them.
            "http://[::0001]",
            "http://[0:0:0:0:0:0:0:1]",
            "http://[2001:db8::1:0:0:0]",
            "http://[::ffff:127.0.0.1]",
            "http://[::FFFF:7f00:1]",
            "http://127.1",
            "http://127.0.0.01",
            "http://127.0.0.1.",
            "http://127.0.0.256",
            "http://2130706433",
            "http://0x7f.0.0.0x1",
        ] {
            assert!(Origin::parse(bad).is_err(), "{bad}");
        }
    }
}
