//! Explains the bytes of a connection as the parser reads them: the messages, and the part of a message to which each
//! byte belongs.

use httpserver::http::HttpError;
use httpserver::http::limits::Limits;
use serde_json::{Value, json};

use crate::blame;
use crate::label::Labeler;
use crate::message::{self, End};

/// Explains an input as JSON: its messages in order, and the spans of each. Bytes after an invalid message are in no
/// message, because no server may read them.
pub(crate) fn run(input: &[u8], limits: &Limits) -> Value {
    let (mut at, mut messages) = (0, Vec::new());
    while at < input.len() {
        let message = message::at(input, at, limits);
        let error: Option<HttpError> = match &message.end {
            End::InvalidHeader(error) => Some(error.clone().into()),
            End::InvalidBody(error) => Some((*error).into()),
            End::Complete | End::Incomplete => None,
        };
        let spans: Vec<Value> = Labeler::new(input).message(&message).iter().map(|span| {
            let (part, rule) = span.part.description();
            json!({ "from": span.from, "to": span.to, "part": part, "rule": rule, "blame": span.is_blamed })
        }).collect();
        let rejection = error.map(|error| {
            json!({
                "status": error.status.code(),
                "code": error.code,
                "text": error.message,
                "rule": blame::section(&message.end),
            })
        });
        let is_last = rejection.is_some();
        messages.push(json!({
            "from": message.from,
            "to": message.to,
            "head_to": message.header_section.map(|(to, _)| to),
            "complete": message.end == End::Complete,
            "rejection": rejection,
            "spans": spans,
        }));
        at = message.to;
        if is_last {
            break;
        }
    }
    json!({ "messages": messages, "read": at })
}
