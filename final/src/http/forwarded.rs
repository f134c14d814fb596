//! The addresses that proxies report, in `X-Forwarded-For` and in `Forwarded` (RFC 7239).
//!
//! Each proxy appends the address from which it got the request. So the last element is from the
//! nearest proxy, and the first ones may be invented by the client. Both fields are therefore read
//! from the right: no bytes that a client sends can change how an element after them is read.

use std::net::IpAddr;

use super::header_value::trim_ows;

/// Returns the addresses in the lines of `X-Forwarded-For`, the last one first. An element that is
/// not an address, such as `unknown`, becomes `None`. The field has no specification; proxies write
/// an address with or without a port, and an IPv6 address with or without brackets.
pub fn x_forwarded_for(lines: &[&[u8]]) -> impl Iterator<Item = Option<IpAddr>> {
    elements(lines).map(|element| {
        let text = str::from_utf8(element).ok()?;
        text.parse().ok().or_else(|| node(text)).map(|address: IpAddr| address.to_canonical())
    })
}

/// Returns the addresses in the lines of `Forwarded`, the last one first. An element without an
/// address becomes `None`: it is malformed, or its proxy hides the address (RFC 7239 section 6).
pub fn forwarded(lines: &[&[u8]]) -> impl Iterator<Item = Option<IpAddr>> {
    elements(lines).map(|element| {
        let node = node(str::from_utf8(for_parameter(element)?).ok()?);
        node.map(|address| address.to_canonical())
    })
}

/// Returns the elements of all lines, the last one first, trimmed and without empty ones, which a
/// recipient must ignore (RFC 9110 section 5.6.1).
fn elements<'a>(lines: &[&'a [u8]]) -> impl Iterator<Item = &'a [u8]> {
    let parts = lines.iter().rev().flat_map(|line| Parts { rest: Some(line), separator: b',' });
    parts.map(trim_ows).filter(|element| !element.is_empty())
}

/// Returns the value of the parameter `for`, without quotes. Returns `None` if the element does not
/// have it exactly once, or if it is malformed (RFC 7239 section 4).
fn for_parameter(element: &[u8]) -> Option<&[u8]> {
    let mut found = None;
    for pair in (Parts { rest: Some(element), separator: b';' }).map(trim_ows) {
        if pair.is_empty() {
            continue;
        }
        let (name, value) = pair.split_at(pair.iter().position(|&byte| byte == b'=')?);
        if name.eq_ignore_ascii_case(b"for") {
            let value = match &value[1..] {
                // No address needs a backslash, so a value with one is not unescaped but invalid.
                [b'"', quoted @ .., b'"'] => quoted,
                // A colon or a bracket is only allowed in quotes: it may not be in a token.
                token if token.iter().any(|byte| b":[]\"".contains(byte)) => return None,
                token => token,
            };
            if found.replace(value).is_some() {
                return None;
            }
        }
    }
    found
}

/// Parses an address with an optional port: `192.0.2.1:80`, `[2001:db8::1]:80`. The port may be a
/// name that begins with an underscore (RFC 7239 section 6). It identifies no client, so only its
/// syntax is checked.
fn node(text: &str) -> Option<IpAddr> {
    let (address, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (address, port) = rest.split_once(']')?;
            let port = if port.is_empty() { None } else { Some(port.strip_prefix(':')?) };
            (IpAddr::V6(address.parse().ok()?), port)
        }
        None => match text.split_once(':') {
            Some((address, port)) => (IpAddr::V4(address.parse().ok()?), Some(port)),
            None => (IpAddr::V4(text.parse().ok()?), None),
        },
    };
    port.is_none_or(is_port).then_some(address)
}

fn is_port(text: &str) -> bool {
    let is_name_byte = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    match text.strip_prefix('_') {
        Some(name) => !name.is_empty() && name.bytes().all(is_name_byte),
        None => (1..=5).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit()),
    }
}

/// The parts of a text between separators, the last one first. A separator in a quoted string
/// separates nothing.
struct Parts<'a> {
    /// The text before the parts returned so far.
    rest: Option<&'a [u8]>,
    separator: u8,
}

impl<'a> Iterator for Parts<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let rest = self.rest.take()?;
        let mut in_quotes = false;
        for (at, &byte) in rest.iter().enumerate().rev() {
            if byte == b'"' {
                // From the right, the first quote ends a string. Before the quote that begins it,
                // there may be escaped ones.
                in_quotes = !in_quotes || is_escaped(&rest[..at]);
            } else if byte == self.separator && !in_quotes {
                self.rest = Some(&rest[..at]);
                return Some(&rest[at + 1..]);
            }
        }
        Some(rest)
    }
}

