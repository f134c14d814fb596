//! Bytes that a name or a value holds. Those of a request's head are not copied: they stay in the head.

use std::ops::Deref;
use std::sync::Arc;

/// Where the bytes are.
#[derive(Clone)]
pub(super) enum Piece {
    /// In the program.
    Static(&'static str),
    /// With whoever has the piece.
    Owned(Vec<u8>),
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
    /// The part of `head` from one offset to another. Heads of 4 GiB and more, which no limit allows, are copied.
    pub(super) fn of(head: &Arc<String>, from: usize, to: usize) -> Piece {
        match (u32::try_from(from), u32::try_from(to)) {
            (Ok(from), Ok(to)) => Piece::Shared { head: Arc::clone(head), from, to },
            _ => Piece::Owned(head.get(from..to).unwrap_or_default().into()),
        }
    }

    /// The bytes as text, if they are. Those of a head are known to be.
    pub(super) fn to_str(&self) -> Option<&str> {
        match self {
            Piece::Static(text) => Some(text),
            Piece::Owned(bytes) => str::from_utf8(bytes).ok(),
            Piece::Shared { head, from, to } => {
                Some(head.get(*from as usize..*to as usize).unwrap_or_default())
            }
        }
    }
}

impl Deref for Piece {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Piece::Static(text) => text.as_bytes(),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_piece_is_what_its_bytes_are_wherever_they_are() {
        let head = Arc::new("GET / HTTP/1.1".to_string());
        let shared = Piece::of(&head, 6, 14);
        assert_eq!(&*shared, b"HTTP/1.1");
        assert!(shared == Piece::Static("HTTP/1.1"));
        assert!(shared == Piece::Owned(b"HTTP/1.1".to_vec()));
        assert!(shared != Piece::of(&head, 6, 13));
        assert_eq!(shared.clone().to_str(), Some("HTTP/1.1"));
    }

    #[test]
    fn a_piece_beyond_its_head_is_empty() {
        let head = Arc::new("GET".to_string());
        assert_eq!(&*Piece::of(&head, 2, 9), b"");
    }
}
