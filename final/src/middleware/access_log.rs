//! The access log: one line for each request, written when its response is known.

use std::io::{self, Write};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use super::log_format::{LogEntry, LogFormat};
use super::{Middleware, Next};
use crate::core::log_output::LogOutput;
use crate::core::stderr::log_stderr;
use crate::http::{Method, Request, Response, date};

/// A layer that logs a line for each request. It should be one of the outermost layers, so that it
/// logs the responses of all other layers. Clones share the output.
#[derive(Clone)]
pub struct AccessLog {
    /// The current format, which can change while the server runs. `None` disables the log.
    format: Arc<RwLock<Option<LogFormat>>>,
    output: Arc<LogOutput>,
    skipped: Vec<String>,
}

impl AccessLog {
    /// Creates a log on standard output, for a service manager or a pipe.
    pub fn new(format: LogFormat) -> AccessLog {
        AccessLog::to(format, io::stdout())
    }

    /// Creates a log on another output.
    pub fn to(format: LogFormat, output: impl Write + Send + 'static) -> AccessLog {
        let format = Arc::new(RwLock::new(Some(format)));
        AccessLog {
            format,
            output: Arc::new(LogOutput::new(output, |problem| {
                log_stderr(format_args!("access log: {problem}"));
            })),
            skipped: Vec::new(),
        }
    }

    /// Skips requests for this path, such as a frequent health probe. Responses with a status of
    /// 500 or more are still logged.
    pub fn skipping(mut self, path: &str) -> AccessLog {
        self.skipped.push(path.to_string());
        self
    }

    /// Changes the format from the next request on, for all clones. `None` disables the log.
    pub fn set_format(&self, format: Option<LogFormat>) {
        *self.format.write().unwrap_or_else(PoisonError::into_inner) = format;
    }

    /// Returns the number of lines dropped because the output was too slow or failed.
    pub fn dropped(&self) -> u64 {
        self.output.dropped()
    }

    /// Rejects further lines, and waits for at most `timeout` until the last ones have been
    /// written. Without this, they would be lost when the process exits.
    pub fn finish(&self, timeout: Duration) {
        self.output.finish(timeout);
    }
}

impl Middleware for AccessLog {
    fn handle(&self, request: &mut Request, next: Next<'_>) -> Response {
        let format = *self.format.read().unwrap_or_else(PoisonError::into_inner);
        let Some(format) = format else { return next.run(request) };
        // The wall clock gives the time of the request. The duration needs the monotonic clock,
        // which cannot be set.
        let (began, start) = (date::now(), Instant::now());
        let response = next.run(request);
        let status = response.status();
        if status.code() < 500 && self.skipped.iter().any(|path| path == request.path()) {
            return response;
        }
        let has_body = request.method() != Method::Head && status.allows_content();
        let length = if has_body { response.body().length() } else { None };
        let entry = LogEntry { request, status, length, began, took: start.elapsed() };
        self.output.write(format.line(&entry));
        response
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;
    use crate::http::{Handler, Status};
    use crate::middleware::Chain;

    /// A writer that records every write.
    #[derive(Clone, Default)]
    struct Writes(Arc<Mutex<Vec<String>>>);

    impl Write for Writes {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().push(String::from_utf8(bytes.to_vec()).unwrap());
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn writes(method: Method, path: &str, handler: impl Handler) -> Vec<String> {
        let writes = Writes::default();
        let log = AccessLog::to(LogFormat::Common, writes.clone())
            .skipping("/health")
            .skipping("/favicon.ico");
        let chain = Chain::around(handler).with(log.clone());
        chain.handle(&mut Request::builder(method, path).build());
        log.finish(Duration::from_secs(20));
        writes.0.lock().unwrap().clone()
    }

    #[test]
    fn a_request_is_one_write_of_one_line() {
        let lines = writes(Method::Get, "/x", |_: &mut Request| "four");
        assert_eq!(lines.len(), 1);
        assert!(lines[0].ends_with("\"GET /x HTTP/1.1\" 200 4 \"-\" \"-\"\n"), "{lines:?}");
    }

    #[test]
    fn a_body_that_is_not_sent_has_no_length() {
        let lines = writes(Method::Head, "/x", |_: &mut Request| "four");
        assert!(lines[0].ends_with("\"HEAD /x HTTP/1.1\" 200 - \"-\" \"-\"\n"), "{lines:?}");
        let lines = writes(Method::Get, "/x", |_: &mut Request| Status::NOT_MODIFIED);
        assert!(lines[0].ends_with(" 304 - \"-\" \"-\"\n"), "{lines:?}");
    }

    #[test]
    fn a_path_can_be_skipped_but_not_its_failures() {
        assert!(writes(Method::Get, "/health", |_: &mut Request| "fine").is_empty());
        let fails = |_: &mut Request| Status::SERVICE_UNAVAILABLE;
        assert_eq!(writes(Method::Get, "/health", fails).len(), 1);
        let fails = |_: &mut Request| Status::INTERNAL_SERVER_ERROR;
        assert_eq!(writes(Method::Get, "/health", fails).len(), 1);
        let wrong = |_: &mut Request| Status::try_from(499).unwrap();
        assert!(writes(Method::Get, "/health", wrong).is_empty());
        assert!(writes(Method::Get, "/favicon.ico", |_: &mut Request| "fine").is_empty());
        assert_eq!(writes(Method::Get, "/health/live", |_: &mut Request| "fine").len(), 1);
    }
}
