//! The states of a connection, and the allowed transitions.

use std::fmt;
use std::io;

/// The state of a connection, from the server's point of view.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum State {
    /// The connection is open, and no byte of the next message has arrived.
    Idle,
    /// At least one byte of the current message has arrived.
    Reading,
    /// The message is complete and the application is processing it.
    Processing,
    /// A response is being sent.
    Writing,
    /// The server has sent FIN. Further input from the peer is discarded.
    Closing,
    /// The socket is closed.
    Closed,
}

impl State {
    /// All states, in the order in which a connection passes through them.
    pub const ALL: [State; 6] = [
        State::Idle,
        State::Reading,
        State::Processing,
        State::Writing,
        State::Closing,
        State::Closed,
    ];

    /// Returns whether a connection may go from this state to `next`. Staying in a state is always
    /// allowed.
    pub fn may_become(self, next: State) -> bool {
        use State::{Closed, Closing, Idle, Processing, Reading, Writing};
        match (self, next) {
            // A message arrives, is processed, and gets a response.
            (Idle, Reading) | (Reading, Processing) | (Processing, Writing) => true,
            // An echo needs no processing, and a rejection not even a complete message.
            (Idle | Reading, Writing) => true,
            // After a response the next message follows. A part of it may already be in the buffer.
            (Writing, Idle | Reading) => true,
            // The server may stop sending at any time. After that it can only close the socket.
            (Idle | Reading | Processing | Writing, Closing) => true,
            // The peer may disappear at any time.
            (_, Closed) => true,
            (same, again) => same == again,
        }
    }
}

/// A transition that [`State::may_become`] does not allow, which is a bug in this program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IllegalTransition {
    /// The state of the connection.
    pub from: State,
    /// The state that the connection should have entered.
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
    fn exactly_these_transitions_are_allowed() {
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
