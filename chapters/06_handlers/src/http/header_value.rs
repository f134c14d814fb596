//! A field value without CR, LF or NUL, which therefore cannot become a second field.

use std::borrow::Cow;
use std::error::Error;
use std::fmt;

use super::line::{has_control, is_control};

/// The value of a field line, without the whitespace around it (RFC 9110 section 5.5).
///
/// A value consists of bytes and not of text: besides visible ASCII, space and tab, old senders use
/// 0x80 to 0xFF ("obs-text") in any encoding.
///
/// Every `HeaderValue` has been validated, which prevents response splitting: a value that a client
/// chose, such as `a%0d%0aSet-Cookie: admin=1` after decoding, would otherwise end its line and
/// begin another.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct HeaderValue(Cow<'static, [u8]>);

impl HeaderValue {
    /// Creates a value from a literal, which is checked at compile time if it is in a `const`.
    ///
    /// # Panics
    /// Panics if `value` has a byte that is not allowed, or begins or ends with whitespace.
    pub const fn from_static(value: &'static str) -> HeaderValue {
        let bytes = value.as_bytes();
        let mut at = 0;
        // A `const fn` cannot use iterators, so this is a `while` loop.
        while at < bytes.len() {
            assert!(!is_control(bytes[at]), "a field value must not contain control characters");
            at += 1;
        }
        if let ([b' ' | b'\t', ..], _) | (_, [.., b' ' | b'\t']) = (bytes, bytes) {
            panic!("a field value must not start or end with whitespace");
        }
        HeaderValue(Cow::Borrowed(bytes))
    }

    /// Returns the bytes as they are sent.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Returns the value as text if it is ASCII, and `None` if it contains obs-text, whose encoding
    /// is unknown.
    pub fn to_str(&self) -> Option<&str> {
        if self.0.is_ascii() { str::from_utf8(&self.0).ok() } else { None }
    }

    /// Trims the optional whitespace around a value, and checks each byte. Every constructor for
    /// untrusted bytes calls this.
    fn checked(bytes: &[u8]) -> Result<&[u8], InvalidHeaderValue> {
        let value = trim_ows(bytes);
        if has_control(value) { Err(InvalidHeaderValue) } else { Ok(value) }
    }
}

/// Removes the spaces and tabs at both ends (OWS), which are not part of a value (RFC 9110
/// section 5.6.3).
///
/// `trim_ascii` would also remove CR, LF and form feed, which must be rejected instead.
pub fn trim_ows(mut bytes: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = bytes {
        bytes = rest;
    }
    bytes
}

impl TryFrom<&[u8]> for HeaderValue {
    type Error = InvalidHeaderValue;

    fn try_from(bytes: &[u8]) -> Result<HeaderValue, InvalidHeaderValue> {
        Ok(HeaderValue(Cow::Owned(HeaderValue::checked(bytes)?.to_vec())))
    }
}

impl TryFrom<&str> for HeaderValue {
    type Error = InvalidHeaderValue;

    fn try_from(text: &str) -> Result<HeaderValue, InvalidHeaderValue> {
        HeaderValue::try_from(text.as_bytes())
    }
}

impl TryFrom<String> for HeaderValue {
    type Error = InvalidHeaderValue;

    fn try_from(text: String) -> Result<HeaderValue, InvalidHeaderValue> {
        let length = HeaderValue::checked(text.as_bytes())?.len();
        // Nothing was trimmed, so the allocation can be kept.
        if length == text.len() {
            return Ok(HeaderValue(Cow::Owned(text.into_bytes())));
        }
        HeaderValue::try_from(text.as_bytes())
    }
}

impl From<u64> for HeaderValue {
    fn from(number: u64) -> HeaderValue {
        HeaderValue(Cow::Owned(number.to_string().into_bytes()))
    }
}

impl From<usize> for HeaderValue {
    fn from(number: usize) -> HeaderValue {
        HeaderValue(Cow::Owned(number.to_string().into_bytes()))
    }
}

impl fmt::Debug for HeaderValue {
    /// Writes the value in quotation marks, with obs-text as `\xNN`, because bytes from a client
    /// must not reach a terminal or a log unescaped.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "\"{}\"", self.0.escape_ascii())
    }
}

/// The error for bytes that are not a field value, because they contain a control character other
/// than tab.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidHeaderValue;

impl fmt::Display for InvalidHeaderValue {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(
            "a field value must not contain CR, LF, NUL or another control character but tab",
        )
    }
}

impl Error for InvalidHeaderValue {}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn whitespace_around_a_value_is_not_part_of_it() {
        let cases = [("a", "a"), ("  a b\t", "a b"), ("\ta\tb ", "a\tb"), ("", ""), (" \t ", "")];
        for (given, kept) in cases {
            assert_eq!(
                HeaderValue::try_from(given).unwrap().as_bytes(),
                kept.as_bytes(),
                "{given:?}"
            );
            assert_eq!(
                HeaderValue::try_from(given.to_owned()).unwrap().to_str(),
                Some(kept),
                "{given:?}"
            );
        }
    }

    #[test]
    fn a_value_cannot_hold_a_line_end_or_another_control_byte() {
        for bad in (0..=0x1F).filter(|&byte| byte != b'\t').chain([0x7F]) {
            for bytes in [vec![bad], vec![b'a', bad], vec![bad, b'a'], vec![b'a', bad, b'b']] {
                assert_eq!(
                    HeaderValue::try_from(bytes.as_slice()),
                    Err(InvalidHeaderValue),
                    "{bytes:?}"
                );
            }
        }
        let split = "a\r\nSet-Cookie: admin=1".to_owned();
        assert_eq!(HeaderValue::try_from(split), Err(InvalidHeaderValue));
        assert!(InvalidHeaderValue.to_string().contains("CR, LF, NUL"));
    }

    #[test]
    fn obs_text_is_kept_but_is_not_text() {
        let value = HeaderValue::try_from(&b"caf\xE9"[..]).unwrap();
        assert_eq!(value.as_bytes(), b"caf\xE9");
        assert_eq!(value.to_str(), None);
        assert_eq!(format!("{value:?}"), r#""caf\xe9""#);
        // This also applies to valid UTF-8, because the encoding is not declared.
        assert_eq!(HeaderValue::try_from("caf\u{e9}").unwrap().to_str(), None);
    }

    #[test]
    fn numbers_need_no_check() {
        assert_eq!(HeaderValue::from(0_usize).to_str(), Some("0"));
        assert_eq!(HeaderValue::from(u64::MAX).to_str(), Some("18446744073709551615"));
    }

    #[test]
    #[should_panic(expected = "control characters")]
    fn a_static_value_with_a_line_end_panics() {
        HeaderValue::from_static("a\r\nb");
    }

    #[test]
    #[should_panic(expected = "whitespace")]
    fn a_static_value_with_whitespace_around_it_panics() {
        HeaderValue::from_static("a ");
    }

    proptest! {
        #[test]
        fn whatever_becomes_a_value_holds_no_cr_lf_or_nul(bytes: Vec<u8>) {
            if let Ok(value) = HeaderValue::try_from(bytes.as_slice()) {
                prop_assert!(!value.as_bytes().iter().any(|byte| b"\r\n\0".contains(byte)));
                prop_assert_eq!(trim_ows(value.as_bytes()), value.as_bytes());
            } else {
                prop_assert!(bytes.iter().any(|&byte| byte != b'\t' && byte.is_ascii_control()));
            }
        }
    }
}
