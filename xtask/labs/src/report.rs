//! Runs an input, and reports the result as JSON.

use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::Context;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use httpserver::http::{Handler, HttpError, Request, Status};
use httpserver::{Config, Limits};
use serde_json::{Map, Value, json};

use crate::blame;
use crate::in_memory::InMemoryConnection;
use crate::label::Labeler;
use crate::limits::{MAX_REQUESTS, MAX_SPANS};
use crate::message::{self, End, Message};
use crate::part::{Part, Span};
use crate::sandbox::{self, Slept};

/// The only interim response that this server sends.
const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

/// Runs an input on a new connection to a new sandbox.
///
/// # Errors
/// Returns an error when the application or the connection cannot be created.
pub(crate) fn make(input: &[u8], config: &Config) -> anyhow::Result<Value> {
    let limits = Limits {
        requests: config.limits.requests.min(MAX_REQUESTS),
        // A handler that reads a body as it arrives would wait for bytes that are never sent.
        whole_body: u64::MAX,
        ..config.limits
    };
    let slept = Slept::default();
    let mut trial = Trial::new(input, config, limits, &slept)?;
    let read = trial.run(&limits)?;
    let connection = &trial.connection;
    let (output, is_truncated) = (STANDARD.encode(connection.output()), connection.is_truncated());
    let next = trial.next()?;
    let spans: Vec<_> = trial.spans.iter().take(MAX_SPANS).map(|span| trial.span(span)).collect();
    Ok(json!({
        "input": input.len(),
        "read": read,
        "output": output,
        "truncated": is_truncated,
        "clock_ms": slept.milliseconds(),
        "messages": trial.messages,
        "rejection": trial.rejection,
        "next": next,
        "spans": spans,
        "spans_truncated": trial.spans.len() > MAX_SPANS,
    }))
}

/// The requests that have reached the application, in the form in which a report shows them.
#[derive(Clone, Default)]
struct SeenRequests(Arc<Mutex<Vec<Value>>>);

impl SeenRequests {
    fn add(&self, request: &mut Request) {
        let request = json!({
            "method": request.method().as_str(),
            "target": request.target().raw(),
            "version": request.version().to_string(),
            "body": request.body().len(),
        });
        self.lock().push(request);
    }

    fn count(&self) -> usize {
        self.lock().len()
    }

    fn last(&self) -> Value {
        self.lock().last().cloned().unwrap_or_default()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Value>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An input that is being run, and its report so far.
struct Trial<'a> {
    input: &'a [u8],
    connection: InMemoryConnection,
    seen: SeenRequests,
    spans: Vec<Span>,
    messages: Vec<Value>,
    rejection: Value,
    /// Whether the last message ended within its header section.
    is_in_header_section: bool,
}

impl<'a> Trial<'a> {
    fn new(
        input: &'a [u8],
        config: &Config,
        limits: Limits,
        slept: &Slept,
    ) -> anyhow::Result<Trial<'a>> {
        let application = sandbox::application(config, slept)?;
        let seen = SeenRequests::default();
        let log = seen.clone();
        let handler = move |request: &mut Request| {
            log.add(request);
            application.handle(request)
        };
        Ok(Trial {
            input,
            connection: InMemoryConnection::new(Box::new(handler), limits, slept.clone()),
            seen,
            spans: Vec::new(),
            messages: Vec::new(),
            rejection: Value::Null,
            is_in_header_section: true,
        })
    }

    /// Sends the messages one by one until the server stops reading. Returns the number of bytes sent.
    fn run(&mut self, limits: &Limits) -> anyhow::Result<usize> {
        let (mut at, end) = (0, self.input.len());
        while at < end && self.connection.is_open() {
            at = self.send(&message::at(self.input, at, limits))?;
        }
        if at < end {
            let out = self.connection.output().len();
            self.messages.push(entry(&(at..end), None, "unread", None, out..out));
            self.spans.push(Span { from: at, to: end, part: Part::Unread, is_blamed: false });
        }
        Ok(at)
    }

    /// Sends one message. The response shows the result. Returns where the message ends.
    fn send(&mut self, message: &Message) -> anyhow::Result<usize> {
        let (sent_before, seen_before) = (self.connection.output().len(), self.seen.count());
        self.connection.send(&self.input[message.from..message.to]).context("the connection")?;
        let out = sent_before..self.connection.output().len();
        let output = &self.connection.output()[out.clone()];
        let is_interim = output.starts_with(CONTINUE);
        let response = output.strip_prefix(CONTINUE).unwrap_or(output);
        let status = status(response);
        let outcome = match status {
            _ if self.seen.count() > seen_before => "responded",
            Some(_) => "rejected",
            None => "incomplete",
        };
        let header_section_to = message.header_section.map(|(to, _)| to);
        let mut spans = Labeler::new(self.input).message(message);
        let mut to = message.to;
        if outcome == "rejected" {
            let mut section = blame::section(&message.end);
            // The server does not read the bytes after a header section with an expectation that it cannot meet.
            if let (Some(417), Some(end)) = (status, header_section_to) {
                to = end;
                section = Some("RFC 9110 section 10.1.1");
                spans.retain(|span| span.to <= end);
                blame::expectation(&mut spans, self.input);
            }
            let error = error(response, status, &message.end);
            self.rejection = rejection(&error, self.messages.len(), to - 1, status, section);
        }
        let mut entry = entry(&(message.from..to), header_section_to, outcome, status, out);
        entry["interim"] = is_interim.into();
        entry["keeps_alive"] = self.connection.is_open().into();
        if outcome == "responded" {
            entry["request"] = self.seen.last();
        }
        self.messages.push(entry);
        self.spans.append(&mut spans);
        self.is_in_header_section = message.header_section.is_none();
        debug_assert!(
            self.connection.is_truncated()
                || (outcome == "responded")
                    == (message.end == End::Complete && status != Some(417))
        );
        Ok(to)
    }

