//! The two formats of the access log.

use std::cell::RefCell;
use std::fmt::Write;
use std::str::FromStr;
use std::time::{Duration, SystemTime};

use jiff::Timestamp;
use serde_json::json;

use crate::http::{HeaderName, Request, Status, header};

/// The page from which the client followed a link. HTTP keeps this misspelling of "referrer" (RFC
/// 9110 section 10.1.3).
const REFERER: HeaderName = HeaderName::from_static("Referer");

/// The format of a line in the access log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// The Combined Log Format, for people: the Common Log Format, which log tools have supported
    /// since NCSA httpd, followed by the Referer and User-Agent fields.
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
/// 200 2326 "-" "curl/8.5.0"`. The first two dashes replace fields without a value: the client's
/// user name (RFC 1413), and the authenticated user.
fn common(entry: &LogEntry) -> String {
    let LogEntry { request, status, length, .. } = entry;
    let mut line = String::with_capacity(256);
    // Writing to a string cannot fail.
    let _ = write!(line, "{} - - [", request.client());
    with_second(entry.began, |time| line.push_str(time));
    let _ = write!(line, " +0000] \"{} ", request.method());
    escape_into(&mut line, request.target().raw().as_bytes());
    let _ = write!(line, " {}\" {} ", request.version(), status.code());
    let _ = match length {
        Some(length) => write!(line, "{length}"),
        None => write!(line, "-"),
    };
    for name in [REFERER, header::USER_AGENT] {
        line.push_str(" \"");
        match field(request, name) {
            Some(value) => escape_into(&mut line, value),
            None => line.push('-'),
        }
        line.push('"');
    }
    line
}

thread_local! {
    /// The last second that this thread formatted, and its text.
    static WRITTEN: RefCell<(i64, String)> = const { RefCell::new((i64::MIN, String::new())) };
}

/// Calls `use_it` with the time in the Common Log Format. The format has whole seconds, so each
/// thread formats it only once a second. Without that, and with a `String` for each escaped part, a
/// small request with its line in the log takes 27 % more instructions.
fn with_second(time: SystemTime, use_it: impl FnOnce(&str)) {
    let time = timestamp(time);
    WRITTEN.with_borrow_mut(|written| {
        if written.0 != time.as_second() {
            *written = (time.as_second(), time.strftime("%d/%b/%Y:%H:%M:%S").to_string());
        }
        use_it(&written.1);
    });
}

fn json(entry: &LogEntry) -> String {
    let request = entry.request;
    // The duration is rounded down to microseconds and written in milliseconds, such as 1.042.
    let microseconds = u32::try_from(entry.took.as_micros()).unwrap_or(u32::MAX);
    json!({
        "time": format!("{:.3}", timestamp(entry.began)),
        "request_id": request.id(),
        "client": request.client().to_string(),
        "method": request.method().as_str(),
        "target": request.target().raw(),
        "route": request.route(),
        "version": request.version().to_string(),
        "status": entry.status.code(),
        "bytes": entry.length,
        "duration_ms": f64::from(microseconds) / 1000.0,
        // JSON is Unicode, so invalid UTF-8 becomes U+FFFD.
        "referer": field(request, REFERER).map(String::from_utf8_lossy),
        "user_agent": field(request, header::USER_AGENT).map(String::from_utf8_lossy),
    })
    .to_string()
}

/// Returns the value of a field, if the client sent it. The value may be empty, and may be invalid
/// UTF-8.
fn field(request: &Request, name: HeaderName) -> Option<&[u8]> {
    Some(request.headers().get(name)?.as_bytes())
}

/// Converts a time. A time outside the calendar's range becomes the start of 1970.
fn timestamp(time: SystemTime) -> Timestamp {
    Timestamp::try_from(time).unwrap_or(Timestamp::UNIX_EPOCH)
}

/// Escapes client input for a quoted string, so that a quote cannot end the string, and no byte can
/// start another line or move the cursor of a terminal.
pub fn escape(bytes: &[u8]) -> String {
    let mut safe = String::with_capacity(bytes.len());
    escape_into(&mut safe, bytes);
    safe
}

/// Appends the escaped bytes to `safe`.
fn escape_into(safe: &mut String, bytes: &[u8]) {
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
        line_of(format, Request::builder(Method::Get, target).build(), length)
    }

    fn line_of(format: LogFormat, mut request: Request, length: Option<u64>) -> String {
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
            "127.0.0.1 - - [10/Oct/2000:13:55:36 +0000] \"GET /a?b=c HTTP/1.1\" 200 2326 \"-\" \"-\"\n"
        );
        assert!(line(LogFormat::Common, "/", None).ends_with("\" 200 - \"-\" \"-\"\n"));
    }

    #[test]
    fn fields_of_the_client_are_quoted_and_may_be_empty() {
        let table = [
            ("http://a.example/?q=\"x\"", "a\\b", r#""http://a.example/?q=\"x\"" "a\\b""#, r"a\\b"),
            ("", "a\tb", r#""" "a\x09b""#, r"a\tb"),
        ];
        for (referer, agent, text, quoted) in table {
            let request = || {
                let request = Request::builder(Method::Get, "/").header("Referer", referer);
                request.header("User-Agent", agent).build()
            };
            let line = line_of(LogFormat::Common, request(), None);
            assert!(line.ends_with(&format!(" 200 - {text}\n")), "{line}");
            let line = line_of(LogFormat::Json, request(), None);
            assert!(line.ends_with(&format!("\"user_agent\":\"{quoted}\"}}\n")), "{line}");
        }
    }

    #[test]
    fn both_formats_have_the_address_of_a_client_behind_a_proxy() {
        let client = "2001:db8::1".parse().unwrap();
        let request = || Request::builder(Method::Get, "/").client(client).build();
        let line = line_of(LogFormat::Common, request(), None);
        assert!(line.starts_with("2001:db8::1 - - ["), "{line}");
        let line = line_of(LogFormat::Json, request(), None);
        assert!(line.contains("\"client\":\"2001:db8::1\""), "{line}");
    }

    #[test]
    fn the_json_format_has_its_fields_in_order() {
        assert_eq!(
            line(LogFormat::Json, "/a", None),
            "{\"time\":\"2000-10-10T13:55:36.500Z\",\"request_id\":\"abc\",\"client\":\"127.0.0.1\",\
             \"method\":\"GET\",\"target\":\"/a\",\"route\":null,\"version\":\"HTTP/1.1\",\
             \"status\":200,\"bytes\":null,\"duration_ms\":1.042,\
             \"referer\":null,\"user_agent\":null}\n"
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
