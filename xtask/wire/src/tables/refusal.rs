//! The form of every rejection: JSON with the reason, and `Connection: close`.

use crate::Reply;

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

/// Returns the problem of a rejection, if there is one.
pub(super) fn problem(reply: &Reply) -> Option<String> {
    if !reply.lists("Connection", "close") {
        let found = reply.field("Connection");
        return Some(format!("Connection must have the element close, is {found:?}"));
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
    let retry = reply.field("Retry-After").filter(|_| reply.status != 503);
    retry.map(|value| format!("Retry-After must be absent, is {value:?}"))
}
