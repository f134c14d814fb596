//! Extractors: functions that convert a part of a request into a value for a handler, or return a
//! 4xx error with the reason.

use serde_json::Value;

use super::limits::MIB;
use super::{HttpError, Request, Status, header};

/// The size in bytes of the largest body that [`form`] and [`json`] collect.
pub const MAX_COLLECTED: usize = 8 * MIB;

/// A list of names and values in the order in which they were sent. A name may occur more than
/// once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pairs(Vec<(String, String)>);

impl Pairs {
    /// Returns the first value with this name.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.iter().find(|(it, _)| *it == name).map(|(_, value)| value)
    }

    /// Returns all values with this name.
    pub fn get_all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.iter().filter(move |(it, _)| *it == name).map(|(_, value)| value)
    }

    /// Returns all pairs in their order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Returns the number of pairs.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Returns whether there are no pairs.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Decodes text such as `a=1&b=x+y%21`. This cannot fail, because an invalid escape is kept as
    /// it is (WHATWG URL section 5.1).
    fn from_urlencoded(bytes: &[u8]) -> Pairs {
        Pairs(form_urlencoded::parse(bytes).into_owned().collect())
    }
}

/// Returns the decoded query of the request target.
pub fn query(request: &Request) -> Pairs {
    Pairs::from_urlencoded(request.target().query().unwrap_or_default().as_bytes())
}

/// Parses the body as a form, in the default encoding of browsers.
///
/// # Errors
/// Returns a 415 for a body of another media type, and a 413 for a body of more than
/// [`MAX_COLLECTED`] bytes.
pub fn form(request: &mut Request) -> Result<Pairs, HttpError> {
    match media_type(request).as_deref() {
        Some("application/x-www-form-urlencoded") => {
            Ok(Pairs::from_urlencoded(request.body_mut().collect(MAX_COLLECTED)?))
        }
        _ => Err(unsupported("application/x-www-form-urlencoded")),
    }
}

/// Parses the body as JSON.
///
/// # Errors
/// Returns a 415 for a body of another media type, a 400 for a body that is not JSON (a client's
/// mistake is never a 500), and a 413 for one of more than [`MAX_COLLECTED`] bytes.
pub fn json(request: &mut Request) -> Result<Value, HttpError> {
    let is_json = |name: &str| name == "application/json" || name.ends_with("+json");
    if !media_type(request).is_some_and(|name| is_json(&name)) {
        return Err(unsupported("application/json"));
    }
    serde_json::from_slice(request.body_mut().collect(MAX_COLLECTED)?)
        .map_err(|error| HttpError::new(Status::BAD_REQUEST, "bad_json", error.to_string()))
}

/// Returns the cookies of all Cookie fields, with their values as the client sent them. Cookies
/// have no encoding, and quotation marks around a value are part of the value
/// (RFC 6265 sections 4.1.1 and 4.2). A pair without `=` is skipped. Bytes that are not UTF-8
/// become U+FFFD, so that one bad cookie does not make the rest unreadable.
pub fn cookies(request: &Request) -> Pairs {
    let mut pairs = Vec::new();
    for line in request.headers().get_all(header::COOKIE) {
        let line = String::from_utf8_lossy(line.as_bytes());
        for pair in line.split(';') {
            let Some((name, value)) = pair.split_once('=') else { continue };
            pairs.push((name.trim().to_string(), value.trim().to_string()));
        }
    }
    Pairs(pairs)
}

/// Returns the body's `type/subtype` in lower case, without parameters (RFC 9110 section 8.3.1).
fn media_type(request: &Request) -> Option<String> {
    let value = request.headers().get(header::CONTENT_TYPE)?.to_str()?;
    let (name, _parameters) = value.split_once(';').unwrap_or((value, ""));
    Some(name.trim().to_ascii_lowercase())
}

