//! Requirements for a reply beyond its status.

use serde_json::Value;

use crate::Reply;

/// A requirement for a reply.
#[derive(Debug, Clone, PartialEq)]
pub enum Check {
    /// The body consists of exactly these bytes.
    Body(&'static [u8]),
    /// The field occurs once, with exactly this value.
    Field(&'static str, &'static str),
    /// The list field has this element.
    Lists(&'static str, &'static str),
    /// The field is absent.
    NoField(&'static str),
    /// The JSON body has this value at this JSON pointer, for example in a response from
    /// `/inspect`.
    Json(&'static str, Value),
    /// The form of every rejection: JSON with the reason, and `Connection: close`.
    Refusal,
}

impl Check {
    /// Returns the problem of the reply, if there is one.
    pub fn problem(&self, reply: &Reply) -> Option<String> {
        match self {
            Check::Body(body) if reply.body == *body => None,
            Check::Body(body) => {
                Some(format!("the body must be {:?}", String::from_utf8_lossy(body)))
            }
            Check::Field(name, value) => {
                let values: Vec<_> = reply.fields(name).collect();
                (values != [*value]).then(|| format!("{name} must be {value:?}, is {values:?}"))
            }
            Check::Lists(name, element) => (!reply.lists(name, element)).then(|| {
                format!("{name} must have the element {element}, is {:?}", reply.field(name))
            }),
            Check::NoField(name) => {
                reply.field(name).map(|value| format!("{name} must be absent, is {value:?}"))
            }
            Check::Json(pointer, value) => {
                match reply.json().as_ref().map(|it| it.pointer(pointer)) {
                    Err(error) => Some(error.message().to_string()),
                    Ok(found) if found == Some(value) => None,
                    Ok(found) => Some(format!("{pointer} must be {value}, is {found:?}")),
                }
            }
            Check::Refusal => refusal_problem(reply),
        }
    }
}

/// The code in the body of a rejection, for each status.
const CODES: [(u16, &str); 9] = [
    (400, "bad_request"),
    (408, "request_timeout"),
    (413, "content_too_large"),
    (414, "uri_too_long"),
    (417, "expectation_failed"),
    (431, "header_fields_too_large"),
    (501, "not_implemented"),
    (503, "overloaded"),
    (505, "version_not_supported"),
];

fn refusal_problem(reply: &Reply) -> Option<String> {
    if let Some(problem) = Check::Lists("Connection", "close").problem(reply) {
        return Some(problem);
    }
    let json = match reply.json() {
        Ok(json) => json,
        Err(error) => return Some(error.message().to_string()),
    };
    let keys: Vec<&str> =
        json.as_object().into_iter().flatten().map(|(key, _)| key.as_str()).collect();
    let is_text = |key: &str| json[key].as_str().is_some_and(|text| !text.is_empty());
    let texts = is_text("error") && is_text("message");
    if keys != ["error", "message"] || !texts {
        return Some(format!("the body must be {{\"error\": …, \"message\": …}}, is {json}"));
    }
    let code = CODES.iter().find(|(status, _)| *status == reply.status).map(|(_, code)| *code);
    if code.is_some_and(|code| json["error"] != code) {
        return Some(format!("the error of a {} must be {code:?}, is {json}", reply.status));
    }
    // Waiting does not help a client whose request was invalid.
    if reply.status == 503 { None } else { Check::NoField("Retry-After").problem(reply) }
}
