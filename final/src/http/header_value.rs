//! A field value that cannot hold CR, LF or NUL, and so cannot become a second field.

use std::error::Error;
use std::fmt;
use std::hash::{Hash, Hasher};

use super::piece::Piece;

/// The value of a field line, without the whitespace around it (RFC 9110 section 5.5).
///
/// Bytes, not text: besides visible ASCII, space and tab, old senders use 0x80 to 0xFF ("obs-text") in any encoding.
///
/// The attack this type ends is response splitting: a value that a client chose, `a%0d%0aSet-Cookie: admin=1`
/// decoded, would close its own line and open another. There is no way to make a `HeaderValue` but through a check.
#[derive(Clone, PartialEq, Eq)]
pub struct HeaderValue(Piece);

impl HeaderValue {
    /// A value written in the program, checked when it compiles if it stands in a `const`.
    ///
    /// # Panics
    /// If `value` has a byte that no value may have, or whitespace around it.
    pub const fn from_static(value: &'static str) -> HeaderValue {
        let bytes = value.as_bytes();
        assert!(has_only_value_bytes(bytes), "a field value must not hold control characters");
        if let ([b' ' | b'\t', ..], _) | (_, [.., b' ' | b'\t']) = (bytes, bytes) {
            panic!("a field value must not start or end with whitespace");
        }
        HeaderValue(Piece::Static(value))
    }

    /// The bytes, as they go on the wire.
    #[inline]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The value as text, if it is all ASCII; `None` if there is obs-text in it, whose encoding nobody knows.
    pub fn to_str(&self) -> Option<&str> {
        match &self.0 {
            Piece::Short { .. } | Piece::Owned(_) if !self.0.is_ascii() => None,
            piece => piece.to_str(),
        }
    }

    /// The one door: trims the optional whitespace around the value, then judges every byte of the rest.
    fn checked(bytes: &[u8]) -> Result<&[u8], InvalidHeaderValue> {
        let value = trim_ows(bytes);
        // No end at the first wrong byte: without branches the compiler compares many at once.
        let is_wrong = |byte: &u8| u8::from((*byte < b' ' && *byte != b'\t') || *byte == 0x7F);
        if value.iter().fold(0, |wrong, byte| wrong | is_wrong(byte)) == 0 {
            Ok(value)
        } else {
            Err(InvalidHeaderValue)
        }
    }
}

/// Without the spaces and tabs at both ends: OWS, which is not part of a value (RFC 9110 section 5.6.3).
///
/// Narrower than `trim_ascii`, which would also take away CR, LF and form feed, and with them the evidence.
pub fn trim_ows(mut bytes: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = bytes {
        bytes = rest;
    }
    bytes
}

const fn has_only_value_bytes(bytes: &[u8]) -> bool {
    let mut at = 0;
    while at < bytes.len() {
        if !matches!(bytes[at], b'\t' | b' '..=b'~' | 0x80..=0xFF) {
            return false;
        }
        at += 1;
    }
    true
}

impl Hash for HeaderValue {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_bytes().hash(state);
    }
}

impl TryFrom<&[u8]> for HeaderValue {
    type Error = InvalidHeaderValue;

    fn try_from(bytes: &[u8]) -> Result<HeaderValue, InvalidHeaderValue> {
        Ok(HeaderValue(HeaderValue::checked(bytes)?.into()))
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
        // Nothing was trimmed: keep the allocation.
        if length == text.len() {
            return Ok(HeaderValue(text.into_bytes().into()));
        }
        HeaderValue::try_from(text.as_bytes())
    }
}

impl From<u64> for HeaderValue {
    fn from(number: u64) -> HeaderValue {
        HeaderValue(number.to_string().into_bytes().into())
    }
}

impl From<usize> for HeaderValue {
    fn from(number: usize) -> HeaderValue {
        HeaderValue(number.to_string().into_bytes().into())
    }
}

impl fmt::Debug for HeaderValue {
    /// Quoted, obs-text as `\xNN`: what a peer sent must not reach a terminal or a log as it is.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(out)
    }
}

/// The bytes are not a field value: a control character other than tab is among them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidHeaderValue;

impl fmt::Display for InvalidHeaderValue {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(
            "a field value must not hold CR, LF, NUL or another control character but tab",
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
        // Nor if it looks like UTF-8: nobody has said that it is.
        assert_eq!(HeaderValue::try_from("caf\u{e9}").unwrap().to_str(), None);
    }

    #[test]
    fn numbers_need_no_check() {
        assert_eq!(HeaderValue::from(0_usize).to_str(), Some("0"));
        assert_eq!(HeaderValue::from(u64::MAX).to_str(), Some("18446744073709551615"));
    }

    #[test]
    #[should_panic(expected = "control characters")]
    fn a_static_value_with_a_line_end_does_not_get_through() {
        HeaderValue::from_static("a\r\nb");
    }

    #[test]
    #[should_panic(expected = "whitespace")]
    fn a_static_value_with_whitespace_around_it_does_not_get_through() {
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
