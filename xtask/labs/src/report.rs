//! What came of an input, as JSON.

use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use httpserver::http::{Handler, HttpError, Request, Status};
use httpserver::{Config, Limits};
use serde_json::{Map, Value, json};

use crate::blame;
use crate::endpoint::{REQUESTS, SPANS};
use crate::in_memory::Wire;
use crate::label::Labels;
use crate::message::{self, End, Message};
use crate::part::{Part, Span};
use crate::sandbox::{self, Slept};

/// How an interim response begins and ends, of the one kind that this server sends.
const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

/// Runs an input, and tells.
///
/// # Errors
/// When there is no application or no connection to run it with.
pub(crate) fn make(input: &[u8], config: &Config) -> anyhow::Result<Value> {
    let limits = Limits {
        requests: config.limits.requests.min(REQUESTS),
        // No handler may wait for what nobody will send.
        whole_body: u64::MAX,
        ..config.limits
    };
    let slept = Slept::default();
    let seen: Seen = Arc::default();
    let application = sandbox::application(config, &slept)?;
    let handler = {
        let seen = Arc::clone(&seen);
        move |request: &mut Request| {
            seen.lock().unwrap_or_else(PoisonError::into_inner).push(describe(request));
            application.handle(request)
        }
    };
    let wire = Wire::new(Box::new(handler), limits, slept.clone())?;
    let mut report = Report {
        input,
        wire,
        seen,
        spans: Vec::new(),
        messages: Vec::new(),
        refusal: Value::Null,
        is_in_head: true,
    };
    let mut at = 0;
    while at < input.len() && report.wire.is_open() {
        at = report.message(&message::next(input, at, &limits))?;
    }
    if at < input.len() {
        let out = report.wire.output().len();
        let place = at..input.len();
        report.messages.push(entry(&place, None, "unread", None, out..out));
        report.spans.push(Span { from: at, to: input.len(), part: Part::Unread, is_blamed: false });
    }
    let (output, is_cut) = (STANDARD.encode(report.wire.output()), report.wire.is_cut());
    let next = report.next()?;
    let spans: Vec<_> = report.spans.iter().take(SPANS).map(|span| report.span(span)).collect();
    Ok(json!({
        "input": input.len(),
        "read": at,
        "output": output,
        "truncated": is_cut,
        "clock_ms": slept.milliseconds(),
        "messages": report.messages,
        "refusal": report.refusal,
        "next": next,
        "spans": spans,
        "spans_truncated": report.spans.len() > SPANS,
    }))
}

/// The requests that have reached the application.
type Seen = Arc<Mutex<Vec<Value>>>;

fn describe(request: &mut Request) -> Value {
    json!({
        "method": request.method().as_str(),
        "target": request.target().raw(),
        "version": request.version().to_string(),
        "body": request.body().len(),
    })
}

struct Report<'a> {
    input: &'a [u8],
    wire: Wire,
    seen: Seen,
    spans: Vec<Span>,
    messages: Vec<Value>,
    refusal: Value,
    /// Whether the last message ended within its head.
    is_in_head: bool,
}

