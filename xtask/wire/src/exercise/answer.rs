//! A response together with its request, so that a failure can show both.

use std::fmt::Display;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::report::Failure;
use crate::output::{Output, Text};
use crate::{Framing, Reply};

/// The position of the status code, after `HTTP/1.1 `.
const STATUS_AT: usize = 9;

/// A panic message and the response after it arrive on different pipes, so the message may be late.
const LATE_WORDS: Duration = Duration::from_millis(500);

/// A response. It dereferences to [`Reply`]. Its methods assert requirements and return the response again, so that
/// they can be chained.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The request, as it was sent.
    pub sent: Vec<u8>,
    /// The response.
    pub reply: Reply,
    /// The arguments after the address of the server that sent it.
    pub(super) arguments: Box<[String]>,
    /// The output of that server.
    pub(super) output: Arc<Output>,
}

impl Deref for Answer {
    type Target = Reply;

    fn deref(&self) -> &Reply {
        &self.reply
    }
}

impl Answer {
    /// A failure that shows this response.
    pub fn failure(&self, expected: impl Display, got: impl Display) -> Failure {
        let failure = Failure::new(expected.to_string(), got.to_string());
        let failure = failure.with_bytes(&self.sent, &self.reply.raw);
        Failure { arguments: self.arguments.clone(), ..failure }
    }

    /// Fails with `expected` and `got` unless `holds`.
    pub fn require(
        &self,
        holds: bool,
        expected: impl Display,
        got: impl Display,
    ) -> Result<(), Failure> {
        if holds { Ok(()) } else { Err(self.failure(expected, got)) }
    }

    /// Requires this status code.
    pub fn status(&self, code: u16) -> Result<&Answer, Failure> {
        self.status_in(&[code])
    }

    /// Requires one of these status codes.
    pub fn status_in(&self, codes: &[u16]) -> Result<&Answer, Failure> {
        if codes.contains(&self.reply.status) {
            return Ok(self);
        }
        let words: Vec<String> = codes.iter().map(u16::to_string).collect();
        let expected = format!("status {}", words.join(" or "));
        let mut got = format!("status {}", self.reply.status);
        if self.reply.status == 500 {
            let panics = |text: &Text| text.stderr.text.contains("panicked at ");
            got.push_str(&self.output.wait(LATE_WORDS, panics).last_errors());
        }
        Err(self.failure(expected, got).with_wrong_at(STATUS_AT))
    }

    /// Requires a field with this name that is not empty, and returns its value.
    pub fn has(&self, name: &str) -> Result<&str, Failure> {
        let value = self.reply.field(name).filter(|value| !value.is_empty());
        value.ok_or_else(|| self.failure(format!("a field {name}"), "none"))
    }

    /// Requires that the list field `name` has this element.
    pub fn lists(&self, name: &str, element: &str) -> Result<&Answer, Failure> {
        let got = self.reply.field(name).map_or_else(|| format!("no field {name}"), str::to_string);
        self.require(self.reply.lists(name, element), format!("{name} lists {element}"), got)?;
        Ok(self)
    }

    /// Requires exactly one field with this name, and returns its value.
    pub fn one(&self, name: &str) -> Result<&str, Failure> {
        let values: Vec<&str> = self.reply.fields(name).collect();
        let got = match values[..] {
            [value] => return Ok(value),
            [] => format!("no field {name}"),
            [..] => format!("{} fields {name}: {}", values.len(), values.join(" | ")),
        };
        Err(self.failure(format!("one field {name}"), got))
    }

    /// Requires exactly one field with this name, and that its value is `value`.
    pub fn field(&self, name: &str, value: &str) -> Result<&Answer, Failure> {
        let expected = format!("{name}: {value}");
        let found = self.one(name).map_err(|failure| failure.expecting(expected.as_str()))?;
        if found == value {
            return Ok(self);
        }
        let failure = self.failure(expected, format!("{name}: {found}"));
        let same = first_difference(found.as_bytes(), value.as_bytes());
        let at = self.value_at(name).map(|at| at + same);
        Err(at.into_iter().fold(failure, Failure::with_wrong_at))
    }

    /// Requires this media type in `Content-Type`, with any parameters.
    pub fn media_type(&self, expected: &str) -> Result<&Answer, Failure> {
        let got = self.one("Content-Type")?;
        let is_right = got.split(';').next().is_some_and(|it| it.trim() == expected);
        let expected = format!("Content-Type: {expected}");
        self.require(is_right, expected, format!("Content-Type: {got}"))?;
        Ok(self)
    }

    /// Requires that there is no field with this name.
    pub fn no_field(&self, name: &str) -> Result<&Answer, Failure> {
        let Some(value) = self.reply.field(name) else {
            return Ok(self);
        };
        let failure = self.failure(format!("no field {name}"), format!("{name}: {value}"));
        Err(self.value_at(name).into_iter().fold(failure, Failure::with_wrong_at))
    }

    /// Requires that the body consists of exactly these bytes.
    pub fn body(&self, bytes: &[u8]) -> Result<&Answer, Failure> {
        let body = &self.reply.body;
        if body == bytes {
            return Ok(self);
        }
        let described = |bytes: &[u8]| match std::str::from_utf8(bytes) {
            Ok(text) if text.len() <= 200 => format!("{} bytes: {text:?}", text.len()),
            _ => format!("{} bytes", bytes.len()),
        };
        let failure = self.failure(
            format!("a body of {}", described(bytes)),
            format!("a body of {}", described(body)),
        );
        Err(match self.reply.framing {
            Framing::Length | Framing::Close => {
                let start = self.reply.raw.len() - body.len();
                failure.with_wrong_at(start + first_difference(body, bytes))
            }
            // In a chunked body, a position in the content is not the same as the position on the wire.
            Framing::Chunked | Framing::None => failure,
        })
    }

    /// Requires that the body is JSON, with a JSON Content-Type.
    pub fn json(&self) -> Result<Value, Failure> {
        self.reply.json().map_err(|error| self.failure("a JSON body", error.message()))
    }

    /// Requires the error body of the course, `{"error": CODE, "message": TEXT}`, with this status and code.
    pub fn error(&self, status: u16, code: &str) -> Result<&Answer, Failure> {
        self.status(status)?;
        let body = self.json()?;
        let right = body["error"] == code && body["message"].is_string();
        self.require(right, format!(r#"{{"error": "{code}", "message": "…"}}"#), body)?;
        Ok(self)
    }

    /// The position on the wire of the value of the first field with this name.
    fn value_at(&self, name: &str) -> Option<usize> {
        let mut start = 0;
        for line in self.reply.raw.split_inclusive(|&byte| byte == b'\n') {
            let colon = line.iter().position(|&byte| byte == b':');
            if let Some(colon) = colon
                && line[..colon].eq_ignore_ascii_case(name.as_bytes())
            {
                let space =
                    line[colon + 1..].iter().take_while(|byte| b" \t".contains(byte)).count();
                return Some(start + colon + 1 + space);
            }
            start += line.len();
        }
        None
    }
}

/// The position of the first byte that differs, or the length of the shorter slice if there is none.
pub(crate) fn first_difference(a: &[u8], b: &[u8]) -> usize {
    a.iter().zip(b).take_while(|(a, b)| a == b).count()
}
