//! Bytes that a name or a value holds.

use std::fmt;
use std::ops::Deref;

/// So many bytes fit into a piece itself, beside their number and what kind of piece it is.
const SHORT: usize = 22;

/// Where the bytes are.
#[derive(Clone)]
pub(super) enum Piece {
    /// In the program.
    Static(&'static str),
    /// In the piece. To copy a few bytes takes less time than to count who has a share in something.
    Short {
        /// They come first.
        bytes: [u8; SHORT],
        /// How many they are.
        length: u8,
    },
    /// With whoever has the piece.
    Owned(Box<[u8]>),
}

impl Piece {
    /// A copy of these bytes, if they are few.
    #[inline]
    pub(super) fn short(bytes: &[u8]) -> Option<Piece> {
        let mut room = [0; SHORT];
        room.get_mut(..bytes.len())?.copy_from_slice(bytes);
        Some(Piece::Short { bytes: room, length: u8::try_from(bytes.len()).ok()? })
    }

    /// The bytes as text, if they are.
    #[inline]
    pub(super) fn to_str(&self) -> Option<&str> {
        match self {
            Piece::Static(text) => Some(text),
            Piece::Short { .. } | Piece::Owned(_) => str::from_utf8(self).ok(),
        }
    }
}

/// A copy.
impl From<&[u8]> for Piece {
    fn from(bytes: &[u8]) -> Piece {
        Piece::short(bytes).unwrap_or_else(|| Piece::Owned(bytes.into()))
    }
}

impl From<Vec<u8>> for Piece {
    fn from(bytes: Vec<u8>) -> Piece {
        Piece::short(&bytes).unwrap_or_else(|| Piece::Owned(bytes.into()))
    }
}

impl Deref for Piece {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        match self {
            Piece::Static(text) => text.as_bytes(),
            Piece::Short { bytes, length } => bytes.get(..usize::from(*length)).unwrap_or_default(),
            Piece::Owned(bytes) => bytes,
        }
    }
}

impl PartialEq for Piece {
    fn eq(&self, other: &Piece) -> bool {
        **self == **other
    }
}

impl Eq for Piece {}

impl fmt::Debug for Piece {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "\"{}\"", self.escape_ascii())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_piece_is_what_its_bytes_are_wherever_they_are() {
        let owned = Piece::Owned(b"HTTP/1.1"[..].into());
        assert!(owned == Piece::Static("HTTP/1.1"));
        assert!(owned == Piece::from(&b"HTTP/1.1"[..]));
        assert!(owned != Piece::Static("HTTP/1."));
    }

    #[test]
    fn few_bytes_are_in_the_piece_and_more_are_not() {
        let bytes = [b'x'; SHORT + 1];
        for length in [0, 1, SHORT - 1, SHORT, SHORT + 1] {
            let bytes = &bytes[..length];
            for piece in [Piece::from(bytes), Piece::from(bytes.to_vec())] {
                assert_eq!(matches!(piece, Piece::Short { .. }), length <= SHORT);
                assert_eq!(*piece, *bytes);
                assert_eq!(piece.to_str(), str::from_utf8(bytes).ok());
            }
        }
    }

    #[test]
    fn a_piece_takes_up_as_little_as_the_largest_of_its_kinds() {
        assert_eq!(size_of::<Piece>(), size_of::<Vec<u8>>());
    }

    #[test]
    fn bytes_that_are_no_text_are_kept() {
        let piece = Piece::from(&b"caf\xE9"[..]);
        assert_eq!((&*piece, piece.to_str()), (&b"caf\xE9"[..], None));
    }
}
