//! Records the bytes on all connections of a check, so that a failure can show them.

use crate::Client;
pub use crate::transcript::Piece;

/// The maximum number of bytes of a piece that are kept. The full length is kept as a number.
const MAX_PIECE: usize = 2048;

/// The number of connections that are kept from the beginning of a check, and from its end.
const KEPT: usize = 8;

/// The maximum number of pieces in one conversation.
const MAX_PIECES: usize = 40;

/// All bytes of one connection, in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Conversation {
    /// Counted from 1 within the check.
    pub number: usize,
    /// The pieces alternate between bytes of the check and bytes of the server.
    pub pieces: Vec<Piece>,
}

impl Conversation {
    pub(super) fn of(client: &Client) -> Conversation {
        let mut pieces: Vec<Piece> = client.pieces().iter().take(MAX_PIECES).cloned().collect();
        for piece in &mut pieces {
            piece.bytes.truncate(MAX_PIECE);
        }
        Conversation { number: 0, pieces }
    }
}

/// Adds a conversation. If there are many, only the first and the last ones are kept.
pub(super) fn keep(all: &mut Vec<Conversation>, mut new: Conversation) {
    let last = all.last().map_or(0, |last| last.number);
    new.number = last + 1;
    if all.len() == 2 * KEPT {
        all.remove(KEPT);
    }
    all.push(new);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_many_conversations_the_first_and_the_last_are_kept_with_their_numbers() {
        let mut all = Vec::new();
        for _ in 0..100 {
            keep(&mut all, Conversation::default());
        }
        let numbers: Vec<usize> = all.iter().map(|conversation| conversation.number).collect();
        assert_eq!(numbers, (1..=8).chain(93..=100).collect::<Vec<_>>());
    }
}
