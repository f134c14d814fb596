//! The host and port of a request, from the `Host` field or from the target.

use std::net::Ipv6Addr;

use memchr::memchr;

use crate::http::percent::decode_segment;

/// Returns whether `text` is a valid `host` or `host:port`, as in the `Host` field (RFC 9110
/// section 7.2, RFC 3986 section 3.2).
///
/// The host is a name, an IPv4 address, an IPv6 address in brackets, or empty; the port may be
/// empty too. `user@` is rejected: `Host` never allowed it, and in a URI it is used to disguise the
/// host (RFC 9110 section 4.2.4).
pub fn valid_authority(text: &str) -> bool {
    let (host, port) = split_port(text);
    let valid_port = port.is_none_or(|port| port.is_empty() || valid_port(port));
    let valid_host = match host.strip_prefix('[') {
        Some(rest) => {
            rest.strip_suffix(']').is_some_and(|address| address.parse::<Ipv6Addr>().is_ok())
        }
        None => valid_name(host),
    };
    valid_host && valid_port
}

/// Splits an authority into the host and the text after the port's colon, if there is one. The
/// colons of an IPv6 address are inside brackets.
pub fn split_port(authority: &str) -> (&str, Option<&str>) {
    let bytes = authority.as_bytes();
    let is_bracketed = bytes.starts_with(b"[");
    let host = if is_bracketed { memchr(b']', bytes).unwrap_or(0) } else { 0 };
    match memchr(b':', &bytes[host..]) {
        Some(at) => (&authority[..host + at], Some(&authority[host + at + 1..])),
        None => (authority, None),
    }
}

/// Returns whether `port` consists of digits only and is in the range of TCP ports.
fn valid_port(port: &str) -> bool {
    !port.starts_with('+') && port.parse::<u16>().is_ok() // `parse` accepts a plus sign, too
}

/// Returns whether `host` is a `reg-name`: unreserved characters, sub-delims and complete `%XX`
/// escapes (RFC 3986 section 3.2.2).
fn valid_name(host: &str) -> bool {
    // The range from `$` to `.` consists of $ % & ' ( ) * + , - and the dot.
    let is_allowed = |byte: u8| {
        byte.is_ascii_alphanumeric()
            || matches!(byte, b'!' | b'$'..=b'.' | b';' | b'=' | b'_' | b'~')
    };
    host.bytes().all(|byte| is_allowed(byte) && byte != b'%')
        || (host.bytes().all(is_allowed) && decode_segment(host).is_ok())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_authority_is_a_host_and_perhaps_a_port() {
        let good = [
            "",
            "a",
            "example.org",
            "example.org:80",
            "example.org:",
            "127.0.0.1:8080",
            ":80",
            "[::1]",
            "[::1]:80",
            "[::ffff:1.2.3.4]:1",
            "a%41",
            "a_b",
            "-.~!$&'()*+,;=",
            "xn--caf-dma.example",
        ];
        for text in good {
            assert!(valid_authority(text), "{text:?}");
        }
        let bad = [
            "a b",
            "a:b",
            "a:+80",
            "a:65536",
            "a:80:80",
            "u@a",
            "a/b",
            "a?b",
            "[",
            "[]",
            "]",
            "[::1",
            "::1",
            "[::1]80",
            "[::1]:x",
            "x[::1]",
            "[::1]]",
            "[fe80::1%25eth0]",
            "a%zz",
            "a%",
            "é",
            "a\\b",
            "\"a\"",
        ];
        for text in bad {
            assert!(!valid_authority(text), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text: String) {
            let _ = valid_authority(&text);
        }

        #[test]
        fn a_valid_authority_has_no_delimiter_of_a_target_or_a_field(text in "[ -~]{0,12}") {
            let delimiters = [' ', '/', '?', '#', '@', '\\', '"'];
            prop_assert!(!valid_authority(&text) || !text.contains(delimiters));
        }
    }
}
