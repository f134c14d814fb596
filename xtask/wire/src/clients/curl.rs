//! Runs curl with the commands that a reader of the book types.

use std::net::SocketAddr;

use super::output_of::{Ran, output_of};
use crate::escape::shortened;
use crate::{Kind, WireError};

/// The destination of a body that is not needed.
const NOWHERE: &str = if cfg!(windows) { "NUL" } else { "/dev/null" };

/// Prints the status and the number of new connections of each response.
const CONNECTS: &str = "%{http_code} %{num_connects};";

/// Runs `curl -fsS` for one path: it must succeed, and print nothing on standard error.
///
/// # Errors
/// Returns an error with the output of curl.
pub fn curl_get(address: SocketAddr, path: &str) -> Result<Ran, WireError> {
    let url = format!("http://{address}{path}");
    let arguments = ["-fsS", "--max-time", "10", "-o", NOWHERE, "-w", "%{http_code}", &url];
    match output_of("curl", arguments, Vec::new())? {
        None => Ok(Ran::Skipped("curl is not installed".to_string())),
        Some(said) if said.trim() == "200" => Ok(Ran::Passed),
        Some(said) => Err(WireError::new(Kind::Unexpected, said)),
    }
}

type Words = &'static [&'static str];

/// One call of curl, with its name, its arguments (`URL` is replaced by the server's), the number of bytes of its input,
/// and texts that its output must contain.
struct Call {
    name: &'static str,
    arguments: Words,
    input: usize,
    wanted: Words,
}

const fn call(name: &'static str, arguments: Words, wanted: Words) -> Call {
    Call { name, arguments, input: 0, wanted }
}

impl Call {
    const fn input(self, input: usize) -> Call {
        Call { input, ..self }
    }
}

const CALLS: &[Call] = &[
    call("GET", &["-i", "URL/"], &["HTTP/1.1 200 OK\r\n", "\r\nDate: "]),
    call("HEAD", &["-I", "URL/"], &["HTTP/1.1 200 OK\r\n", "Content-Length: "]),
    call("HTTP/1.0", &["--http1.0", "-i", "URL/"], &["200 OK\r\n", "Connection: close\r\n"]),
    call(
        "two pages on one connection",
        &["-o", NOWHERE, "-o", NOWHERE, "-w", CONNECTS, "URL/", "URL/inspect"],
        &["200 1;200 0;"],
    ),
    call(
        "an error does not end the connection",
        &["-o", NOWHERE, "-o", NOWHERE, "-w", CONNECTS, "URL/nowhere", "URL/"],
        &["404 1;200 0;"],
    ),
    call(
        "a method that is not allowed",
        &["-i", "-X", "DELETE", "URL/"],
        &["HTTP/1.1 405 ", "\r\nAllow: "],
    ),
    call("a method that does not exist", &["-i", "-X", "BREW", "URL/"], &["HTTP/1.1 501 "]),
    call(
        "OPTIONS *",
        &["-i", "-X", "OPTIONS", "--request-target", "*", "URL"],
        &["HTTP/1.1 204 ", "\r\nAllow: "],
    ),
    call("an offer of HTTP/2", &["-i", "--http2", "URL/"], &["HTTP/1.1 200 OK\r\n"]),
    call(
        "as a proxy",
        &["-i", "-x", "URL", "http://example.com/inspect"],
        &["HTTP/1.1 200 OK\r\n", "\"host\":\"example.com\""],
    ),
    call(
        "JSON",
        &["-i", "-H", "Content-Type: application/json", "-d", "{\"a\": 1}", "URL/echo"],
        &["Content-Type: application/json\r\n", "\r\n\r\n{\"a\": 1}"],
    ),
    call(
        "a form",
        &["-d", "a=1", "--data-urlencode", "b=x y&z", "URL/inspect"],
        &["application/x-www-form-urlencoded", "\"body_length\":1"],
    ),
    call(
        "a file in a form",
        &["-F", "file=@-;filename=a.txt", "URL/inspect"],
        &["multipart/form-data; boundary="],
    ),
    call(
        "a chunked upload",
        &["-v", "-H", "Transfer-Encoding: chunked", "-d", "hello", "URL/echo"],
        &["> Transfer-Encoding: chunked", "< HTTP/1.1 200 OK", "hello"],
    ),
    call(
        "an upload of unknown length",
        &["-T", "-", "-o", NOWHERE, "-w", "%{http_code} %{size_download}", "URL/echo"],
        &["200 2000000"],
    )
    .input(2_000_000),
    call(
        "two megabytes that wait for 100",
        &[
            "-v",
            "-H",
            "Expect: 100-continue",
            "--data-binary",
            "@-",
            "-o",
            NOWHERE,
            "-w",
            "%{size_download}",
            "URL/echo",
        ],
        &["< HTTP/1.1 100 Continue", "< HTTP/1.1 200 OK", "2000000"],
    )
    .input(2_000_000),
    call(
        "nine megabytes",
        &["-i", "-H", "Expect:", "--data-binary", "@-", "URL/echo"],
        &["HTTP/1.1 413 ", "Connection: close"],
    )
    .input(9_000_000),
];

/// Runs curl against the server.
///
/// # Errors
/// Returns an error when the output of curl is not as expected. The error contains that output.
pub fn curl(address: SocketAddr) -> Result<Ran, WireError> {
    let url = format!("http://{address}");
    for call in CALLS {
        let fixed = ["-sS", "--max-time", "10"].map(str::to_string);
        let own = call.arguments.iter().map(|argument| argument.replace("URL", &url));
        let arguments = fixed.into_iter().chain(own);
        let Some(output) = output_of("curl", arguments, vec![b'x'; call.input])? else {
            return Ok(Ran::Skipped("curl is not installed".to_string()));
        };
        if let Some(wanted) = call.wanted.iter().find(|wanted| !output.contains(**wanted)) {
            let shown = shortened(&output, 3000, "");
            let message =
                format!("curl, {}: expected {wanted:?} in what it printed:\n{shown}", call.name);
            return Err(WireError::new(Kind::Unexpected, message));
        }
    }
    Ok(Ran::Passed)
}
