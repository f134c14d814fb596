//! Step 25: a token bucket for each client: five requests at once and one a second, otherwise 429.

use std::collections::BTreeMap;
use std::env;
use std::io::{self, Write};
use std::net::IpAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use ch04_router::Server;
use ch04_router::http::{
    Handler, HeaderName, HeaderValue, HttpError, IntoResponse, Method, Request, Response,
    ResponseBody, Router, Routes, Status, header,
};
use flate2::{Compression, write::GzEncoder};

/// The remaining layers, and the handler in the middle.
type Next<'a> = &'a dyn Fn(&mut Request) -> Response;

/// Code before the call to `next` sees the request, and code after it sees the response.
type Layer = fn(&mut Request, Next) -> Response;

/// From the outermost to the innermost.
const LAYERS: &[Layer] = &[access_log, request_id, cors, gzip, catch_panic, rate_limit];

/// The origin whose pages may read the responses: scheme, host and port.
const FRIEND: HeaderValue = HeaderValue::from_static("http://localhost:3000");

/// One token is added in this time, and a bucket holds five.
const TOKEN: Duration = Duration::from_secs(1);
const BURST: Duration = Duration::from_secs(5);

const ALLOW_ORIGIN: HeaderName = HeaderName::from_static("Access-Control-Allow-Origin");
const ALLOW_METHODS: HeaderName = HeaderName::from_static("Access-Control-Allow-Methods");
const ALLOW_HEADERS: HeaderName = HeaderName::from_static("Access-Control-Allow-Headers");
const X_REQUEST_ID: HeaderName = HeaderName::from_static("X-Request-ID");

