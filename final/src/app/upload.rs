//! An upload endpoint that accepts a body of any size and stores nothing.

use std::io::Read;

use flate2::Crc;
use serde_json::json;

use crate::http::{HttpError, Request, Response, Status};

/// Handles `POST /upload`: returns the length of the body in bytes and its CRC-32. A real program
/// would write each block to a file here.
pub(super) fn upload(request: &mut Request) -> Result<Response, HttpError> {
    let mut crc = Crc::new();
    let mut length = 0_u64;
    let mut piece = [0; 8 * 1024];
    loop {
        // If the body is incomplete, the server sends its own error response, with the right
        // status, and discards this one.
        let count = request
            .body_mut()
            .read(&mut piece)
            .map_err(|error| HttpError::new(Status::BAD_REQUEST, "bad_body", error.to_string()))?;
        if count == 0 {
            break;
        }
        crc.update(&piece[..count]);
        length += count as u64;
    }
    Ok(Response::json(&json!({ "bytes": length, "crc32": format!("{:08x}", crc.sum()) })))
}
