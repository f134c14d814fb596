//! Reports the results of checks as lines of JSON, one event per line.
//!
//! The program with the checks only reports; `cargo xtask check-exercise` reads these lines and formats them (marks,
//! colours, the equivalent curl command).

use serde_json::{Value, json};

use super::conversation::{Conversation, Piece};

/// The limit of reported bytes of one exchange.
const MOST: usize = 2 * 1024 * 1024;

/// Why a check failed, with the bytes that show it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Failure {
    /// The bytes that were sent; empty when the failure is not about one request.
    pub sent: Box<[u8]>,
    /// The bytes that were received.
    pub received: Box<[u8]>,
    /// The position of the first wrong byte in `received`.
    pub wrong_at: Option<usize>,
    /// The expected result: `status 200`.
    pub expected: Box<str>,
    /// The actual result: `status 404`.
    pub got: Box<str>,
    /// The rule, if it differs from the check's: `RFC 9110 section 9.3.2 (HEAD)`.
    pub rule: Option<Box<str>>,
    /// The arguments after the address when the server was started: a directory, for example.
    pub arguments: Box<[String]>,
    /// The check waited for something until its deadline passed.
    pub timed_out: bool,
}

impl Failure {
    /// A failure that is not about one request.
    pub fn new(expected: impl Into<Box<str>>, got: impl Into<String>) -> Failure {
        Failure { expected: expected.into(), got: got.into().into(), ..Failure::default() }
    }

    /// Replaces the expected result.
    pub fn expecting(self, expected: impl Into<Box<str>>) -> Failure {
        Failure { expected: expected.into(), ..self }
    }

    /// Adds the bytes of one exchange, for the report to show.
    pub fn with_bytes(self, sent: &[u8], received: &[u8]) -> Failure {
        let first = |bytes: &[u8]| bytes[..bytes.len().min(MOST)].into();
        Failure { sent: first(sent), received: first(received), ..self }
    }

    /// Puts a mark under a received byte. A position at the end means that a byte is missing there.
    pub fn with_wrong_at(self, place: usize) -> Failure {
        Failure { wrong_at: Some(place), ..self }
    }

    /// Marks the check as timed out: after two such failures the run gives up.
    pub fn with_timeout(self) -> Failure {
        Failure { timed_out: true, ..self }
    }

    /// Names the rule that was broken: `RFC 9110 section 9.3.2 (HEAD)`.
    pub fn with_rule(self, rule: impl Into<Box<str>>) -> Failure {
        Failure { rule: Some(rule.into()), ..self }
    }
}

/// The events of a run, in this order: a start and an end for each check, then `Done` or `GaveUp`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A check begins.
    Start {
        /// Its sentence.
        check: String,
        /// The rule it checks: `RFC 9110 section 9.3.2 (HEAD)`, or empty.
        rule: String,
    },
    /// The current check passed.
    Pass,
    /// The current check failed. Contains the bytes of all its connections.
    Fail(Failure, Vec<Conversation>),
    /// Too many checks timed out, so the remaining checks do not run. They would probably time out as well.
    GaveUp,
    /// All checks have run. A program that ends without this event has crashed.
    Done,
}

impl Event {
    /// The event as one line, without the newline.
    pub fn to_line(&self) -> String {
        let value = match self {
            Event::Start { check, rule } => json!({"event": "start", "check": check, "rule": rule}),
            Event::Pass => json!({"event": "pass"}),
            Event::Fail(failure, conversations) => json!({
                "event": "fail",
                "sent": from_bytes(&failure.sent),
                "received": from_bytes(&failure.received),
                "wrong_at": failure.wrong_at,
                "expected": failure.expected,
                "got": failure.got,
                "rule": failure.rule,
                "arguments": failure.arguments,
                "timed_out": failure.timed_out,
                "conversations": conversations.iter().map(from_conversation).collect::<Vec<_>>(),
            }),
            Event::GaveUp => json!({"event": "gave up"}),
            Event::Done => json!({"event": "done"}),
        };
        value.to_string()
    }

