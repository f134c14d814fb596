//! The Vary field, which lists the request fields that a response depends on (RFC 9110
//! section 12.5.5).

use super::{HeaderName, HeaderValue, Headers, header};

/// Adds these request fields to Vary, because the response depends on them.
///
/// A shared cache may reuse the response only for requests with the same values in these fields. So
/// every response that could have been different needs Vary, even the response to a client that
/// sends none of these fields.
pub fn add(headers: &mut Headers, fields: &[HeaderName]) {
    let mut all: Vec<String> = headers.list(header::VARY).map(str::to_string).collect();
    if all.iter().any(|field| field == "*") {
        return; // `*` forbids reuse already
    }
    for field in fields {
        if !all.iter().any(|known| known.eq_ignore_ascii_case(field.as_str())) {
            all.push(field.to_string());
        }
    }
    if !all.is_empty()
        && let Ok(value) = HeaderValue::try_from(all.join(", "))
    {
        headers.set(header::VARY, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_added_once_to_an_existing_vary() {
        let table = [
            (None, "Origin"),
            (Some("Accept"), "Accept, Origin"),
            (Some("accept, ORIGIN"), "accept, ORIGIN"),
            (Some("*"), "*"),
        ];
        for (before, after) in table {
            let mut headers = Headers::new();
            if let Some(before) = before {
                headers.append(header::VARY, HeaderValue::from_static(before));
            }
            add(&mut headers, &[HeaderName::from_static("Origin")]);
            let lines: Vec<_> = headers.get_all(header::VARY).collect();
            assert_eq!(lines, [&HeaderValue::from_static(after)]);
        }
    }

    #[test]
    fn a_response_that_depends_on_no_field_gets_no_vary() {
        let mut headers = Headers::new();
        add(&mut headers, &[]);
        assert!(!headers.contains(header::VARY));
    }

    #[test]
    fn two_fields_become_one() {
        let mut headers = Headers::new();
        headers.append(header::VARY, HeaderValue::from_static("Accept"));
        headers.append(header::VARY, HeaderValue::from_static("Origin"));
        add(&mut headers, &[header::ACCEPT_ENCODING]);
        let lines: Vec<_> = headers.get_all(header::VARY).filter_map(HeaderValue::to_str).collect();
        assert_eq!(lines, ["Accept, Origin, Accept-Encoding"]);
    }
}
