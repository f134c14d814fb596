//! Bytes that a name or a value holds. Those of a request's head are copied if they are few, and otherwise stay in the
//! head.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

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
    /// In a head that is all ASCII, from one offset to another. All names and values of a request share its head, and
    /// whoever keeps one of them keeps the whole head in memory.
    Shared {
        /// The whole head.
        head: Arc<String>,
        /// The first byte.
        from: u32,
        /// The first byte behind it.
        to: u32,
    },
}

impl Piece {
    /// A copy of these bytes, if they are few.
    #[inline]
    pub(super) fn short(bytes: &[u8]) -> Option<Piece> {
        let mut room = [0; SHORT];
        room.get_mut(..bytes.len())?.copy_from_slice(bytes);
        Some(Piece::Short { bytes: room, length: u8::try_from(bytes.len()).ok()? })
    }

    /// The part of `head` from one offset to another. Heads of 4 GiB and more, which no limit allows, are copied.
    pub(super) fn of(head: &Arc<String>, from: usize, to: usize) -> Piece {
        match (u32::try_from(from), u32::try_from(to)) {
            (Ok(from), Ok(to)) => Piece::Shared { head: Arc::clone(head), from, to },
            _ => Piece::from(head.as_bytes().get(from..to).unwrap_or_default()),
        }
    }

    /// The bytes as text, if they are. Those of a head are known to be.
    #[inline]
    pub(super) fn to_str(&self) -> Option<&str> {
        match self {
            Piece::Static(text) => Some(text),
            Piece::Short { .. } | Piece::Owned(_) => str::from_utf8(self).ok(),
            Piece::Shared { head, from, to } => {
                Some(head.get(*from as usize..*to as usize).unwrap_or_default())
            }
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
            Piece::Shared { head, from, to } => {
                head.as_bytes().get(*from as usize..*to as usize).unwrap_or_default()
            }
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
        let head = Arc::new("GET / HTTP/1.1".to_string());
        let shared = Piece::of(&head, 6, 14);
        assert_eq!(&*shared, b"HTTP/1.1");
        assert!(shared == Piece::Static("HTTP/1.1"));
        assert!(shared == Piece::Owned(b"HTTP/1.1"[..].into()));
        assert!(shared == Piece::from(&b"HTTP/1.1"[..]));
        assert!(shared != Piece::of(&head, 6, 13));
        assert_eq!(shared.clone().to_str(), Some("HTTP/1.1"));
    }

    #[test]
    fn a_piece_beyond_its_head_is_empty() {
        let head = Arc::new("GET".to_string());
        assert_eq!(&*Piece::of(&head, 2, 9), b"");
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