impl Report<'_> {
    /// Sends one message. What comes back says what became of it. Returns where it ends.
    fn message(&mut self, message: &Message) -> anyhow::Result<usize> {
        let before = (self.wire.output().len(), self.handled());
        self.wire.send(&self.input[message.from..message.to]).context("the connection")?;
        let out = before.0..self.wire.output().len();
        let reply = &self.wire.output()[out.clone()];
        let is_interim = reply.starts_with(CONTINUE);
        let reply = reply.strip_prefix(CONTINUE).unwrap_or(reply);
        let status = status(reply);
        let outcome = match status {
            _ if self.handled() > before.1 => "answered",
            Some(_) => "refused",
            None => "incomplete",
        };
        let head_to = message.head.map(|(to, _)| to);
        let mut spans = Labels::new(self.input).message(message);
        let mut to = message.to;
        if outcome == "refused" {
            let mut section = blame::section(&message.end);
            // An expectation that cannot be met: what follows the head is not looked at.
            if let (Some(417), Some(end)) = (status, head_to) {
                to = end;
                section = Some("RFC 9110 section 10.1.1");
                spans.retain(|span| span.to <= end);
                blame::expectation(&mut spans, self.input);
            }
            let words = words(reply, status, &message.end);
            self.refusal = refusal(&words, self.messages.len(), to - 1, status, section);
        }
        let mut entry = entry(&(message.from..to), head_to, outcome, status, out);
        entry["interim"] = is_interim.into();
        entry["keeps_alive"] = self.wire.is_open().into();
        if outcome == "answered" {
            entry["request"] = self.last_seen();
        }
        self.messages.push(entry);
        self.spans.append(&mut spans);
        self.is_in_head = message.head.is_none();
        debug_assert!(
            self.wire.is_cut()
                || (outcome == "answered") == (message.end == End::Complete && status != Some(417))
        );
        Ok(to)
    }

    fn handled(&self) -> usize {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    fn last_seen(&self) -> Value {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.last().cloned().unwrap_or_default()
    }

    fn span(&self, span: &Span) -> Value {
        let is_there = |message: &Value| message["to"].as_u64() > Some(span.from as u64);
        let (part, rule) = span.part.description();
        let mut fields = Map::new();
        fields.insert("from".into(), span.from.into());
        fields.insert("to".into(), span.to.into());
        fields.insert("message".into(), self.messages.partition_point(|it| !is_there(it)).into());
        fields.insert("part".into(), part.into());
        fields.insert("rule".into(), rule.into());
        if span.is_blamed {
            fields.insert("blame".into(), true.into());
        }
        fields.into()
    }

    /// What the connection does if no more bytes come.
    fn next(&mut self) -> anyhow::Result<Value> {
        let after = self.wire.patience();
        let mut then = Value::Null;
        let (state, text) = if self.wire.is_cut() {
            ("sending", "It has more to send than is shown here.")
        } else if after.is_none() {
            ("close", "It has closed the connection.")
        } else if !self.wire.is_open() {
            ("close", "It has sent its last word and its FIN, and waits for the client's.")
        } else if self.wire.is_idle() {
            ("idle", "It keeps the connection, and waits for the next request.")
        } else {
            let told = self.wire.time_out()?;
            then = json!({
                "status": status(&told),
                "text": body(&told)["message"],
                "output": STANDARD.encode(&told),
            });
            if self.is_in_head {
                ("head", "It waits for the rest of the head.")
            } else {
                ("body", "It waits for the rest of the body.")
            }
        };
        let after = after.filter(|_| state != "sending");
        let milliseconds = after.map(|time| u64::try_from(time.as_millis()).unwrap_or(u64::MAX));
        Ok(json!({ "state": state, "text": text, "after_ms": milliseconds, "then": then }))
    }
}

fn entry(
    place: &Range<usize>,
    head_to: Option<usize>,
    outcome: &str,
    status: Option<u16>,
    out: Range<usize>,
) -> Value {
    json!({
        "from": place.start,
        "to": place.end,
        "head_to": head_to,
        "outcome": outcome,
        "status": status,
        "out": { "from": out.start, "to": out.end },
        "request": null,
        "interim": false,
        "keeps_alive": false,
    })
}

/// What a refusal says. Behind HEAD it has no body, and then it is what would stand in it.
fn words(reply: &[u8], status: Option<u16>, end: &End) -> Value {
    let body = body(reply);
    if !body.is_null() {
        return body;
    }
    let error: HttpError = match (status, end) {
        (Some(417), _) | (_, End::Complete | End::NeedMore) => unmet_expectation(),
        (_, End::Head(error)) => error.clone().into(),
        (_, End::Body(error)) => (*error).into(),
    };
    json!({ "error": error.code, "message": error.message })
}

fn refusal(
    words: &Value,
    message: usize,
    at: usize,
    status: Option<u16>,
    rule: Option<&str>,
) -> Value {
    json!({
        "message": message,
        "at": at,
        "status": status,
        "code": words["error"],
        "text": words["message"],
        "rule": rule,
    })
}

/// What the server says of an expectation that it cannot meet.
fn unmet_expectation() -> HttpError {
    let message = "the only expectation that can be met is 100-continue";
    HttpError::new(Status::EXPECTATION_FAILED, "expectation_failed", message)
}

/// `HTTP/1.1 NNN`.
fn status(reply: &[u8]) -> Option<u16> {
    str::from_utf8(reply.get(9..12)?).ok()?.parse().ok()
}

/// The JSON behind the head of a refusal.
fn body(reply: &[u8]) -> Value {
    let end = reply.windows(4).position(|bytes| bytes == b"\r\n\r\n");
    let body = end.and_then(|end| serde_json::from_slice(&reply[end + 4..]).ok());
    body.unwrap_or_default()
}
