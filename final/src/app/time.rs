//! `GET /api/time`: the current time, in three formats.

use std::time::{Duration, SystemTime};

use jiff::Timestamp;
use serde_json::json;

use crate::http::{HeaderValue, HttpError, Request, Response, Status, date, extract, header};

/// Reads the clock once, and formats the time as the query requests.
pub(super) fn show(request: &mut Request) -> Result<Response, HttpError> {
    let now = date::now();
    let since_epoch = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO);
    let unix = since_epoch.as_secs();
    let query = extract::query(request);
    let formats: Vec<&str> = query.get_all("format").collect();
    let response = match formats[..] {
        [] | ["json"] => Response::json(&json!({
            "unix": unix,
            "unix_ms": unix * 1000 + u64::from(since_epoch.subsec_millis()),
            "iso": iso(now),
        })),
        ["unix"] => Response::text(unix.to_string()),
        ["http"] => Response::text(date::imf_fixdate(now)),
        _ => {
            let message = "format must be json, unix or http, and be given once";
            return Err(HttpError::new(Status::BAD_REQUEST, "bad_format", message));
        }
    };
    Ok(response.with_header(header::CACHE_CONTROL, HeaderValue::from_static("no-store")))
}

/// Formats a time as `1994-11-06T08:49:37Z`, in whole seconds (RFC 3339 section 5.6).
fn iso(time: SystemTime) -> String {
    format!("{:.0}", Timestamp::try_from(time).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_formatted_by_rfc_3339() {
        let table = [
            (0, "1970-01-01T00:00:00Z"),
            (784_111_777, "1994-11-06T08:49:37Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (253_402_207_200, "9999-12-30T22:00:00Z"),
        ];
        for (seconds, expected) in table {
            let time = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
            assert_eq!(iso(time), expected);
        }
    }
}
