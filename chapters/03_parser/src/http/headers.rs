//! The fields of a message: an ordered list in which a name may occur twice.
//!
//! It is not a map: two `Set-Cookie` lines are two cookies, and two different `Content-Length`
//! lines are an attack. A map that kept one line of each name would hide both.

pub use crate::http::header_name::HeaderName;
pub use crate::http::header_name::InvalidHeaderName;
pub use crate::http::header_value::HeaderValue;
pub use crate::http::header_value::InvalidHeaderValue;

use crate::http::header_value::trim_ows;

/// The header or trailer fields of a message, in their original order (RFC 9110 section 5).
///
/// Look-up is linear. A message has about a dozen fields, and comparing that many names takes no
/// longer than hashing one. Nor can an attacker choose names whose hashes collide.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Headers {
    lines: Vec<(HeaderName, HeaderValue)>,
}

impl Headers {
    /// Creates an empty list.
    pub fn new() -> Headers {
        Headers::default()
    }

    /// Creates an empty list with room for this many lines.
    pub fn with_capacity(lines: usize) -> Headers {
        Headers { lines: Vec::with_capacity(lines) }
    }

    /// Returns the number of field lines. Repeated names count each time.
    pub fn len(&self) -> usize {
        self.lines.len()
    }

    /// Returns whether there are no field lines.
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// Returns the first value of this name, in any spelling.
    ///
    /// This is for fields that occur once. Where a second line would change the meaning,
    /// [`Headers::get_all`] is needed.
    pub fn get(&self, name: impl AsRef<str>) -> Option<&HeaderValue> {
        self.get_all(name).next()
    }

    /// Returns all values of this name, in their original order.
    pub fn get_all(&self, name: impl AsRef<str>) -> impl Iterator<Item = &HeaderValue> {
        self.lines
            .iter()
            .filter(move |(known, _)| known.as_str().eq_ignore_ascii_case(name.as_ref()))
            .map(|(_, value)| value)
    }

    /// Returns whether there is a line with this name.
    pub fn contains(&self, name: impl AsRef<str>) -> bool {
        self.get(name).is_some()
    }

    /// Adds a line at the end, and keeps other lines with this name.
    pub fn append(&mut self, name: HeaderName, value: HeaderValue) {
        self.lines.push((name, value));
    }

    /// Replaces the first line with this name and removes the rest, or adds the line at the end
    /// if there is none.
    pub fn set(&mut self, name: HeaderName, value: HeaderValue) {
        let Some(first) = self.lines.iter().position(|(known, _)| *known == name) else {
            return self.append(name, value);
        };
        let mut at = 0;
        self.lines.retain(|(known, _)| {
            at += 1;
            at - 1 == first || *known != name
        });
        self.lines[first] = (name, value);
    }

    /// Removes all lines with this name, and returns whether there was one.
    pub fn remove(&mut self, name: impl AsRef<str>) -> bool {
        let before = self.lines.len();
        self.lines.retain(|(known, _)| !known.as_str().eq_ignore_ascii_case(name.as_ref()));
        self.lines.len() < before
    }

    /// Returns all lines in their original order.
    pub fn iter(&self) -> impl Iterator<Item = (&HeaderName, &HeaderValue)> {
        self.lines.iter().map(|(name, value)| (name, value))
    }

