//! The facts of a header section on which the end of its message depends.
//!
//! A server has to reject a malformed message, but a trace should show it, so httparse skips invalid field lines here.

use httparse::{EMPTY_HEADER, Header, ParserConfig};

/// The maximum number of field lines.
const MAX_FIELDS: usize = 256;

/// The sender of a direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Client,
    Server,
}

/// The facts of a header section on which the end of the message depends.
pub(super) struct Head {
    /// Of a request.
    pub method: String,
    /// Of a response.
    pub status: u16,
    pub length: Option<u64>,
    pub is_chunked: bool,
}

impl Head {
    /// Parses a header section, of which only the first line has to be complete. `None` when it is not HTTP/1.
    pub(super) fn parse(side: Side, bytes: &[u8]) -> Option<Head> {
        let mut fields = [EMPTY_HEADER; MAX_FIELDS];
        let mut config = ParserConfig::default();
        config.ignore_invalid_headers_in_requests(true);
        config.ignore_invalid_headers_in_responses(true);
        let (method, status, fields) = match side {
            Side::Client => {
                let mut request = httparse::Request::new(&mut fields);
                config.parse_request(&mut request, bytes).ok()?;
                (request.method?.to_string(), 0, request.headers)
            }
            Side::Server => {
                let mut response = httparse::Response::new(&mut fields);
                config.parse_response(&mut response, bytes).ok()?;
                (String::new(), response.code?, response.headers)
            }
        };
        let value = |name| {
            let field = fields.iter().find(|field: &&Header| field.name.eq_ignore_ascii_case(name));
            field.map(|field| String::from_utf8_lossy(field.value).to_ascii_lowercase())
        };
        Some(Head {
            method,
            status,
            length: value("content-length").and_then(|length| length.parse().ok()),
            is_chunked: value("transfer-encoding").is_some_and(|coding| coding.contains("chunked")),
        })
    }
}
