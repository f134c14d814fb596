//! The two formats of the access log.

use std::fmt::Write;
use std::str::FromStr;
use std::time::{Duration, SystemTime};

use jiff::Timestamp;
use serde_json::json;

use crate::http::{Request, Status};

/// The format of a line in the access log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// The Common Log Format, which log tools have supported since NCSA httpd.
    Common,
    /// A JSON object with more fields, for programs.
    Json,
}

/// The log entry of one request.
#[derive(Debug)]
pub struct LogEntry<'a> {
    /// The request, after its handler has run.
    pub request: &'a Request,
    /// The status of the response.
    pub status: Status,
    /// The length of the response's body in bytes, if it was known in advance.
    pub length: Option<u64>,
    /// The wall-clock time at which the handling began.
    pub began: SystemTime,
    /// The time that the handling took, without sending the response.
    pub took: Duration,
}

impl LogFormat {
    /// Formats the entry as one line, with its line break. Input from the client cannot add another
    /// line.
    pub fn line(self, entry: &LogEntry) -> String {
        let mut line = match self {
            LogFormat::Common => common(entry),
            LogFormat::Json => without_hidden(json(entry)),
        };
        line.push('\n');
        line
    }
}

/// Formats a line such as `127.0.0.1 - - [10/Oct/2000:13:55:36 +0000] "GET /apache_pb.gif HTTP/1.0"
/// 200 2326`. The two dashes replace the client's user (RFC 1413) and the authenticated user,
/// which are not known here.
fn common(entry: &LogEntry) -> String {
    let LogEntry { request, status, length, .. } = entry;
    let (client, time) =
        (request.peer().ip(), timestamp(entry.began).strftime("%d/%b/%Y:%H:%M:%S"));
    let (method, target) = (request.method(), escape(request.target().raw().as_bytes()));
    let (version, status) = (request.version(), status.code());
    let length = length.map_or("-".to_string(), |length| length.to_string());
    format!("{client} - - [{time} +0000] \"{method} {target} {version}\" {status} {length}")
}

fn json(entry: &LogEntry) -> String {
    let request = entry.request;
    // The duration is rounded down to microseconds and written in milliseconds, such as 1.042.
    let microseconds = u32::try_from(entry.took.as_micros()).unwrap_or(u32::MAX);
    json!({
        "time": format!("{:.3}", timestamp(entry.began)),
        "request_id": request.id(),
        "client": request.peer().ip().to_string(),
        "method": request.method().as_str(),
        "target": request.target().raw(),
        "route": request.route(),
        "version": request.version().to_string(),
        "status": entry.status.code(),
        "bytes": entry.length,
        "duration_ms": f64::from(microseconds) / 1000.0,
    })
    .to_string()
}

/// Converts a time. A time outside the calendar's range becomes the start of 1970.
fn timestamp(time: SystemTime) -> Timestamp {
    Timestamp::try_from(time).unwrap_or(Timestamp::UNIX_EPOCH)
}

/// Escapes client input for a quoted string, so that a quote cannot end the string, and no byte can
/// start another line or move the cursor of a terminal.
pub fn escape(bytes: &[u8]) -> String {
    let mut safe = String::with_capacity(bytes.len());
    for &byte in bytes {
        match byte {
            b'"' | b'\\' => safe.extend(['\\', char::from(byte)]),
            b' '..=b'~' => safe.push(char::from(byte)),
            // Writing to a string never fails.
            _ => {
                let _ = write!(safe, "\\x{byte:02x}");
            }
        }
    }
    safe
}

/// Escapes characters that hide or reorder text: control characters (JSON itself escapes only
/// characters below U+0020), the line breaks of Unicode, and marks that change the direction of the
/// text. In JSON they can only occur inside strings.
fn without_hidden(json: String) -> String {
    // Most lines contain no such characters.
    if json.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        return json;
    }
    let mut visible = String::with_capacity(json.len());
    for character in json.chars() {
        let turns =
            matches!(character, '\u{61C}' | '\u{200E}' | '\u{200F}' | '\u{2066}'..='\u{2069}');
        // The range contains two line separators and the older direction marks.
        let ends_or_turns = matches!(character, '\u{2028}'..='\u{202E}');
        if character.is_control() || ends_or_turns || turns {
            // Writing to a string never fails.
            let _ = write!(visible, "\\u{:04x}", u32::from(character));
        } else {
            visible.push(character);
        }
    }
    visible
}