    /// Returns the elements of a comma-separated field, over all its lines, trimmed and without
    /// empty ones.
    ///
    /// `Connection: close, TE` and the two lines `Connection: close`, `Connection: TE` mean the
    /// same (RFC 9110 section 5.6.1). This is only for lists of tokens, because a comma inside a
    /// quoted string would split it too.
    ///
    /// An element that is not UTF-8 becomes U+FFFD. Otherwise `chunked, \xFF` would be the same as
    /// `chunked`.
    pub fn list(&self, name: impl AsRef<str>) -> impl Iterator<Item = &str> {
        self.get_all(name)
            .flat_map(|value| value.as_bytes().split(|&byte| byte == b','))
            .map(trim_ows)
            .filter(|element| !element.is_empty())
            .map(|element| str::from_utf8(element).unwrap_or("\u{FFFD}"))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The field lines in a row of a test table, each a name and a value.
    type Lines = &'static [(&'static str, &'static str)];

    fn headers(lines: &[(&str, &str)]) -> Headers {
        let mut headers = Headers::new();
        for &(name, value) in lines {
            headers
                .append(HeaderName::try_from(name).unwrap(), HeaderValue::try_from(value).unwrap());
        }
        headers
    }

    fn lines(headers: &Headers) -> Vec<(&str, &str)> {
        headers.iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap())).collect()
    }

    #[test]
    fn a_name_is_found_in_any_spelling() {
        let headers = headers(&[("content-TYPE", "text/plain"), ("X-A", "1")]);
        for name in ["Content-Type", "content-type", "CONTENT-TYPE"] {
            assert_eq!(headers.get(name).and_then(HeaderValue::to_str), Some("text/plain"));
            assert!(headers.contains(HeaderName::try_from(name).unwrap()));
        }
        assert_eq!(headers.get("Content"), None);
        assert_eq!(headers.get(""), None);
    }

    #[test]
    fn two_lines_of_a_name_stay_two_lines() {
        let headers = headers(&[("Set-Cookie", "a=1"), ("Date", "x"), ("set-cookie", "b=2, c")]);
        let cookies: Vec<_> =
            headers.get_all("Set-Cookie").filter_map(HeaderValue::to_str).collect();
        assert_eq!(cookies, ["a=1", "b=2, c"]);
        assert_eq!((headers.len(), headers.is_empty()), (3, false));
    }

    #[test]
    fn set_replaces_every_line_and_keeps_the_place_of_the_first() {
        let cases: [(Lines, Lines); 4] = [
            (&[], &[("A", "new")]),
            (&[("X", "1")], &[("X", "1"), ("A", "new")]),
            (
                &[("X", "1"), ("a", "1"), ("Y", "2"), ("A", "2")],
                &[("X", "1"), ("A", "new"), ("Y", "2")],
            ),
            (&[("a", "1"), ("a", "2"), ("a", "3")], &[("A", "new")]),
        ];
        for (before, after) in cases {
            let mut changed = headers(before);
            changed.set(HeaderName::from_static("A"), HeaderValue::from_static("new"));
            assert_eq!(lines(&changed), after, "{before:?}");
        }
    }

    #[test]
    fn remove_deletes_all_lines_and_returns_whether_there_was_one() {
        let mut headers = headers(&[("A", "1"), ("B", "2"), ("a", "3")]);
        assert!(headers.remove("a"));
        assert_eq!(lines(&headers), [("B", "2")]);
        assert!(!headers.remove("a"));
    }

    #[test]
    fn a_list_spans_lines_and_skips_empty_elements() {
        let cases: [(Lines, &[&str]); 6] = [
            (&[], &[]),
            (&[("Connection", "close")], &["close"]),
            (&[("Connection", "close, TE")], &["close", "TE"]),
            (&[("Connection", "close"), ("X", "y"), ("connection", "TE")], &["close", "TE"]),
            (&[("Connection", ", ,\t close ,,TE,")], &["close", "TE"]),
            (&[("Connection", "")], &[]),
        ];
        for (given, elements) in cases {
            assert_eq!(
                headers(given).list("Connection").collect::<Vec<_>>(),
                elements,
                "{given:?}"
            );
        }
    }

    #[test]
    fn an_element_that_is_not_text_is_not_lost_from_a_list() {
        let mut headers = Headers::new();
        let value = HeaderValue::try_from(&b"chunked, \xFF"[..]).unwrap();
        headers.append(HeaderName::from_static("Transfer-Encoding"), value);
        assert_eq!(headers.list("transfer-encoding").collect::<Vec<_>>(), ["chunked", "\u{FFFD}"]);
    }

    proptest! {
        #[test]
        fn set_leaves_one_line_of_the_name_and_the_others_in_order(
            names in proptest::collection::vec("[abAB]", 0..12),
        ) {
            let given: Vec<_> = names.iter().map(|name| (name.as_str(), "old")).collect();
            let mut changed = headers(&given);
            changed.set(HeaderName::from_static("a"), HeaderValue::from_static("new"));
            prop_assert_eq!(changed.get_all("a").count(), 1);
            prop_assert_eq!(changed.get("a").and_then(HeaderValue::to_str), Some("new"));
            let others = |headers: &Headers| -> Vec<String> {
                let names = headers.iter().map(|(name, _)| name.to_string());
                names.filter(|name| !name.eq_ignore_ascii_case("a")).collect()
            };
            prop_assert_eq!(others(&changed), others(&headers(&given)));
        }
    }
}