    /// Parses a line; `None` for a line that is not an event, such as a check's own output.
    pub fn from_line(line: &str) -> Option<Event> {
        let value: Value = serde_json::from_str(line).ok()?;
        let text = |name: &str| value[name].as_str();
        Some(match text("event")? {
            "start" => Event::Start { check: text("check")?.into(), rule: text("rule")?.into() },
            "pass" => Event::Pass,
            "fail" => {
                let texts = |list: &Value| -> Option<_> {
                    list.as_array()?.iter().map(|text| text.as_str().map(String::from)).collect()
                };
                let failure = Failure {
                    sent: to_bytes(text("sent")?),
                    received: to_bytes(text("received")?),
                    wrong_at: to_number(&value["wrong_at"]),
                    expected: text("expected")?.into(),
                    got: text("got")?.into(),
                    rule: text("rule").map(Box::from),
                    arguments: texts(&value["arguments"])?,
                    timed_out: value["timed_out"].as_bool()?,
                };
                let conversations = value["conversations"].as_array()?.iter();
                Event::Fail(failure, conversations.map(to_conversation).collect::<Option<_>>()?)
            }
            "gave up" => Event::GaveUp,
            "done" => Event::Done,
            _ => return None,
        })
    }
}

fn from_conversation(conversation: &Conversation) -> Value {
    let piece = |piece: &Piece| {
        let bytes = from_bytes(&piece.bytes);
        json!({"sent": piece.sent, "bytes": bytes, "length": piece.length})
    };
    let pieces: Vec<Value> = conversation.pieces.iter().map(piece).collect();
    json!({"number": conversation.number, "pieces": pieces})
}

fn to_conversation(value: &Value) -> Option<Conversation> {
    let piece = |value: &Value| {
        Some(Piece {
            sent: value["sent"].as_bool()?,
            bytes: to_bytes(value["bytes"].as_str()?),
            length: to_number(&value["length"])?,
        })
    };
    let pieces = value["pieces"].as_array()?.iter().map(piece).collect::<Option<_>>()?;
    Some(Conversation { number: to_number(&value["number"])?, pieces })
}

fn to_number(value: &Value) -> Option<usize> {
    value.as_u64().and_then(|number| usize::try_from(number).ok())
}

/// Encodes bytes as a JSON string: each byte becomes the character with that number, so none is lost.
fn from_bytes(bytes: &[u8]) -> String {
    bytes.iter().map(|&byte| char::from(byte)).collect()
}

fn to_bytes<B: FromIterator<u8>>(text: &str) -> B {
    text.chars().map(|character| u8::try_from(u32::from(character)).unwrap_or(b'?')).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_event_is_one_line_and_comes_back() {
        let all_bytes: Vec<u8> = (0..=255).collect();
        let failure = Failure::new("status 200", "status\n404")
            .with_bytes(&all_bytes, b"HTTP/1.1 404\r\n")
            .with_wrong_at(9)
            .with_rule("RFC 9110 section 15.5.5 (404 Not Found)");
        let piece = Piece { sent: true, bytes: b"GET\xff".to_vec(), length: 5000 };
        let conversation = Conversation { number: 3, pieces: vec![piece] };
        let failure = Failure { arguments: ["a folder".to_string()].into(), ..failure };
        for event in [
            Event::Start { check: "a \"sentence\"".to_string(), rule: String::new() },
            Event::Pass,
            Event::Fail(failure, vec![conversation]),
            Event::Fail(Failure::new("a", "b").with_timeout(), Vec::new()),
            Event::GaveUp,
            Event::Done,
        ] {
            let line = event.to_line();
            assert!(!line.contains('\n'), "{line}");
            assert_eq!(Event::from_line(&line), Some(event));
        }
    }

    #[test]
    fn what_is_no_event_is_left_alone() {
        for line in ["", "hello", "{}", "[1]", r#"{"event":"other"}"#, r#"{"event":"start"}"#] {
            assert_eq!(Event::from_line(line), None, "{line}");
        }
    }
}
