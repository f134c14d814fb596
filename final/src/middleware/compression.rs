//! The compression of responses with gzip for clients that prefer it.

use std::io::Read;

use super::accept_encoding::prefers_gzip;
use super::gzip::{GzipReader, compress};
use super::{Middleware, Next};
use crate::http::file_part::FilePart;
use crate::http::{HeaderValue, Headers, Request, Response, ResponseBody, Status, header, vary};

/// The minimum length in bytes of a body that is compressed. A TCP segment holds about 1,400 bytes,
/// so a smaller body needs one segment anyway.
const MIN_LENGTH: u64 = 1024;

/// The media types that compress well, besides `text/…` and the suffixes `+json` and `+xml`. Most
/// images, videos and archives are already compressed.
const COMPRESSIBLE: [&str; 6] = [
    "application/javascript",
    "application/json",
    "application/manifest+json",
    "application/wasm",
    "application/xml",
    "image/svg+xml",
];

/// A layer that compresses responses with gzip where this saves bytes (RFC 9110 section 8.4.1.3).
#[derive(Debug, Default, Clone, Copy)]
pub struct Compression;

impl Middleware for Compression {
    fn handle(&self, request: &mut Request, next: Next<'_>) -> Response {
        let mut response = next.run(request);
        if !could_be_compressed(&response) {
            return response;
        }
        // From here on the response depends on Accept-Encoding, even for a client that does not
        // send the field.
        vary::add(response.headers_mut(), &[header::ACCEPT_ENCODING]);
        if prefers_gzip(request.headers()) { with_gzip(response) } else { response }
    }
}

/// Returns whether this response would be compressed for some client.
fn could_be_compressed(response: &Response) -> bool {
    let (status, headers) = (response.status(), response.headers());
    status.allows_content()
        && status != Status::PARTIAL_CONTENT // its range counts uncompressed bytes
        && !headers.contains(header::CONTENT_ENCODING)
        && !headers.list(header::CACHE_CONTROL).any(|it| it.eq_ignore_ascii_case("no-transform"))
        && is_compressible(headers)
        && response.body().length().is_none_or(|length| length >= MIN_LENGTH)
}

fn is_compressible(headers: &Headers) -> bool {
    let Some(value) = headers.get(header::CONTENT_TYPE).and_then(HeaderValue::to_str) else {
        return false;
    };
    let media_type = value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    media_type.starts_with("text/")
        || media_type.ends_with("+json")
        || media_type.ends_with("+xml")
        || COMPRESSIBLE.contains(&media_type.as_str())
}