/// Returns whether the byte after `before` is escaped, by an odd number of backslashes.
fn is_escaped(before: &[u8]) -> bool {
    before.iter().rev().take_while(|&&byte| byte == b'\\').count() % 2 == 1
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    /// Returns the addresses as text, with `-` for an element without one.
    fn text(addresses: impl Iterator<Item = Option<IpAddr>>) -> String {
        let texts: Vec<String> =
            addresses.map(|it| it.map_or("-".to_string(), |it| it.to_string())).collect();
        texts.join(" ")
    }

    #[test]
    fn x_forwarded_for_is_read_from_the_right_over_all_lines() {
        let table: [(&[&str], &str); 12] = [
            (&[], ""),
            (&["192.0.2.1"], "192.0.2.1"),
            (&["192.0.2.1, 192.0.2.2", "192.0.2.3"], "192.0.2.3 192.0.2.2 192.0.2.1"),
            (&["192.0.2.1:8080, 192.0.2.2:0"], "192.0.2.2 192.0.2.1"),
            (
                &["2001:db8::1, [2001:db8::2], [2001:db8::3]:80"],
                "2001:db8::3 2001:db8::2 2001:db8::1",
            ),
            (&["2001:DB8:0::0001,::ffff:192.0.2.1"], "192.0.2.1 2001:db8::1"),
            (&["", ",, 192.0.2.1 ,\t,", " "], "192.0.2.1"),
            (&["unknown, _hidden, 192.0.2.1"], "192.0.2.1 - -"),
            (&["192.0.2.1:x, 192.0.2.1:, 192.0.2.256, 192.0.2, 01.2.3.4, 1"], "- - - - - -"),
            (&["[192.0.2.1], [::1, ::1], [::1]80, [::1]:123456, fe80::1%eth0"], "- - - - - -"),
            (&["\"192.0.2.1\", 192.0.2.1 192.0.2.2, caf\u{e9}, a.example"], "- - - -"),
            (&["192.0.2.1;192.0.2.2, for=192.0.2.1"], "- -"),
        ];
        for (lines, expected) in table {
            let lines: Vec<&[u8]> = lines.iter().map(|line| line.as_bytes()).collect();
            assert_eq!(text(x_forwarded_for(&lines)), expected, "{lines:?}");
        }
    }

    #[test]
    fn forwarded_is_read_from_the_right_over_all_lines() {
        let table: [(&[&str], &str); 16] = [
            (&["for=192.0.2.60;proto=http;by=203.0.113.43"], "192.0.2.60"),
            (&["for=192.0.2.1, For=192.0.2.2", "FOR=192.0.2.3"], "192.0.2.3 192.0.2.2 192.0.2.1"),
            (&["by=\"[::1]:80\";host=a;for=\"192.0.2.1:8080\""], "192.0.2.1"),
            (&["for=\"[2001:db8:cafe::17]:4711\",for=\"[::1]\""], "::1 2001:db8:cafe::17"),
            (
                &["for=\"192.0.2.43:_gazonk\", for=\"[2001:db8::17]:_a.B-9_\""],
                "2001:db8::17 192.0.2.43",
            ),
            // Separators in a quoted string separate nothing, and a quote in it may be escaped.
            (&[r#"for=192.0.2.1;host="a,b;for=\",\"" , for=192.0.2.2"#], "192.0.2.2 192.0.2.1"),
            (&[r#"host="\\";for=192.0.2.1"#], "192.0.2.1"),
            (&[" ; for=192.0.2.1 ;; ,,"], "192.0.2.1"),
            (&["for=unknown, for=_hidden, for=\"_SEVKISEK\", for=\"unknown:80\""], "- - - -"),
            (&["for=192.0.2.1;for=192.0.2.2, proto=http, for, for=, =, 192.0.2.1"], "- - - - - -"),
            (&["for=192.0.2.1:80, for=[::1], for=::1, for=\"::1\""], "- - - -"),
            (
                &["for =192.0.2.1, for= 192.0.2.1, for=\"192.0.2.1:_\", for=\"[::1] :80\""],
                "- - - -",
            ),
            (
                &[
                    "for=\"192.0.2.1",
                    "for=\"192.0.2.1\"\"",
                    "for=192.0.2.1\"",
                    "for=\"\\192.0.2.1\"",
                ],
                "- - - -",
            ),
            (&["for='192.0.2.1', for=\"a.example\", for=\"192.0.2.1:123456\""], "- - -"),
            // A quote that the client has not closed hides nothing that follows.
            (&["for=\"192.0.2.1, for=192.0.2.2"], "192.0.2.2 -"),
            (&["for=\"192.0.2.1\\", "for=\"192.0.2.2:1\""], "192.0.2.2 -"),
        ];
        for (lines, expected) in table {
            let lines: Vec<&[u8]> = lines.iter().map(|line| line.as_bytes()).collect();
            assert_eq!(text(forwarded(&lines)), expected, "{lines:?}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_parsers_panic(lines in vec(vec(any::<u8>(), 0..40), 0..4)) {
            let lines: Vec<&[u8]> = lines.iter().map(Vec::as_slice).collect();
            let _ = (x_forwarded_for(&lines).count(), forwarded(&lines).count());
        }

        #[test]
        fn no_syntax_makes_the_parsers_panic(line in "([\"\\\\,;=:\\[\\]_. \t1f]|for=|192.0.2.1){0,30}") {
            let lines = [line.as_bytes()];
            let _ = (x_forwarded_for(&lines).count(), forwarded(&lines).count());
        }

        #[test]
        fn every_address_is_read_as_it_was_written(address: IpAddr, port: Option<u16>) {
            let socket = |port| SocketAddr::new(address, port).to_string();
            let plain = port.map_or(address.to_string(), socket);
            let node = match (address, port) {
                (IpAddr::V6(address), None) => format!("[{address}]"),
                _ => plain.clone(),
            };
            let expected = [Some(address.to_canonical())];
            for text in [&plain, &node] {
                let read: Vec<_> = x_forwarded_for(&[text.as_bytes()]).collect();
                prop_assert_eq!(&read[..], &expected[..]);
            }
            let element = format!("for=\"{node}\"");
            let read: Vec<_> = forwarded(&[element.as_bytes()]).collect();
            prop_assert_eq!(&read[..], &expected[..]);
        }
    }
}
