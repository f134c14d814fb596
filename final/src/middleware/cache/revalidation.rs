//! Revalidation: a client that already has the entry gets a 304 (RFC 9111 section 4.3.2).

use crate::http::conditional::{self, Evaluation, Tags};
use crate::http::validators::Validators;
use crate::http::{HeaderValue, Headers, Method, date, header};

/// Returns whether the request's conditions match the stored version.
pub(super) fn has_current(request: &Headers, kept: &Headers) -> bool {
    let etag =
        kept.get(header::ETAG).and_then(|value| conditional::parse_tag_list(value.as_bytes()));
    let Some(Tags::List(mut tags)) = etag else { return false };
    let Some(etag) = tags.pop() else { return false };
    let modified = kept.get(header::LAST_MODIFIED).and_then(HeaderValue::to_str);
    let modified = modified.and_then(date::parse_http_date);
    let kept = Validators { etag: Some(etag), modified };
    conditional::evaluate(Method::Get, request, Some(&kept)) == Evaluation::NotModified
}