/// Compresses the body of a response. The original is kept if that fails, or if a body in memory
/// does not become smaller.
fn with_gzip(mut response: Response) -> Response {
    let (length, body) = (response.body().length(), response.take_body());
    let body = match body {
        ResponseBody::File { file, range } => {
            stream(GzipReader::new(FilePart::new(file, range), length))
        }
        ResponseBody::Stream { reader, .. } => stream(GzipReader::new(reader, length)),
        whole => {
            let bytes = whole.in_memory().unwrap_or_default();
            match compress(bytes) {
                Ok(smaller) if smaller.len() < bytes.len() => ResponseBody::Bytes(smaller.into()),
                _ => return response.with_body(whole),
            }
        }
    };
    let headers = response.headers_mut();
    headers.set(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    weaken_etag(headers);
    response.with_body(body)
}

/// Returns a body without a length, because the compressed length is not known in advance.
fn stream(reader: impl Read + Send + 'static) -> ResponseBody {
    ResponseBody::Stream { reader: Box::new(reader), length: None }
}

/// Makes a strong `ETag` weak. A strong one promises identical bytes, which compression changes. A
/// weak one promises an equivalent representation, so a client can still revalidate with it
/// (RFC 9110 section 8.8.1).
fn weaken_etag(headers: &mut Headers) {
    let weak = match headers.get(header::ETAG).and_then(HeaderValue::to_str) {
        Some(strong) if !strong.starts_with("W/") => HeaderValue::try_from(format!("W/{strong}")),
        _ => return,
    };
    match weak {
        Ok(weak) => headers.set(header::ETAG, weak),
        Err(_) => _ = headers.remove(header::ETAG),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::{Handler, HeaderName, Method, SharedBytes};
    use crate::middleware::Chain;

    /// Returns the response to a client that prefers gzip.
    fn response(handler: impl Handler) -> Response {
        let mut request =
            Request::builder(Method::Get, "/").header("Accept-Encoding", "gzip").build();
        Chain::around(handler).with(Compression).handle(&mut request)
    }

    /// Returns the Content-Encoding and Vary fields of that response.
    fn coding_and_vary(handler: impl Handler) -> (Option<String>, Option<String>) {
        let response = response(handler);
        let field = |name: HeaderName| {
            Some(response.headers().get(name)?.to_str().unwrap_or_default().to_string())
        };
        (field(header::CONTENT_ENCODING), field(header::VARY))
    }

    /// Returns a response with a long text of one repeated letter.
    fn text() -> Response {
        Response::text("a".repeat(10_000))
    }

    fn with(name: HeaderName, value: &'static str) -> impl Handler {
        move |_: &mut Request| text().with_header(name.clone(), HeaderValue::from_static(value))
    }

    fn compressed() -> (Option<String>, Option<String>) {
        (Some("gzip".to_string()), Some("Accept-Encoding".to_string()))
    }

    #[test]
    fn text_and_text_based_types_are_compressed() {
        for media_type in [
            "text/html; charset=utf-8",
            "TEXT/plain",
            "application/json",
            "application/json ; charset=utf-8",
            "application/problem+json",
            "application/atom+xml",
            "application/javascript",
            "application/wasm",
            "application/xml",
            "image/svg+xml",
        ] {
            assert_eq!(
                coding_and_vary(with(header::CONTENT_TYPE, media_type)),
                compressed(),
                "{media_type}"
            );
        }
        assert_eq!(
            coding_and_vary(with(header::CACHE_CONTROL, "public, max-age=60")),
            compressed()
        );
        assert_eq!(
            coding_and_vary(|_: &mut Request| Response::text("a".repeat(1024))),
            compressed()
        );
        let stream = |_: &mut Request| {
            Response::stream(HeaderValue::from_static("text/plain"), &b"nobody knows how much"[..])
        };
        assert_eq!(coding_and_vary(stream), compressed());
    }

    #[test]
    fn only_the_range_of_a_file_is_compressed() {
        let (range, whole) = (5..1_500, std::fs::read("src/middleware/compression.rs").unwrap());
        let wanted = whole[5..1_500].to_vec();
        let handler = move |_: &mut Request| {
            let mut file = std::fs::File::open("src/middleware/compression.rs").unwrap();
            file.read_exact(&mut [0; 9]).unwrap();
            text().with_body(ResponseBody::File { file: file.into(), range: range.clone() })
        };
        let mut response = response(handler);
        assert_eq!(
            response.headers().get(header::CONTENT_ENCODING).unwrap().to_str(),
            Some("gzip")
        );
        let ResponseBody::Stream { reader, length: None } = response.take_body() else {
            panic!("{response:?}")
        };
        let mut plain = Vec::new();
        flate2::read::GzDecoder::new(reader).read_to_end(&mut plain).unwrap();
        assert_eq!(plain, wanted);
    }

    #[test]
    fn incompressible_types_and_small_bodies_are_left_unchanged() {
        for media_type in ["image/png", "application/zip", "video/mp4", "application/octet-stream"]
        {
            assert_eq!(
                coding_and_vary(with(header::CONTENT_TYPE, media_type)),
                (None, None),
                "{media_type}"
            );
        }
        assert_eq!(
            coding_and_vary(|_: &mut Request| Response::text("a".repeat(1023))),
            (None, None)
        );
        assert_eq!(
            coding_and_vary(|_: &mut Request| Response::new(Status::NO_CONTENT)),
            (None, None)
        );
    }

    #[test]
    fn responses_that_must_not_change_are_left_unchanged() {
        assert_eq!(
            coding_and_vary(with(header::CACHE_CONTROL, "public, No-Transform")),
            (None, None)
        );
        assert_eq!(
            coding_and_vary(with(header::CONTENT_ENCODING, "br")),
            (Some("br".to_string()), None)
        );
        for status in [Status::PARTIAL_CONTENT, Status::NOT_MODIFIED, Status::NO_CONTENT] {
            let handler = move |_: &mut Request| text().with_status(status);
            assert_eq!(coding_and_vary(handler), (None, None), "{status}");
        }
    }

    /// Returns bytes that cannot be compressed.
    fn noise() -> Vec<u8> {
        let mut state = 1_u64;
        let mut random = || {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            state.to_be_bytes()[0]
        };
        (0..4096).map(|_| random()).collect()
    }

    #[test]
    fn incompressible_bytes_are_sent_unchanged() {
        let noise = noise();
        let handler = {
            let noise = noise.clone();
            move |_: &mut Request| {
                Response::bytes(HeaderValue::from_static("text/plain"), noise.clone())
            }
        };
        let response = response(handler);
        assert!(!response.headers().contains(header::CONTENT_ENCODING));
        assert_eq!(response.headers().get(header::VARY).unwrap().to_str(), Some("Accept-Encoding"));
        assert!(matches!(response.body(), ResponseBody::Bytes(bytes) if **bytes == *noise));
    }

    #[test]
    fn a_strong_etag_becomes_weak_and_a_weak_one_stays() {
        for (given, sent) in [("\"v1\"", "W/\"v1\""), ("W/\"v1\"", "W/\"v1\"")] {
            let mut request =
                Request::builder(Method::Get, "/").header("Accept-Encoding", "gzip").build();
            let response =
                Chain::around(with(header::ETAG, given)).with(Compression).handle(&mut request);
            assert_eq!(response.headers().get(header::ETAG).unwrap().to_str(), Some(sent));
        }
    }

    #[test]
    fn only_the_sent_range_of_shared_bytes_is_compressed() {
        let (text, noise) = (vec![b'a'; 4096], noise());
        let all = SharedBytes::from([noise.clone(), text.clone()].concat());
        for (range, sent, coding) in [(0..4096, noise, None), (4096..8192, text, Some("gzip"))] {
            let bytes = all.clone();
            let handler = move |_: &mut Request| {
                let body = ResponseBody::Shared { bytes: bytes.clone(), range: range.clone() };
                Response::text("").with_body(body)
            };
            let mut request =
                Request::builder(Method::Get, "/").header("Accept-Encoding", "gzip").build();
            let response = Chain::around(handler).with(Compression).handle(&mut request);
            let value = response.headers().get(header::CONTENT_ENCODING);
            assert_eq!(value.and_then(HeaderValue::to_str), coding);
            let mut read = Vec::new();
            match response.into_parts().2 {
                ResponseBody::Bytes(packed) => {
                    flate2::read::GzDecoder::new(&packed[..]).read_to_end(&mut read).unwrap();
                }
                ResponseBody::Shared { bytes, range } => read.extend_from_slice(&bytes[range]),
                other => panic!("{other:?}"),
            }
            assert_eq!(read, sent);
        }
    }
}
