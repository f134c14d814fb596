//! Percent-encoding of path segments: decoded strictly, encoded in one way (RFC 3986 section 2.1).

use std::borrow::Cow;

use percent_encoding::AsciiSet;
use percent_encoding::NON_ALPHANUMERIC;
use percent_encoding::percent_decode_str;
use percent_encoding::utf8_percent_encode;

use crate::http::target::InvalidTarget;

/// What is written as `%XX` in a canonical segment: all but `pchar` (RFC 3986 section 3.3).
///
/// `/` and `%` are among it, so a segment can hold either and the path still has its boundaries.
const NOT_PCHAR: &AsciiSet = &NON_ALPHANUMERIC
    // unreserved
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    // sub-delims
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
    // and these two
    .remove(b':')
    .remove(b'@');

/// A segment in its canonical encoding, in pieces: extend a `String` with them.
pub fn encode_segment(segment: &str) -> impl Iterator<Item = &str> {
    utf8_percent_encode(segment, NOT_PCHAR)
}

/// Whether a path is canonical as it stands, and nothing in it is encoded. Only then: a path in which something is
/// encoded is `false`, also if it is encoded in our way.
pub fn is_canonical(path: &str) -> bool {
    path.bytes().all(|byte| STANDS_FOR_ITSELF[usize::from(byte)])
}

/// Whether each byte stands for itself in a canonical path: to look it up is quicker than to compare.
const STANDS_FOR_ITSELF: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0_u8;
    while byte.is_ascii() {
        // `&` to `;` is & ' ( ) * + , - . / 0 to 9 : and ;
        table[byte as usize] = byte.is_ascii_alphabetic()
            || matches!(byte, b'!' | b'$' | b'&'..=b';' | b'=' | b'@' | b'_' | b'~');
        byte += 1;
    }
    table
};

/// Decodes each `%XX` of a segment, once.
///
/// # Errors
/// [`InvalidTarget::Escape`] for a `%` that does not start a pair of hex digits: one server would pass it on as it
/// is, another would drop it. [`InvalidTarget::Utf8`] for bytes that are no text; `%C0%AE` was a dot to the servers
/// that let it pass.
pub fn decode_segment(segment: &str) -> Result<String, InvalidTarget> {
    let mut escapes = segment.split('%').skip(1);
    if !escapes.all(starts_with_two_hex_digits) {
        return Err(InvalidTarget::Escape);
    }
    let decoded = percent_decode_str(segment).decode_utf8();
    decoded.map(Cow::into_owned).map_err(|_| InvalidTarget::Utf8)
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
            assert_eq!(decode_segment(segment), decoded.map(str::to_owned), "{segment:?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_encoded_decodes_to_itself_and_has_no_delimiter(segment: String) {
            let encoded: String = encode_segment(&segment).collect();
            prop_assert!(encoded.is_ascii() && !encoded.contains(['/', '?', '#', ' ', '"']));
            prop_assert_eq!(decode_segment(&encoded), Ok(segment));
        }

        #[test]
        fn what_is_canonical_stays_what_it_is(path in "[ -~]{0,20}|[a-z/]{0,9}") {
            if is_canonical(&path) {
                for segment in path.split('/') {
                    let decoded = decode_segment(segment).unwrap();
                    prop_assert_eq!(decoded.as_str(), segment);
                    prop_assert_eq!(encode_segment(&decoded).collect::<String>(), segment);
                }
            }
        }
    }
}