impl FromStr for LogFormat {
    type Err = ();

    /// Parses `common` or `json`.
    fn from_str(text: &str) -> Result<LogFormat, ()> {
        match text {
            "common" => Ok(LogFormat::Common),
            "json" => Ok(LogFormat::Json),
            _ => Err(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::Method;

    fn line(format: LogFormat, target: &str, length: Option<u64>) -> String {
        let mut request = Request::builder(Method::Get, target).build();
        request.set_id("abc".to_string());
        format.line(&LogEntry {
            request: &request,
            status: Status::OK,
            length,
            began: SystemTime::UNIX_EPOCH + Duration::from_millis(971_186_136_500),
            took: Duration::from_micros(1_042),
        })
    }

    #[test]
    fn the_common_format_is_the_combined_log_format() {
        assert_eq!(
            line(LogFormat::Common, "/a?b=c", Some(2326)),
            "127.0.0.1 - - [10/Oct/2000:13:55:36 +0000] \"GET /a?b=c HTTP/1.1\" 200 2326\n"
        );
        assert!(line(LogFormat::Common, "/", None).ends_with("\" 200 -\n"));
    }

    #[test]
    fn the_json_format_has_its_fields_in_order() {
        assert_eq!(
            line(LogFormat::Json, "/a", None),
            "{\"time\":\"2000-10-10T13:55:36.500Z\",\"request_id\":\"abc\",\"client\":\"127.0.0.1\",\
             \"method\":\"GET\",\"target\":\"/a\",\"route\":null,\"version\":\"HTTP/1.1\",\
             \"status\":200,\"bytes\":null,\"duration_ms\":1.042}\n"
        );
    }

    /// Terminals treat U+009B as the start of a command, like ESC [.
    #[test]
    fn deceptive_characters_are_escaped_in_json_without_changing_the_value() {
        for character in
            ['\u{7f}', '\u{80}', '\u{9b}', '\u{61c}', '\u{200e}', '\u{2028}', '\u{2029}']
                .into_iter()
                .chain('\u{202a}'..='\u{202e}')
                .chain('\u{2066}'..='\u{2069}')
        {
            let id = format!("a{character}\u{e9}\n");
            let mut request = Request::builder(Method::Get, "/").build();
            request.set_id(id.clone());
            let (status, length) = (Status::OK, None);
            let (began, took) = (SystemTime::UNIX_EPOCH, Duration::ZERO);
            let line =
                LogFormat::Json.line(&LogEntry { request: &request, status, length, began, took });
            let expected = format!("\"request_id\":\"a\\u{:04x}\u{e9}\\n\"", u32::from(character));
            assert!(line.contains(&expected), "{line:?}");
            let value: serde_json::Value = serde_json::from_str(&line).unwrap();
            assert_eq!(value["request_id"], id);
        }
    }

    #[test]
    fn a_format_is_chosen_by_its_name() {
        assert_eq!("common".parse(), Ok(LogFormat::Common));
        assert_eq!("json".parse(), Ok(LogFormat::Json));
        for other in ["", "Common", "JSON", "xml"] {
            assert_eq!(other.parse::<LogFormat>(), Err(()), "{other}");
        }
    }

    #[test]
    fn a_client_cannot_end_a_quoted_string() {
        let table: [(&[u8], &str); 6] = [
            (b"plain /path?x=y", "plain /path?x=y"),
            (b"\" 200 0\r\n", "\\\" 200 0\\x0d\\x0a"),
            (b"\\\"", "\\\\\\\""),
            (b"\x1b[2J", "\\x1b[2J"),
            ("é\u{7f}".as_bytes(), "\\xc3\\xa9\\x7f"),
            (b"caf\xe9", "caf\\xe9"),
        ];
        for (given, safe) in table {
            assert_eq!(escape(given), safe);
        }
    }

    proptest::proptest! {
        #[test]
        fn an_escaped_text_is_visible_ascii_without_a_quote_of_its_own(bytes: Vec<u8>) {
            let safe = escape(&bytes);
            proptest::prop_assert!(safe.bytes().all(|byte| matches!(byte, b' '..=b'~')));
            let unescaped = safe.replace("\\\\", "").replace("\\\"", "");
            proptest::prop_assert!(!unescaped.contains('"'));
        }
    }
}
