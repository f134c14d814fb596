//! An upload endpoint that accepts a body of any size and stores nothing.

use std::io;

use flate2::CrcReader;
use serde_json::json;

use crate::http::{HttpError, Request, Response, Status};

/// Handles `POST /upload`: returns the length of the body in bytes and its CRC-32. A real program
/// would copy the body to a file here.
pub(super) fn upload(request: &mut Request) -> Result<Response, HttpError> {
    let mut body = CrcReader::new(request.body_mut());
    // If the body is incomplete, the server sends its own error response, with the right status,
    // and discards this one.
    let length = io::copy(&mut body, &mut io::sink())
        .map_err(|error| HttpError::new(Status::BAD_REQUEST, "bad_body", error.to_string()))?;
    Ok(Response::json(&json!({ "bytes": length, "crc32": format!("{:08x}", body.crc().sum()) })))
}
