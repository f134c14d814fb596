//! The printed lines about one connection.

use std::collections::VecDeque;
use std::fmt::Write;
use std::time::Duration;

use wire::escape::escape;

use super::head::Side;
use super::message::Messages;
use crate::ui::{self, BAD, DIM, GOOD, NOTE, PLACE};

/// The maximum number of bytes of one piece that are shown.
const MAX_BYTES: usize = 60;

/// The columns for them.
const COLUMNS: usize = 52;

/// How one direction ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// The sender has closed its direction.
    Fin,
    /// The sender has reset the connection.
    Reset,
    /// The sender was idle for too long.
    Idle,
    /// The receiver has closed the connection, or does not read.
    Undeliverable,
}

/// The state of one connection from which its lines are made.
#[derive(Debug)]
pub(super) struct ConnectionLog {
    number: usize,
    /// The time of the last line, since the connection was opened.
    last: Duration,
    sides: [Messages; 2],
    /// The numbers of bytes from each side.
    bytes: [usize; 2],
    /// The methods of the requests that have no response yet.
    methods: VecDeque<String>,
}

impl ConnectionLog {
    pub(super) fn new(number: usize) -> ConnectionLog {
        ConnectionLog {
            number,
            last: Duration::ZERO,
            sides: [Side::Client, Side::Server].map(Messages::of),
            bytes: [0; 2],
            methods: VecDeque::new(),
        }
    }

    /// The first line.
    pub(super) fn opened(&mut self, by: &str) -> String {
        self.line(Duration::ZERO, &format!("opened by {by}"))
    }

    /// The line for a server that cannot be reached. All times count from the opening of the connection.
    pub(super) fn no_server(&mut self, now: Duration, why: &str) -> String {
        self.line(now, &ui::paint(BAD, why))
    }

    /// The lines for bytes from one side.
    pub(super) fn bytes(&mut self, side: Side, bytes: &[u8], now: Duration) -> String {
        self.bytes[side as usize] += bytes.len();
        let pieces = self.sides[side as usize].push(bytes, &mut self.methods);
        let mut text = String::new();
        for (piece, name) in pieces {
            let shown = &piece[..piece.len().min(MAX_BYTES)];
            let mut bytes = escape(shown);
            if shown.len() < piece.len() {
                let _ = write!(bytes, " … ({} bytes)", piece.len());
            }
            let described = if name.is_empty() {
                bytes
            } else {
                format!("{bytes:COLUMNS$} {}", ui::paint(DIM, &name))
            };
            text += &self.line(now, &format!("{} {described}", arrow(side)));
        }
        text
    }

    /// The line for the end of one direction.
    pub(super) fn ended(&mut self, side: Side, end: End, now: Duration) -> String {
        let sender = match side {
            Side::Client => "the client",
            Side::Server => "the server",
        };
        let described = match end {
            End::Fin => ui::paint(NOTE, &format!("FIN: {sender} sends no more")),
            End::Reset => ui::paint(BAD, &format!("RST: {sender} has reset the connection")),
            End::Idle => ui::paint(BAD, &format!("{sender} was idle for too long")),
            End::Undeliverable => ui::paint(BAD, &format!("bytes of {sender} are not accepted")),
        };
        self.line(now, &format!("{} {described}", arrow(side)))
    }

    /// The last line.
    pub(super) fn closed(&mut self, now: Duration) -> String {
        let [client, server] = self.bytes;
        let text = format!(
            "closed after {}: {client} bytes {}, {server} bytes {}",
            seconds(now),
            arrow(Side::Client),
            arrow(Side::Server)
        );
        self.line(now, &text)
    }

    /// A line with the number of the connection, and the time since the last line if it is at least a millisecond.
    fn line(&mut self, now: Duration, text: &str) -> String {
        let passed = now.saturating_sub(self.last);
        self.last = now;
        let time = if passed < Duration::from_millis(1) {
            String::new()
        } else {
            format!("+{}", seconds(passed))
        };
        format!("{} {time:>9} {text}\n", ui::paint(DIM, &format!("#{}", self.number)))
    }
}

fn arrow(side: Side) -> String {
    match side {
        Side::Client => ui::paint(PLACE, ">"),
        Side::Server => ui::paint(GOOD, "<"),
    }
}

/// `0.012 s`.
fn seconds(time: Duration) -> String {
    format!("{}.{:03} s", time.as_secs(), time.subsec_millis())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::plain;

    fn after(milliseconds: u64) -> Duration {
        Duration::from_millis(milliseconds)
    }

    #[test]
    fn a_conversation_is_printed_line_by_line() {
        let mut log = ConnectionLog::new(1);
        let request =
            b"POST /echo HTTP/1.1\r\nHost: 127.0.0.1:8081\r\nContent-Length: 5\r\n\r\nhel";
        let response =
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n";
        let text = [
            log.opened("127.0.0.1:50000"),
            log.bytes(Side::Client, request, after(1)),
            log.bytes(Side::Client, b"lo", after(1003)),
            log.bytes(Side::Server, response, after(1003)),
            log.bytes(Side::Client, &b"GET /".repeat(20), after(2000)),
            log.ended(Side::Client, End::Fin, after(61_000)),
            log.ended(Side::Server, End::Reset, after(61_002)),
            log.closed(after(61_003)),
        ];
        assert_eq!(plain(&text.concat()), include_str!("golden/conversation.txt"));
    }

    #[test]
    fn an_echo_is_printed_without_names() {
        let mut log = ConnectionLog::new(12);
        let text = [
            log.opened("127.0.0.1:50000"),
            log.bytes(Side::Client, b"hello\n\0\xff", after(0)),
            log.bytes(Side::Server, b"hello\n\0\xff", after(2)),
            log.ended(Side::Server, End::Idle, after(9)),
            log.ended(Side::Client, End::Undeliverable, after(9)),
            log.no_server(after(9), "no server at 127.0.0.1:8080"),
        ];
        assert_eq!(plain(&text.concat()), include_str!("golden/echo.txt"));
    }

    #[test]
    fn on_a_terminal_the_directions_have_colours() {
        let mut log = ConnectionLog::new(1);
        let (client, server) =
            (log.bytes(Side::Client, b"a", after(0)), log.bytes(Side::Server, b"a", after(0)));
        assert!(client.contains(&ui::paint(PLACE, ">")) && server.contains(&ui::paint(GOOD, "<")));
    }
}
