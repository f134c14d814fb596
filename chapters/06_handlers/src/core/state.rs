//! The states of a connection, and which may follow which.

use std::fmt;
use std::io;

/// What a connection is busy with, seen from the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum State {
    /// Open, and nothing of the next message has come.
    Idle,
    /// A part of a message has come.
    Reading,
    /// The message is complete and the application works on it.
    Processing,
    /// An answer is being sent.
    Writing,
    /// Our side has said its last word (FIN); what the peer still sends is thrown away.
    Closing,
    /// The socket is gone.
    Closed,
}

impl State {
    /// Every state, in the order of a connection's life.
    pub const ALL: [State; 6] = [
        State::Idle,
        State::Reading,
        State::Processing,
        State::Writing,
        State::Closing,
        State::Closed,
    ];

    /// Whether a connection in this state may go on to `next`. To stay is always allowed.
    pub fn may_become(self, next: State) -> bool {
        use State::{Closed, Closing, Idle, Processing, Reading, Writing};
        match (self, next) {
            // A message arrives, is worked on, and is answered.
            (Idle, Reading) | (Reading, Processing) | (Processing, Writing) => true,
            // Some answers need no work (an echo), or not even a message (a refusal).
            (Idle | Reading, Writing) => true,
            // After an answer: the next message, of which a part may be here already.
            (Writing, Idle | Reading) => true,
            // We may stop talking at any time, and then only the end is left.
            (Idle | Reading | Processing | Writing, Closing) => true,
            // The peer may vanish at any time.
            (_, Closed) => true,
            (same, again) => same == again,
        }
    }
}

/// A step that the table in [`State::may_become`] does not have: a mistake in this program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IllegalTransition {
    /// The state the connection was in.
    pub from: State,
    /// The state it was asked to enter.
    pub to: State,
}

impl fmt::Display for IllegalTransition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a connection cannot go from {:?} to {:?}", self.from, self.to)
    }
}

impl std::error::Error for IllegalTransition {}

impl From<IllegalTransition> for io::Error {
    fn from(error: IllegalTransition) -> io::Error {
        io::Error::other(error)
    }
}

#[cfg(test)]
mod tests {
    use super::State::{Closed, Closing, Idle, Processing, Reading, Writing};
    use super::*;

    #[test]
    fn the_steps_that_are_allowed_are_exactly_these() {
        let allowed = [
            (Idle, Reading),
            (Idle, Writing),
            (Idle, Closing),
            (Idle, Closed),
            (Reading, Processing),
            (Reading, Writing),
            (Reading, Closing),
            (Reading, Closed),
            (Processing, Writing),
            (Processing, Closing),
            (Processing, Closed),
            (Writing, Idle),
            (Writing, Reading),
            (Writing, Closing),
            (Writing, Closed),
            (Closing, Closed),
        ];
        for from in State::ALL {
            for to in State::ALL {
                let expected = from == to || allowed.contains(&(from, to));
                assert_eq!(from.may_become(to), expected, "{from:?} -> {to:?}");
            }
        }
    }
}