fn main() -> anyhow::Result<()> {
    let address = env::args().skip(1).rfind(|word| word.contains(':'));
    let address = address.unwrap_or("127.0.0.1:8080".to_string());
    let server = Server::bind(address.parse()?)?;
    println!("listening on http://{}", server.local_addr());
    let mut router = Router::new();
    router.get("/", |_: &mut Request| "my server\n");
    router.get("/hello/:name", |request: &mut Request| {
        format!("Hello, {}!\n", request.param("name").unwrap_or_default())
    });
    router.get("/panic", |_: &mut Request| -> &'static str { panic!("this page panics") });
    router.get("/large", |_: &mut Request| "All work and no play\n".repeat(1000));
    router.get("/limited", |_: &mut Request| "within the limit\n");
    let routes = router.build()?;
    server.run(move |request: &mut Request| run(LAYERS, &routes, request))?;
    Ok(())
}

fn run(layers: &[Layer], routes: &Routes, request: &mut Request) -> Response {
    match layers {
        [] => routes.handle(request),
        [first, rest @ ..] => first(request, &|request| run(rest, routes, request)),
    }
}

fn access_log(request: &mut Request, next: Next) -> Response {
    let started = Instant::now();
    let response = next(request);
    // Not the decoded path: `%0A` in it would begin a line of the client's own (CWE-117).
    let (method, target) = (request.method(), request.target().raw());
    let (status, time) = (response.status().code(), started.elapsed());
    let id = response.headers().get(X_REQUEST_ID).and_then(|id| id.to_str()).unwrap_or("-");
    eprintln!("{method} {target} {status} {time:?} {id}");
    response
}

fn request_id(request: &mut Request, next: Next) -> Response {
    static LAST: AtomicU64 = AtomicU64::new(0);
    let id = LAST.fetch_add(1, Ordering::Relaxed) + 1;
    next(request).with_header(X_REQUEST_ID, id.into())
}

/// The panic unwinds through all frames between the handler and this one, and through none outside of it.
fn catch_panic(request: &mut Request, next: Next) -> Response {
    // A panic leaves the request as it was at that moment, and only the log uses it afterwards.
    let outcome = catch_unwind(AssertUnwindSafe(|| next(request)));
    // The client gets no details. The message is on standard error.
    outcome.unwrap_or_else(|_| HttpError::internal().into_response())
}

fn cors(request: &mut Request, next: Next) -> Response {
    // Equal, not similar: a prefix would also allow `http://localhost:3000.evil.example`.
    let is_friend = request.headers().get("Origin") == Some(&FRIEND);
    let is_preflight = is_friend
        && request.method() == Method::Options
        && request.headers().contains("Access-Control-Request-Method");
    let mut response = if is_preflight {
        // The router would list the methods that exist. A preflight needs the allowed ones.
        Response::new(Status::NO_CONTENT)
            .with_header(ALLOW_METHODS, HeaderValue::from_static("PUT, DELETE"))
            .with_header(ALLOW_HEADERS, HeaderValue::from_static("Content-Type"))
    } else {
        next(request)
    };
    if is_friend {
        response.headers_mut().set(ALLOW_ORIGIN, FRIEND);
    }
    // A cache must not give this response to a page of another origin.
    response.headers_mut().append(header::VARY, HeaderValue::from_static("Origin"));
    response
}

fn gzip(request: &mut Request, next: Next) -> Response {
    // `*` means all codings that are not named. No coding is always acceptable, but not preferred.
    let gzip = quality(request, "gzip").or(quality(request, "*")).unwrap_or(0.0);
    let plain = quality(request, "identity").unwrap_or(0.0);
    let mut response = next(request);
    // In both cases: a cache must learn that there are two representations.
    response.headers_mut().append(header::VARY, HeaderValue::from_static("Accept-Encoding"));
    if gzip > 0.0
        && gzip >= plain
        && let ResponseBody::Bytes(bytes) = response.body()
        && let Ok(bytes) = compress(bytes)
    {
        response.headers_mut().set(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        return response.with_body(ResponseBody::Bytes(bytes.into()));
    }
    response
}

fn compress(bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes)?;
    encoder.finish()
}

/// The weight of a coding that the client names: from 0, never, to 1 (RFC 9110 section 12.4.2).
fn quality(request: &Request, coding: &str) -> Option<f32> {
    request.headers().list("Accept-Encoding").find_map(|element| {
        let (name, weight) = element.split_once(';').unwrap_or((element, "q=1"));
        let weight = weight.trim().strip_prefix("q=").and_then(|weight| weight.parse().ok());
        name.trim().eq_ignore_ascii_case(coding).then_some(weight.unwrap_or(0.0))
    })
}

fn rate_limit(request: &mut Request, next: Next) -> Response {
    if request.path() != "/limited" {
        return next(request);
    }
    let Err(wait) = take_token(request.peer().ip(), Instant::now()) else { return next(request) };
    // Rounded up: a client that comes back after this time must find a token.
    let seconds = u64::try_from(wait.as_millis().div_ceil(1000)).unwrap_or(u64::MAX);
    HttpError::new(Status::TOO_MANY_REQUESTS, "too_many_requests", "more than one a second")
        .into_response()
        .with_header(header::RETRY_AFTER, seconds.into())
}

/// Takes a token out of a client's bucket, or returns how long it takes until there is one.
fn take_token(client: IpAddr, now: Instant) -> Result<(), Duration> {
    /// The tokens of each client, as the time that it takes to add them, and the time of the last update.
    static BUCKETS: Mutex<BTreeMap<IpAddr, (Duration, Instant)>> = Mutex::new(BTreeMap::new());
    let mut buckets = BUCKETS.lock().unwrap_or_else(PoisonError::into_inner);
    // A full bucket is like a new one. Without this, clients could fill the memory.
    buckets.retain(|_, (tokens, at)| *tokens + (now - *at) < BURST);
    let (tokens, at) = buckets.remove(&client).unwrap_or((BURST, now));
    let tokens = tokens + (now - at);
    let left = tokens.checked_sub(TOKEN);
    buckets.insert(client, (left.unwrap_or(tokens), now));
    left.map(drop).ok_or_else(|| TOKEN.saturating_sub(tokens))
}
