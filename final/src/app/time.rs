//! `GET /api/time`: the current time, in three formats.

use std::time::{Duration, SystemTime};

use serde_json::json;

use crate::http::{HeaderValue, HttpError, Request, Response, Status, date, extract, header};

/// The names of the months in HTTP dates (RFC 9110 section 5.6.7).
const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

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

/// Formats a time as `1994-11-06T08:49:37Z` (RFC 3339 section 5.6), from the HTTP date `Sun, 06 Nov
/// 1994 08:49:37 GMT`. Both are in UTC with whole seconds, and each part of the HTTP date has a
/// fixed position.
fn iso(time: SystemTime) -> String {
    let date = date::imf_fixdate(time);
    let (day, month, year, clock) = (&date[5..7], &date[8..11], &date[12..16], &date[17..25]);
    let month = MONTHS.iter().position(|name| *name == month).map_or(0, |index| index + 1);
    format!("{year}-{month:02}-{day}T{clock}Z")
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
            (253_402_300_799, "9999-12-31T23:59:59Z"),
        ];
        for (seconds, expected) in table {
            let time = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
            assert_eq!(iso(time), expected);
        }
    }
}
