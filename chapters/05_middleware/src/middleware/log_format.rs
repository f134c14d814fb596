//! What a line of the access log looks like: two formats, chosen when the program starts.

use std::fmt::Write;
use std::str::FromStr;
use std::time::{Duration, SystemTime};

use jiff::Timestamp;
use serde_json::json;

use crate::http::{Request, Status};

/// How a request is written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// The Common Log Format, which every tool for logs has read since NCSA httpd, for people.
    Common,
    /// An object in JSON, for programs. It has more in it.
    Json,
}

/// One request that has been answered.
#[derive(Debug)]
pub struct Entry<'a> {
    /// The request, which is still there after its handler.
    pub request: &'a Request,
    /// The status of the answer.
    pub status: Status,
    /// The bytes of the answer's body, if that was known before it was sent.
    pub length: Option<u64>,
    /// When the request began to be handled, as the wall clock says.
    pub began: SystemTime,
    /// How long it took to be handled. Sending the answer comes after that.
    pub took: Duration,
}

impl LogFormat {
    /// The line, its end included. Whatever the client has sent, it is one line.
    pub fn line(self, entry: &Entry) -> String {
        let mut line = match self {
            LogFormat::Common => common(entry),
            LogFormat::Json => json(entry),
        };
        line.push('\n');
        line
    }
}

/// `127.0.0.1 - - [10/Oct/2000:13:55:36 +0000] "GET /apache_pb.gif HTTP/1.0" 200 2326`. The two dashes
/// are for names that hardly anybody finds out: of the client's user (RFC 1413), and of who has logged in.
fn common(entry: &Entry) -> String {
    let Entry { request, status, length, .. } = entry;
    let (client, time) =
        (request.peer().ip(), timestamp(entry.began).strftime("%d/%b/%Y:%H:%M:%S"));
    let (method, target) = (request.method(), escape(request.target().raw().as_bytes()));
    let (version, status) = (request.version(), status.code());
    let length = length.map_or("-".to_string(), |length| length.to_string());
    format!("{client} - - [{time} +0000] \"{method} {target} {version}\" {status} {length}")
}

fn json(entry: &Entry) -> String {
    let request = entry.request;
    // Counted in whole microseconds, written as milliseconds: 1.042.
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

/// A clock that is out of the calendar's range is shown as the start of 1970.
fn timestamp(time: SystemTime) -> Timestamp {
    Timestamp::try_from(time).unwrap_or(Timestamp::UNIX_EPOCH)
}

/// What a client has chosen, made fit for a quoted string: a quote cannot end it, and no byte can begin
/// another line or move the cursor of the terminal that shows it.
pub fn escape(bytes: &[u8]) -> String {
    let mut safe = String::with_capacity(bytes.len());
    for &byte in bytes {
        match byte {
            b'"' | b'\\' => safe.extend(['\\', char::from(byte)]),
            b' '..=b'~' => safe.push(char::from(byte)),
            // Writing to a string cannot fail.
            _ => {
                let _ = write!(safe, "\\x{byte:02x}");
            }
        }
    }
    safe
}

impl FromStr for LogFormat {
    type Err = ();

    /// `common` or `json`.
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
        format.line(&Entry {
            request: &request,
            status: Status::OK,
            length,
            began: SystemTime::UNIX_EPOCH + Duration::from_millis(971_186_136_500),
            took: Duration::from_micros(1_042),
        })
    }

    #[test]
    fn the_common_format_is_the_one_that_tools_know() {
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

    #[test]
    fn a_format_is_chosen_by_its_name() {
        assert_eq!("common".parse(), Ok(LogFormat::Common));
        assert_eq!("json".parse(), Ok(LogFormat::Json));
        for other in ["", "Common", "JSON", "xml"] {
            assert_eq!(other.parse::<LogFormat>(), Err(()), "{other}");
        }
    }

    #[test]
    fn nothing_leaves_a_quoted_string() {
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
