//! Step 19: each segment is decoded once, after splitting; and a path has its methods: 405 with Allow, OPTIONS, HEAD.

use std::env;

use ch03_parser::Server;
use ch03_parser::http::{
    HeaderValue, HttpError, IntoResponse, Method, Request, Response, Status, header,
};

/// Gets the parameters of the path, in the order of the pattern.
type Handler = fn(&mut Request, &[String]) -> Result<Response, HttpError>;

/// A segment that begins with a colon is a parameter. The first pattern that matches is chosen.
const ROUTES: &[(&[Method], &str, Handler)] = &[
    (&[Method::Get], "/", |_, _| Ok(Response::text("my server\n"))),
    (&[Method::Get], "/hello/:name", |_, names| {
        Ok(Response::text(format!("Hello, {}!\n", names[0])))
    }),
];

fn main() -> anyhow::Result<()> {
    let address = env::args().skip(1).rfind(|word| word.contains(':'));
    let address = address.unwrap_or("127.0.0.1:8080".to_string());
    let server = Server::bind(address.parse()?)?;
    println!("listening on http://{}", server.local_addr());
    server.run(route)?;
    Ok(())
}

fn route(request: &mut Request) -> Result<Response, HttpError> {
    // For HEAD as for GET, but the server leaves out the body (RFC 9110 section 9.3.2).
    let wanted = if request.method() == Method::Head { Method::Get } else { request.method() };
    // The path is split at its slashes first, and then each segment is decoded once.
    let segments = request.target().segments();
    for (methods, pattern, handler) in ROUTES {
        let Some(parameters) = parameters(pattern, &segments) else { continue };
        if methods.contains(&wanted) {
            return handler(request, &parameters);
        }
        return Ok(other(wanted, methods));
    }
    Err(not_found(request.path()))
}

/// The path exists, but not with this method. A 404 would mean that no method works.
fn other(method: Method, allowed: &[Method]) -> Response {
    let mut names: Vec<&str> = allowed.iter().map(|method| method.as_str()).collect();
    if allowed.contains(&Method::Get) {
        names.push("HEAD");
    }
    let names = format!("{}, OPTIONS", names.join(", "));
    let error = HttpError::new(Status::METHOD_NOT_ALLOWED, "method_not_allowed", names.as_str());
    let response = match method {
        Method::Options => Response::new(Status::NO_CONTENT),
        _ => error.into_response(),
    };
    let names = HeaderValue::try_from(names).expect("names of methods are letters");
    response.with_header(header::ALLOW, names)
}

/// The parameters, if the pattern has as many segments and the fixed ones are equal.
fn parameters(pattern: &str, segments: &[String]) -> Option<Vec<String>> {
    let pattern: Vec<&str> = pattern.split('/').skip(1).collect();
    let is_parameter = |name: &str| name.starts_with(':');
    let pairs = || pattern.iter().zip(segments);
    let matches = pattern.len() == segments.len()
        && pairs().all(|(name, segment)| is_parameter(name) || name == segment);
    let parameters = pairs().filter(|(name, _)| is_parameter(name));
    matches.then(|| parameters.map(|(_, segment)| segment.clone()).collect())
}

fn not_found(path: &str) -> HttpError {
    HttpError::new(Status::NOT_FOUND, "not_found", format!("there is nothing at {path}"))
}
