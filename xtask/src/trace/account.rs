//! The lines that tell of one connection.

use std::collections::VecDeque;
use std::fmt::Write;
use std::time::Duration;

use wire::escape::escape;

use super::message::{Messages, Side};
use crate::ui::{self, BAD, DIM, GOOD, NOTE, PLACE};

/// Bytes of one part that are shown.
const BYTES: usize = 60;

/// Columns for them.
const COLUMNS: usize = 52;

/// How one direction ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// The sender has said that it sends no more.
    Fin,
    /// The sender has given up the connection.
    Reset,
    /// Nothing has come for very long.
    Silence,
    /// The other side takes nothing more of it.
    Refused,
}

/// What has been told of one connection.
#[derive(Debug)]
pub(super) struct Account {
    number: usize,
    /// When the last line was told, since the connection was opened.
    last: Duration,
    sides: [Direction; 2],
    /// Of the requests that have no answer yet.
    methods: VecDeque<String>,
}

#[derive(Debug)]
struct Direction {
    messages: Messages,
    bytes: u64,
}

impl Account {
    pub(super) fn new(number: usize) -> Account {
        let direction = |side| Direction { messages: Messages::of(side), bytes: 0 };
        Account {
            number,
            last: Duration::ZERO,
            sides: [direction(Side::Client), direction(Side::Server)],
            methods: VecDeque::new(),
        }
    }

    /// The first line.
    pub(super) fn opened(&mut self, by: &str) -> String {
        self.line(Duration::ZERO, &format!("opened by {by}"))
    }

    /// There is no server.
    pub(super) fn no_server(&mut self, now: Duration, why: &str) -> String {
        self.line(now, &ui::paint(BAD, why))
    }

    /// Bytes have come from one side, `now` after the connection was opened.
    pub(super) fn bytes(&mut self, side: Side, bytes: &[u8], now: Duration) -> String {
        let direction = &mut self.sides[side as usize];
        direction.bytes += bytes.len() as u64;
        let pieces = direction.messages.take(bytes, &mut self.methods);
        let mut text = String::new();
        for piece in pieces {
            let shown = &piece.bytes[..piece.bytes.len().min(BYTES)];
            let mut bytes = escape(shown);
            if shown.len() < piece.bytes.len() {
                let _ = write!(bytes, " … ({} bytes)", piece.bytes.len());
            }
            let what = if piece.mark.is_empty() {
                bytes
            } else {
                format!("{bytes:COLUMNS$} {}", ui::paint(DIM, &piece.mark))
            };
            text += &self.line(now, &format!("{} {what}", arrow(side)));
        }
        text
    }

    /// One side has ended.
    pub(super) fn ended(&mut self, side: Side, end: End, now: Duration) -> String {
        let who = match side {
            Side::Client => "the client",
            Side::Server => "the server",
        };
        let what = match end {
            End::Fin => ui::paint(NOTE, &format!("FIN: {who} sends no more")),
            End::Reset => ui::paint(BAD, &format!("RST: {who} has given up the connection")),
            End::Silence => ui::paint(BAD, &format!("{who} has been silent for too long")),
            End::Refused => ui::paint(BAD, &format!("nobody takes what {who} sends")),
        };
        self.line(now, &format!("{} {what}", arrow(side)))
    }

    /// The last line.
    pub(super) fn closed(&mut self, now: Duration) -> String {
        let [client, server] = &self.sides;
        let text = format!(
            "closed after {}: {} bytes {}, {} bytes {}",
            seconds(now),
            client.bytes,
            arrow(Side::Client),
            server.bytes,
            arrow(Side::Server)
        );
        self.line(now, &text)
    }

    /// A line with its connection, and the time since the line before if there is any.
    fn line(&mut self, now: Duration, what: &str) -> String {
        let passed = now.saturating_sub(self.last);
        self.last = now;
        let time = if passed < Duration::from_millis(1) {
            String::new()
        } else {
            format!("+{}", seconds(passed))
        };
        format!("{} {time:>9} {what}\n", ui::paint(DIM, &format!("#{}", self.number)))
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
    use crate::ui::tests::plain;

    fn after(milliseconds: u64) -> Duration {
        Duration::from_millis(milliseconds)
    }

    #[test]
    fn a_conversation_is_told_line_by_line() {
        let mut account = Account::new(1);
        let request =
            b"POST /echo HTTP/1.1\r\nHost: 127.0.0.1:8081\r\nContent-Length: 5\r\n\r\nhel";
        let answer =
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n";
        let text = [
            account.opened("127.0.0.1:50000"),
            account.bytes(Side::Client, request, after(1)),
            account.bytes(Side::Client, b"lo", after(1003)),
            account.bytes(Side::Server, answer, after(1003)),
            account.bytes(Side::Client, &b"GET /".repeat(20), after(2000)),
            account.ended(Side::Client, End::Fin, after(61_000)),
            account.ended(Side::Server, End::Reset, after(61_002)),
            account.closed(after(61_003)),
        ];
        assert_eq!(plain(&text.concat()), include_str!("golden/conversation.txt"));
    }

    #[test]
    fn an_echo_is_told_without_names() {
        let mut account = Account::new(12);
        let text = [
            account.opened("127.0.0.1:50000"),
            account.bytes(Side::Client, b"hello\n\0\xff", after(0)),
            account.bytes(Side::Server, b"hello\n\0\xff", after(2)),
            account.ended(Side::Server, End::Silence, after(9)),
            account.ended(Side::Client, End::Refused, after(9)),
            account.no_server(after(9), "no server at 127.0.0.1:8080"),
        ];
        assert_eq!(plain(&text.concat()), include_str!("golden/echo.txt"));
    }

    #[test]
    fn on_a_terminal_the_directions_have_colours() {
        let mut account = Account::new(1);
        let (client, server) = (
            account.bytes(Side::Client, b"a", after(0)),
            account.bytes(Side::Server, b"a", after(0)),
        );
        assert!(client.contains(&ui::paint(PLACE, ">")) && server.contains(&ui::paint(GOOD, "<")));
    }
}
