//! Explains the bytes of a connection as the parser reads them: the messages, and the part of a message to which each
//! byte belongs.

use httpserver::http::limits::Limits;
use serde_json::{Value, json};

use crate::message::{self, End, Message};
use crate::part::{Part, Span};
use crate::{blame, label};

/// Explains an input as JSON: its messages in order, and the spans of each. Bytes after an invalid message are in no
/// message, because no server may read them.
pub(crate) fn run(input: &[u8], limits: &Limits) -> Value {
    let (mut at, mut messages) = (0, Vec::new());
    let mut is_rejected = false;
    while at < input.len() && !is_rejected {
        let message = message::at(input, at, limits);
        let mut spans = label::spans(input, &message);
        let rejection = rejection(&mut spans, input, &message);
        at = message.to;
        is_rejected = rejection.is_some();
        messages.push(json!({
            "from": message.from,
            "to": message.to,
            "head_to": message.header_section.map(|(to, _)| to),
            "complete": message.end == End::Complete,
            "rejection": rejection,
            "spans": spans.iter().map(of_span).collect::<Vec<_>>(),
        }));
    }
    json!({ "messages": messages, "read": at })
}

/// Why a message is rejected, if it is. Marks the parts that caused it.
fn rejection(spans: &mut [Span], input: &[u8], message: &Message) -> Option<Value> {
    let (error, rule, location) = blame::of(&message.end)?;
    blame::mark(spans, input, message, &location);
    let (status, code, text) = (error.status.code(), error.code, error.message);
    Some(json!({ "status": status, "code": code, "text": text, "rule": rule }))
}

fn of_span(span: &Span) -> Value {
    let Span { from, to, part: Part(name, rule), is_blamed } = span;
    json!({ "from": from, "to": to, "part": name, "rule": rule, "blame": is_blamed })
}
