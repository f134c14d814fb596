//! Formats a request as a command that the user can run.

use std::process::Command;

use wire::escape::escape;

use crate::process;

/// Where a chapter listens when it is started without an address.
pub(crate) const ADDRESS: &str = "127.0.0.1:8080";

/// The curl command for a request, or a command with printf and nc for bytes that curl would not send.
pub(super) fn command(sent: &[u8]) -> String {
    curl(sent).unwrap_or_else(|| {
        let text = escape(sent).replace('\'', "\\x27").replace('%', "%%");
        let print = format!("printf '{text}'");
        // Option -q closes the sending direction at the end of the input, which the server would notice.
        let print = if is_begun(sent) { format!("{{ {print}; sleep 15; }}") } else { print };
        format!("{print} | nc -q 2 {}", ADDRESS.replace(':', " "))
    })
}

/// Whether these bytes are an incomplete header section, with which a check waits for a timeout of the server.
fn is_begun(sent: &[u8]) -> bool {
    let has = |part: &[u8]| sent.windows(part.len()).any(|window| window == part);
    has(b" HTTP/1.") && !has(b"\r\n\r\n")
}

/// `None` unless the bytes are one well-formed request with a text body.
fn curl(sent: &[u8]) -> Option<String> {
    let (head, body) = std::str::from_utf8(sent).ok()?.split_once("\r\n\r\n")?;
    let mut lines = head.split("\r\n");
    let words: Vec<&str> = lines.next()?.split(' ').collect();
    let [method, target, version @ ("HTTP/1.0" | "HTTP/1.1")] = words[..] else { return None };
    let is_text = [method, target, body].into_iter().all(visible);
    if !is_text || !target.starts_with('/') || body.starts_with('@') {
        return None;
    }
    let mut command = Command::new("curl");
    command.arg(if method == "HEAD" { "-I" } else { "-i" });
    command.args((version == "HTTP/1.0").then_some("--http1.0"));
    let is_implied = match method {
        "HEAD" => true,
        "GET" => body.is_empty(),
        "POST" => !body.is_empty(),
        _ => false,
    };
    if !is_implied {
        command.args(["-X", method]);
    }
    command.args(target.contains("/.").then_some("--path-as-is"));
    let fields = fields(lines, body)?;
    let is_type = |field: &String| {
        let name = field.split([':', ';']).next().unwrap_or_default();
        name.eq_ignore_ascii_case("content-type")
    };
    let has_type = fields.iter().any(is_type);
    command.args(fields.iter().flat_map(|field| ["-H", field]));
    if !body.is_empty() {
        // An empty field is not sent. The space makes it a quoted word, which is easier to read.
        command.args((!has_type).then_some(["-H", "Content-Type: "]).iter().flatten());
        command.args(["--data-binary", body]);
    }
    command.arg(format!("http://{ADDRESS}{target}"));
    Some(process::typed(&command))
}

/// The field lines of a request with this body, for curl's option -H. `None` if curl would not send these fields.
fn fields<'a>(lines: impl Iterator<Item = &'a str>, body: &str) -> Option<Vec<String>> {
    let mut fields = Vec::new();
    let (mut host, mut length) = (false, None);
    for field in lines {
        let (name, value) = field.split_once(':')?;
        let value = value.strip_prefix(' ').unwrap_or(value);
        if name.is_empty() || name.contains(' ') || !visible(name) || !visible(value) {
            return None;
        }
        match name.to_ascii_lowercase().as_str() {
            // curl sends these fields itself, or the check sends them only for its own convenience.
            "host" if !host && is_host(value) => host = true,
            // curl would encode the body once more.
            "host" | "transfer-encoding" => return None,
            // With any other value, such as `+5`, or with a second field, the check is about this field.
            "content-length" if length.is_none() && value == body.len().to_string() => {
                length = Some(body.len());
            }
            "content-length" => return None,
            "connection" if value == "close" => {}
            _ if value.is_empty() => fields.push(format!("{name};")),
            _ => fields.push(format!("{name}: {value}")),
        }
    }
    (host && length.unwrap_or(0) == body.len()).then_some(fields)
}

fn visible(text: &str) -> bool {
    !text.contains(|c: char| c.is_control())
}

/// Whether the value of Host does not matter for the check, so that curl may send its own.
fn is_host(value: &str) -> bool {
    let harmless = |byte: u8| byte.is_ascii_alphanumeric() || b".-:".contains(&byte);
    !value.is_empty() && value.bytes().all(harmless)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_request_is_a_plain_command() {
        for (sent, expected) in [
            (
                "GET /api/time HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n",
                "curl -i http://127.0.0.1:8080/api/time",
            ),
            ("HEAD / HTTP/1.1\r\nHost: test\r\n\r\n", "curl -I http://127.0.0.1:8080/"),
            (
                "DELETE /users/1 HTTP/1.1\r\nHost: test\r\n\r\n",
                "curl -i -X DELETE http://127.0.0.1:8080/users/1",
            ),
            (
                "GET /?format=unix HTTP/1.0\r\nHost: a\r\nX-A: it's\r\nX-B:\r\n\r\n",
                r"curl -i --http1.0 -H 'X-A: it'\''s' -H 'X-B;' 'http://127.0.0.1:8080/?format=unix'",
            ),
            (
                "GET /a/../b HTTP/1.1\r\nHost: a\r\n\r\n",
                "curl -i --path-as-is http://127.0.0.1:8080/a/../b",
            ),
            (
                "POST /users HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}",
                "curl -i -H 'Content-Type: application/json' --data-binary '{}' http://127.0.0.1:8080/users",
            ),
            (
                "PUT /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi",
                "curl -i -X PUT -H 'Content-Type: ' --data-binary hi http://127.0.0.1:8080/echo",
            ),
            (
                "POST /echo HTTP/1.1\r\nHost: a\r\n\r\n",
                "curl -i -X POST http://127.0.0.1:8080/echo",
            ),
        ] {
            assert_eq!(command(sent.as_bytes()), expected);
        }
    }

    #[test]
    fn what_curl_would_not_send_goes_through_nc() {
        for (sent, expected) in [
            (
                &b"GET  / HTTP/1.1\r\n\r\n"[..],
                r"printf 'GET  / HTTP/1.1\r\n\r\n' | nc -q 2 127.0.0.1 8080",
            ),
            (
                b"GET / HTTP/1.1\r\nHost: a\r\n",
                r"{ printf 'GET / HTTP/1.1\r\nHost: a\r\n'; sleep 15; } | nc -q 2 127.0.0.1 8080",
            ),
            (b"GET /%41 'x'\n\xff", r"printf 'GET /%%41 \x27x\x27\n\xff' | nc -q 2 127.0.0.1 8080"),
        ] {
            assert_eq!(command(sent), expected);
        }
        for sent in [
            "GET / HTTP/1.1\r\nHost : a\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
            "GET / HTTP/1.1\r\n\r\n",
            "GET * HTTP/1.1\r\nHost: a\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\nA: b\tc\r\n\r\n",
            "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: +5\r\n\r\nhello",
            "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 0005\r\n\r\nhello",
            "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello",
            "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\nhello",
        ] {
            assert!(command(sent.as_bytes()).starts_with("printf"), "{sent}");
        }
    }
}
