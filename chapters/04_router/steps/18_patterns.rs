//! Step 18: patterns with parameters. The path is decoded too early: before it is split.

use std::env;

use ch03_parser::Server;
use ch03_parser::http::{HttpError, Request, Response, Status};

/// Gets the parameters of the path, in the order of the pattern.
type Handler = fn(&mut Request, &[String]) -> Result<Response, HttpError>;

/// A segment that begins with a colon is a parameter. The first pattern that matches is chosen.
const ROUTES: &[(&str, Handler)] = &[
    ("/", |_, _| Ok(Response::text("my server\n"))),
    ("/hello/:name", |_, names| Ok(Response::text(format!("Hello, {}!\n", names[0])))),
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
    // Decoded as a whole: from here on, %2F in a name looks like a slash between two segments.
    let path = request.target().decoded_path();
    let segments: Vec<String> = path.split('/').skip(1).map(String::from).collect();
    for (pattern, handler) in ROUTES {
        if let Some(parameters) = parameters(pattern, &segments) {
            return handler(request, &parameters);
        }
    }
    Err(not_found(request.path()))
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