    /// A span as JSON, with the index of its message.
    fn span(&self, span: &Span) -> Value {
        let ends_before = |message: &Value| message["to"].as_u64() <= Some(span.from as u64);
        let (part, rule) = span.part.description();
        let mut fields = Map::new();
        fields.insert("from".into(), span.from.into());
        fields.insert("to".into(), span.to.into());
        fields.insert("message".into(), self.messages.partition_point(ends_before).into());
        fields.insert("part".into(), part.into());
        fields.insert("rule".into(), rule.into());
        if span.is_blamed {
            fields.insert("blame".into(), true.into());
        }
        fields.into()
    }

    /// The behavior of the server if it gets no more bytes.
    fn next(&mut self) -> anyhow::Result<Value> {
        let timeout = self.connection.timeout();
        let mut then = Value::Null;
        let (state, text) = if self.connection.is_truncated() {
            ("sending", "It has more to send than is shown here.")
        } else if timeout.is_none() {
            ("close", "It has closed the connection.")
        } else if !self.connection.is_open() {
            ("close", "It has sent its last response and its FIN, and waits for the client's FIN.")
        } else if self.connection.is_idle() {
            ("idle", "It keeps the connection open, and waits for the next request.")
        } else {
            let output = self.connection.expire()?;
            then = json!({
                "status": status(&output),
                "text": body(&output)["message"],
                "output": STANDARD.encode(&output),
            });
            if self.is_in_header_section {
                ("header-section", "It waits for the rest of the header section.")
            } else {
                ("body", "It waits for the rest of the body.")
            }
        };
        let timeout = timeout.filter(|_| state != "sending");
        let milliseconds = timeout.map(|time| u64::try_from(time.as_millis()).unwrap_or(u64::MAX));
        Ok(json!({ "state": state, "text": text, "after_ms": milliseconds, "then": then }))
    }
}

/// A message as JSON. `out` is the range of output bytes that the server has sent in response.
fn entry(
    bytes: &Range<usize>,
    header_section_to: Option<usize>,
    outcome: &str,
    status: Option<u16>,
    out: Range<usize>,
) -> Value {
    json!({
        "from": bytes.start,
        "to": bytes.end,
        "header_section_to": header_section_to,
        "outcome": outcome,
        "status": status,
        "out": { "from": out.start, "to": out.end },
        "request": null,
        "interim": false,
        "keeps_alive": false,
    })
}

/// The code and the message of a rejection. A response to HEAD has no body, so the body of the GET response is built
/// here.
fn error(response: &[u8], status: Option<u16>, end: &End) -> Value {
    let body = body(response);
    if !body.is_null() {
        return body;
    }
    let error: HttpError = match (status, end) {
        (Some(417), _) | (_, End::Complete | End::Incomplete) => unmet_expectation(),
        (_, End::InvalidHeader(error)) => error.clone().into(),
        (_, End::InvalidBody(error)) => (*error).into(),
    };
    json!({ "error": error.code, "message": error.message })
}

fn rejection(
    error: &Value,
    message: usize,
    at: usize,
    status: Option<u16>,
    rule: Option<&str>,
) -> Value {
    json!({
        "message": message,
        "at": at,
        "status": status,
        "code": error["error"],
        "text": error["message"],
        "rule": rule,
    })
}

/// The error of `final` for an expectation that it cannot meet.
fn unmet_expectation() -> HttpError {
    let message = "the only supported expectation is 100-continue";
    HttpError::new(Status::EXPECTATION_FAILED, "expectation_failed", message)
}

/// The status of a response that begins with `HTTP/1.1 NNN`.
fn status(response: &[u8]) -> Option<u16> {
    str::from_utf8(response.get(9..12)?).ok()?.parse().ok()
}

/// The body of a response if it is JSON, as every rejection's body is.
fn body(response: &[u8]) -> Value {
    let end = response.windows(4).position(|bytes| bytes == b"\r\n\r\n");
    let body = end.and_then(|end| serde_json::from_slice(&response[end + 4..]).ok());
    body.unwrap_or_default()
}
