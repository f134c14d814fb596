//! The chapter's layers around a handler, in the order that the page specifies. Each is followed by a layer that
//! reports the requests and responses.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::time::Duration;

use anyhow::bail;
use serde_json::{Value, json};

use crate::http::{Method, Request, Response};
use crate::middleware::cors::Policy;
use crate::middleware::log_format::LogFormat;
use crate::middleware::{
    AccessLog, CatchPanic, Chain, Compression, Cors, Next, RateLimit, RequestId,
};

/// Builds a handler with the layers `order`, from the outermost to the innermost. Its rate limit is `burst`, `rate` and
/// `per_ms`. `/panic` panics; every other path is a long text.
///
/// # Errors
/// Returns an error that names an unknown layer.
pub(crate) fn build(question: &Value) -> anyhow::Result<Chain> {
    let mut chain = Chain::around(handler);
    for name in question["order"].as_array().into_iter().flatten() {
        let name = name.as_str().unwrap_or_default().to_string();
        chain = match &*name {
            "request-id" => chain.with(reporter(name)).with(RequestId::new()),
            "access-log" => chain.with(reporter(name)).with(AccessLog::new(LogFormat::Common)),
            "cors" => chain.with(reporter(name)).with(Cors::new(policy())?),
            "rate-limit" => chain
                .with(reporter(name))
                .with(RateLimit::by_client(super::bucket::limit(question)?)),
            "compression" => chain.with(reporter(name)).with(Compression),
            "catch-panic" => chain.with(reporter(name)).with(CatchPanic),
            _ => bail!("there is no layer `{name}`"),
        };
    }
    Ok(chain.with(reporter("handler".to_string())))
}

fn handler(request: &mut Request) -> String {
    report(&json!({ "layer": "handler", "does": "called" }));
    assert!(request.path() != "/panic", "this page panics on purpose");
    "All work and no play makes Jack a dull boy.\n".repeat(100)
}

/// A layer around the layer `name`. It sees the request before that layer, and the response after it. A panic is not
/// reported.
fn reporter(name: String) -> impl Fn(&mut Request, Next<'_>) -> Response + Send + Sync + 'static {
    move |request, next| {
        report(&json!({ "layer": name, "does": "enter" }));
        let response = next.run(request);
        let fields: Vec<&str> = response.headers().iter().map(|(name, _)| name.as_ref()).collect();
        let status = response.status().code();
        report(&json!({ "layer": name, "does": "leave", "status": status, "fields": fields }));
        response
    }
}

/// Sends a step to the page.
fn report(step: &Value) {
    // A page that does not record steps has no such file.
    if let Ok(mut trace) = OpenOptions::new().write(true).open("/dev/trace") {
        let _ = trace.write_all(step.to_string().as_bytes());
    }
}

fn policy() -> Policy {
    Policy {
        origins: vec!["http://localhost:3000".to_string()],
        methods: vec![Method::Put, Method::Delete],
        request_headers: Vec::new(),
        exposed_headers: Vec::new(),
        credentials: false,
        max_age: Duration::from_secs(600),
    }
}
