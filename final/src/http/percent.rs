//! Percent-encoding of path segments: strict decoding, and one canonical encoding (RFC 3986
//! section 2.1).

use std::borrow::Cow;

use percent_encoding::AsciiSet;
use percent_encoding::NON_ALPHANUMERIC;
use percent_encoding::percent_decode_str;
use percent_encoding::utf8_percent_encode;

use crate::http::invalid_target::InvalidTarget;

/// The characters that are encoded as `%XX` in a canonical segment: all but `pchar` (RFC 3986
/// section 3.3).
///
/// `/` and `%` are encoded too, so a segment can contain either without changing the boundaries
/// between segments.
const NOT_PCHAR: &AsciiSet = &NON_ALPHANUMERIC
    // The characters of `unreserved` that are not alphanumeric.
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    // The characters of `sub-delims`.
    .remove(b'!')
    .remove(b'$')
    .remove(b'&')
    .remove(b'\'')
    .remove(b'(')
    .remove(b')')
    .remove(b'*')
    .remove(b'+')
    .remove(b',')
    .remove(b';')
    .remove(b'=')
    // The other two characters of `pchar`.
    .remove(b':')
    .remove(b'@');

/// Returns the canonical encoding of a segment as an iterator of string slices, with which a
/// `String` can be extended.
pub fn encode_segment(segment: &str) -> impl Iterator<Item = &str> {
    utf8_percent_encode(segment, NOT_PCHAR)
}

/// Returns whether this path is already canonical and has no encoded character.
pub fn is_canonical(path: &str) -> bool {
    // The range from `&` to `;` is & ' ( ) * + , - . / 0 to 9 : and ;
    let stands_for_itself = |byte: u8| {
        byte.is_ascii_alphabetic()
            || matches!(byte, b'!' | b'$' | b'&'..=b';' | b'=' | b'@' | b'_' | b'~')
    };
    path.starts_with('/') && path.bytes().all(stands_for_itself)
}

/// Decodes each `%XX` of a segment once.
///
/// # Errors
/// Returns [`InvalidTarget::Escape`] for a `%` that is not followed by two hex digits, because one
/// server would keep it and another would drop it. Returns [`InvalidTarget::Utf8`] for bytes that
/// are not UTF-8, because some servers have decoded `%C0%AE` to a dot.
pub fn decode_segment(segment: &str) -> Result<Cow<'_, str>, InvalidTarget> {
    if !segment.contains('%') {
        return Ok(Cow::Borrowed(segment));
    }
    let mut escapes = segment.split('%').skip(1);
    if !escapes.all(starts_with_two_hex_digits) {
        return Err(InvalidTarget::Escape);
    }
    percent_decode_str(segment).decode_utf8().map_err(|_| InvalidTarget::Utf8)
}

fn starts_with_two_hex_digits(text: &str) -> bool {
    matches!(text.as_bytes(), [high, low, ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_segment_is_decoded_once() {
        let cases = [
            ("", Ok("")),
            ("a%20b", Ok("a b")),
            ("%2561", Ok("%61")),
            ("%2f%2F", Ok("//")),
            ("+", Ok("+")),
            ("%", Err(InvalidTarget::Escape)),
            ("a%4", Err(InvalidTarget::Escape)),
            ("%zz", Err(InvalidTarget::Escape)),
            ("%%41", Err(InvalidTarget::Escape)),
            ("%ff", Err(InvalidTarget::Utf8)),
            ("%c0%ae", Err(InvalidTarget::Utf8)),
        ];
        for (segment, decoded) in cases {
            assert_eq!(decode_segment(segment), decoded.map(Cow::Borrowed), "{segment:?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_encoded_decodes_to_itself_and_has_no_delimiter(segment: String) {
            let encoded: String = encode_segment(&segment).collect();
            prop_assert!(encoded.is_ascii() && !encoded.contains(['/', '?', '#', ' ', '"']));
            prop_assert_eq!(decode_segment(&encoded), Ok(Cow::Owned(segment)));
        }

        #[test]
        fn each_segment_of_a_canonical_path_stands_for_itself(path in "/[ -~]{0,20}|/[a-z/]{0,9}") {
            if is_canonical(&path) {
                for segment in path.split('/') {
                    prop_assert_eq!(decode_segment(segment), Ok(Cow::Borrowed(segment)));
                    prop_assert_eq!(encode_segment(segment).collect::<String>(), segment);
                }
            }
        }
    }
}
