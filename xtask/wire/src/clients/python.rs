//! Runs Python's HTTP clients: the client in the standard library, and requests if it is installed.

use std::net::SocketAddr;

use super::output_of::{Ran, output_of};
use crate::{Kind, WireError};

/// Each prints `ok` as its last line, or `skipped: WHY`, or a traceback.
const SCRIPTS: [(&str, &str); 2] = [
    ("http.client", include_str!("http_client.py")),
    ("requests", include_str!("requests_client.py")),
];

/// Runs Python's clients against the server.
///
/// # Errors
/// Returns an error with the traceback of a client that fails.
pub fn python(address: SocketAddr) -> Result<Ran, WireError> {
    let mut skipped = Vec::new();
    for (name, script) in SCRIPTS {
        let (ip, port) = (address.ip().to_string(), address.port().to_string());
        // -E ignores the environment variables of Python.
        let Some(output) = output_of("python3", ["-E", "-c", script, &ip, &port], Vec::new())?
        else {
            return Ok(Ran::Skipped("python3 is not installed".to_string()));
        };
        match output.trim_end().lines().last() {
            Some("ok") => {}
            Some(line) if line.starts_with("skipped: ") => skipped.push(line.to_string()),
            _ => {
                let message = format!("Python's {name} is not content:\n{output}");
                return Err(WireError::new(Kind::Unexpected, message));
            }
        }
    }
    let is_skipped = skipped.len() == SCRIPTS.len();
    Ok(if is_skipped { Ran::Skipped(skipped.join(", ")) } else { Ran::Passed })
}
