//! Step 20: a collection of users as JSON, with its statuses: 201, 400, 404, 415 and 422.

use std::env;
use std::sync::{Mutex, PoisonError};

use ch03_parser::Server;
use ch03_parser::http::{
    HeaderValue, HttpError, IntoResponse, Method, Request, Response, Status, extract, header,
};
use serde_json::{Value, json};

/// Gets the parameters of the path, in the order of the pattern.
type Handler = fn(&mut Request, &[String]) -> Result<Response, HttpError>;

/// A segment that begins with a colon is a parameter. The first pattern that matches is chosen.
const ROUTES: &[(&[Method], &str, Handler)] = &[
    (&[Method::Get], "/", |_, _| Ok(Response::text("my server\n"))),
    (&[Method::Get], "/hello/:name", |_, names| {
        Ok(Response::text(format!("Hello, {}!\n", names[0])))
    }),
    (&[Method::Get, Method::Post], "/users", list_or_create),
    (&[Method::Get, Method::Put, Method::Delete], "/users/:id", one_user),
];

/// An id is an index. A deleted user becomes null, so an id is never reused.
static USERS: Mutex<Vec<Value>> = Mutex::new(Vec::new());

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

fn list_or_create(request: &mut Request, _: &[String]) -> Result<Response, HttpError> {
    let mut users = USERS.lock().unwrap_or_else(PoisonError::into_inner);
    if request.method() != Method::Post {
        return Ok(Response::json(&users.iter().filter(|user| !user.is_null()).cloned().collect()));
    }
    let user = json!({ "id": users.len(), "name": name_in(request)? });
    let location = HeaderValue::try_from(format!("/users/{}", users.len())).expect("digits");
    users.push(user.clone());
    Ok(Response::json(&user).with_status(Status::CREATED).with_header(header::LOCATION, location))
}

fn one_user(request: &mut Request, ids: &[String]) -> Result<Response, HttpError> {
    let mut users = USERS.lock().unwrap_or_else(PoisonError::into_inner);
    let user = ids[0].parse().ok().and_then(|id: usize| users.get_mut(id));
    let user = user.filter(|user| !user.is_null()).ok_or_else(|| not_found(request.path()))?;
    if request.method() == Method::Put {
        user["name"] = name_in(request)?;
    }
    let shown = if request.method() == Method::Delete { user.take() } else { user.clone() };
    Ok(Response::json(&shown))
}

/// The extractor rejects any other media type with 415, and malformed JSON with 400.
fn name_in(request: &mut Request) -> Result<Value, HttpError> {
    let name = extract::json(request)?.get_mut("name").map(Value::take);
    let name = name.filter(|name| name.as_str().is_some_and(|text| !text.is_empty()));
    name.ok_or_else(|| HttpError::new(Status::UNPROCESSABLE_CONTENT, "bad_user", "needs a name"))
}
