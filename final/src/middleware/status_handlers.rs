//! A layer that replaces the bodies of responses with certain statuses, whichever layer created the
//! response.

use super::{Middleware, Next};
use crate::http::{HeaderName, Request, Response, Status, header, vary};

/// A function that returns a replacement. Its body and fields are used, but not its status.
type Rewrite = Box<dyn Fn(&Request, &Response) -> Response + Send + Sync>;

/// Fields that describe the old body but not its replacement (RFC 9110 sections 8 and 14.4).
const ABOUT_THE_BODY: [HeaderName; 7] = [
    header::CONTENT_TYPE,
    header::CONTENT_ENCODING,
    header::CONTENT_LENGTH,
    header::ETAG,
    header::LAST_MODIFIED,
    HeaderName::from_static("Content-Language"),
    HeaderName::from_static("Content-Range"),
];

/// A layer that replaces the bodies of responses with certain statuses. It should be one of the
/// outermost layers, so that it handles the responses of all other layers.
#[derive(Default)]
pub struct StatusHandlers {
    rewrites: Vec<(Status, Rewrite)>,
}

impl StatusHandlers {
    /// Creates the layer without handlers.
    pub fn new() -> StatusHandlers {
        StatusHandlers::default()
    }

    /// Uses `rewrite` for the body of responses with this status. The status stays, and so do all
    /// fields that do not describe the old body, such as Retry-After.
    pub fn on_status(
        mut self,
        status: Status,
        rewrite: impl Fn(&Request, &Response) -> Response + Send + Sync + 'static,
    ) -> StatusHandlers {
        self.rewrites.push((status, Box::new(rewrite)));
        self
    }
}

impl Middleware for StatusHandlers {
    fn handle(&self, request: &mut Request, next: Next<'_>) -> Response {
        let mut response = next.run(request);
        let status = response.status();
        let Some((_, rewrite)) = self.rewrites.iter().find(|(it, _)| *it == status) else {
            return response;
        };
        let (_, fields, body) = rewrite(request, &response).into_parts();
        let headers = response.headers_mut();
        for name in ABOUT_THE_BODY {
            headers.remove(name);
        }
        for (name, value) in fields.iter().filter(|(name, _)| **name != header::VARY) {
            headers.set(name.clone(), value.clone());
        }
        // The request fields that other layers have added to Vary still apply.
        let varies = fields.list(header::VARY).filter_map(|name| HeaderName::try_from(name).ok());
        let varies: Vec<HeaderName> = varies.collect();
        if !varies.is_empty() {
            vary::add(headers, &varies);
        }
        response.with_body(body)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::{Handler, HeaderValue, Method, ResponseBody};
    use crate::middleware::Chain;

    #[test]
    fn the_status_and_fields_stay_and_the_body_is_new() {
        let old = |_: &mut Request| {
            Response::text("old")
                .with_status(Status::TOO_MANY_REQUESTS)
                .with_header(header::RETRY_AFTER, 7_u64.into())
                .with_header(header::VARY, HeaderValue::from_static("Origin"))
                .with_header(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"))
        };
        let layer = StatusHandlers::new().on_status(
            Status::TOO_MANY_REQUESTS,
            |_: &Request, _: &Response| {
                Response::html("new").with_header(header::VARY, HeaderValue::from_static("Accept"))
            },
        );
        let response =
            Chain::around(old).with(layer).handle(&mut Request::builder(Method::Get, "/").build());
        assert_eq!(response.status(), Status::TOO_MANY_REQUESTS);
        let lines: Vec<_> = response
            .headers()
            .iter()
            .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()))
            .collect();
        let expected =
            ["Retry-After: 7", "Vary: Origin, Accept", "Content-Type: text/html; charset=utf-8"];
        assert_eq!(lines, expected);
        assert!(matches!(response.body(), ResponseBody::Bytes(bytes) if **bytes == *b"new"));
    }
}
