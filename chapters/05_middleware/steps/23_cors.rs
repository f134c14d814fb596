//! Step 23: CORS: the pages of one origin may read the responses, after a preflight where one is needed.

use std::env;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use ch04_router::Server;
use ch04_router::http::{
    Handler, HeaderName, HeaderValue, HttpError, IntoResponse, Method, Request, Response, Router,
    Routes, Status, header,
};

/// The remaining layers, and the handler in the middle.
type Next<'a> = &'a dyn Fn(&mut Request) -> Response;

/// Code before the call to `next` sees the request, and code after it sees the response.
type Layer = fn(&mut Request, Next) -> Response;

/// From the outermost to the innermost.
const LAYERS: &[Layer] = &[access_log, request_id, cors, catch_panic];

/// The origin whose pages may read the responses: scheme, host and port.
const FRIEND: HeaderValue = HeaderValue::from_static("http://localhost:3000");

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