fn unsupported(wanted: &str) -> HttpError {
    let message = format!("the body must be {wanted}, and Content-Type must say so");
    HttpError::new(Status::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::Method;
    use serde_json::json;

    fn post(content_type: &str, body: &str) -> Request {
        Request::builder(Method::Post, "/").header("Content-Type", content_type).body(body).build()
    }

    #[test]
    fn a_query_is_decoded_and_keeps_order_and_repetition() {
        let request = Request::builder(Method::Get, "/?a=1&b=x+y%21&a=2&flag&=v&%zz=1").build();
        let pairs = query(&request);
        let expected =
            [("a", "1"), ("b", "x y!"), ("a", "2"), ("flag", ""), ("", "v"), ("%zz", "1")];
        assert_eq!(pairs.iter().collect::<Vec<_>>(), expected);
        assert_eq!(pairs.get_all("a").collect::<Vec<_>>(), ["1", "2"]);
        assert_eq!(pairs.get("absent"), None);
        assert_eq!((pairs.len(), pairs.is_empty()), (6, false));
        let none = query(&Request::builder(Method::Get, "/").build());
        assert_eq!((none.len(), none.is_empty()), (0, true));
    }

    #[test]
    fn a_form_must_have_its_media_type() {
        let pairs = form(&mut post("Application/X-WWW-Form-Urlencoded; charset=utf-8", "a=%C3%A9"))
            .unwrap();
        assert_eq!(pairs.get("a"), Some("\u{e9}"));
        let error = form(&mut post("text/plain", "a=1")).unwrap_err();
        assert_eq!((error.status.code(), error.code), (415, "unsupported_media_type"));
        assert!(error.message.contains("application/x-www-form-urlencoded"), "{error}");
    }

    #[test]
    fn json_is_a_value_or_a_client_error() {
        let table = [
            ("application/json", r#"{"a":1}"#, Ok(json!({"a": 1}))),
            ("application/json; charset=utf-8", "[]", Ok(json!([]))),
            ("application/problem+json", "1", Ok(json!(1))),
            ("application/json ; a=b; c=d", "1", Ok(json!(1))),
            ("application/json", "{", Err(400)),
            ("application/json", "", Err(400)),
            ("application/json", "1 2", Err(400)),
            ("text/json-not", "{}", Err(415)),
            ("", "{}", Err(415)),
        ];
        for (content_type, body, expected) in table {
            let result = json(&mut post(content_type, body)).map_err(|error| error.status.code());
            assert_eq!(result, expected, "{content_type}: {body}");
        }
    }

    #[test]
    fn a_body_without_a_content_type_is_neither_json_nor_a_form() {
        let mut request = Request::builder(Method::Post, "/").body("{}").build();
        let error = json(&mut request).unwrap_err();
        assert_eq!(error.status, Status::UNSUPPORTED_MEDIA_TYPE);
        assert!(error.message.contains("application/json"), "{error}");
        assert_eq!(form(&mut request).unwrap_err().status, Status::UNSUPPORTED_MEDIA_TYPE);
    }

    #[test]
    fn json_nested_too_deeply_is_a_client_error_and_no_stack_overflow() {
        let deep = "[".repeat(1_000_000);
        assert_eq!(json(&mut post("application/json", &deep)).unwrap_err().code, "bad_json");
    }

    #[test]
    fn cookies_come_from_all_fields_and_split_at_the_first_equals_sign() {
        let request = Request::builder(Method::Get, "/")
            .header("Cookie", r#"a=1; b="two"; c=x=y; nonsense;  s = t ;"#)
            .header("Cookie", "d=; e=\u{e9}; f=\"; =g")
            .build();
        let expected = [
            ("a", "1"),
            ("b", "\"two\""),
            ("c", "x=y"),
            ("s", "t"),
            ("d", ""),
            ("e", "\u{e9}"),
            ("f", "\""),
            ("", "g"),
        ];
        assert_eq!(cookies(&request).iter().collect::<Vec<_>>(), expected);
    }
}
