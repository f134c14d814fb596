//! CORS: decides which pages of other origins may read this server's responses (WHATWG Fetch, "CORS
//! protocol").
//!
//! By default none may: under the same-origin policy a browser sends the request of a foreign
//! page's script, but hides the response from it. CORS lets a server make exceptions. It protects
//! the users of browsers and nothing else; curl ignores it.

use std::fmt;
use std::time::Duration;

use super::origin::{InvalidOrigin, Origin};
use super::{Middleware, Next};
use crate::http::{
    HeaderName, HeaderValue, HttpError, IntoResponse, Method, Request, Response, Status, vary,
};

const ORIGIN: HeaderName = HeaderName::from_static("Origin");
const REQUEST_METHOD: HeaderName = HeaderName::from_static("Access-Control-Request-Method");
const REQUEST_HEADERS: HeaderName = HeaderName::from_static("Access-Control-Request-Headers");
const ALLOW_ORIGIN: HeaderName = HeaderName::from_static("Access-Control-Allow-Origin");
const ALLOW_METHODS: HeaderName = HeaderName::from_static("Access-Control-Allow-Methods");
const ALLOW_HEADERS: HeaderName = HeaderName::from_static("Access-Control-Allow-Headers");
const ALLOW_CREDENTIALS: HeaderName = HeaderName::from_static("Access-Control-Allow-Credentials");
const EXPOSE_HEADERS: HeaderName = HeaderName::from_static("Access-Control-Expose-Headers");
const MAX_AGE: HeaderName = HeaderName::from_static("Access-Control-Max-Age");

/// The methods that need no permission. A browser requests permission for such a method only when
/// another part of the request, such as a field, needs it (Fetch, "CORS-safelisted method").
///
/// There is no such list for fields, because some of them, such as Accept or Range, need permission
/// only for certain values. A browser requests permission for such a field only if its value needs
/// it, and the field is then treated like any other (Fetch, "CORS-safelisted request-header").
const SAFE_METHODS: [&str; 3] = ["GET", "HEAD", "POST"];

/// The configuration of [`Cors`].
#[derive(Debug, Clone, Default)]
pub struct Policy {
    /// The origins that may read responses, or a single `*` for all origins.
    pub origins: Vec<String>,
    /// The allowed methods, besides GET, HEAD and POST.
    pub methods: Vec<Method>,
    /// The allowed request fields. Some fields, such as Accept, need permission only for certain
    /// values.
    pub request_headers: Vec<HeaderName>,
    /// The response fields that a script may read, besides a few that are always readable.
    pub exposed_headers: Vec<HeaderName>,
    /// Whether a script may read the response to a request with the user's cookies, and whether a
    /// browser sends such a request after a preflight. A request without a preflight may be sent
    /// with cookies in any case.
    pub credentials: bool,
    /// The time for which a browser may cache the response to a preflight.
    pub max_age: Duration,
}

/// A layer that responds to preflights, and adds the CORS fields to the other responses.
pub struct Cors {
    /// The allowed origins, or `None` for all origins.
    origins: Option<Vec<Origin>>,
    policy: Policy,
    allow_methods: HeaderValue,
    allow_headers: HeaderValue,
    exposed: HeaderValue,
}

impl Cors {
    /// Validates a policy and creates the layer.
    ///
    /// # Errors
    /// Returns [`PolicyError`] for an invalid origin, and for `*` together with credentials, which
    /// browsers reject. A server that avoids this rejection by echoing any Origin would let every
    /// page on the web act in the name of its visitor.
    pub fn new(policy: Policy) -> Result<Cors, PolicyError> {
        let is_any = policy.origins == ["*"];
        if is_any && policy.credentials {
            return Err(PolicyError::AnyWithCredentials);
        }
        let parse = |origin: &String| Origin::parse(origin);
        let listed = || policy.origins.iter().map(parse).collect::<Result<_, _>>();
        let origins = if is_any { None } else { Some(listed()?) };
        let methods: Vec<&str> =
            SAFE_METHODS.into_iter().chain(policy.methods.iter().map(|it| it.as_str())).collect();
        let headers: Vec<&str> = policy.request_headers.iter().map(HeaderName::as_str).collect();
        let exposed: Vec<&str> = policy.exposed_headers.iter().map(HeaderName::as_str).collect();
        Ok(Cors {
            origins,
            allow_methods: list(&methods)?,
            allow_headers: list(&headers)?,
            exposed: list(&exposed)?,
            policy,
        })
    }

    /// Returns the origin to allow in the response, or `None` if the request's Origin is not
    /// allowed, missing or repeated.
    fn allowed_origin(&self, request: &Request) -> Option<HeaderValue> {
        let mut lines = request.headers().get_all(ORIGIN);
        let (origin, None) = (lines.next()?, lines.next()) else { return None };
        match &self.origins {
            None => Some(HeaderValue::from_static("*")),
            Some(list) => {
                let is_listed = list.iter().any(|it| it.as_str().as_bytes() == origin.as_bytes());
                is_listed.then(|| origin.clone())
            }
        }
    }

    /// Responds to a preflight, with which a browser requests permission before it sends the actual
    /// request.
    fn preflight(&self, request: &Request) -> Response {
        let reject = |message: &str| {
            HttpError::new(Status::FORBIDDEN, "cors_refused", message).into_response()
        };
        let mut response = match self.allowed_origin(request) {
            None => reject("pages of this origin may not read responses of this server"),
            Some(_) if !self.allows_method(request) => {
                reject("the method is not allowed for pages of this origin")
            }
            Some(_) if !self.allows_headers(request) => {
                reject("a field is not allowed for pages of this origin")
            }
            Some(origin) => self.permission(origin),
        };
        vary::add(response.headers_mut(), &[ORIGIN, REQUEST_METHOD, REQUEST_HEADERS]);
        response
    }

    /// Returns a response that grants the permissions.
    fn permission(&self, origin: HeaderValue) -> Response {
        let seconds = HeaderValue::from(self.policy.max_age.as_secs());
        let response = Response::new(Status::NO_CONTENT)
            .with_header(ALLOW_METHODS, self.allow_methods.clone())
            .with_header(ALLOW_HEADERS, self.allow_headers.clone())
            .with_header(MAX_AGE, seconds);
        self.with_origin(response, origin)
    }

    fn with_origin(&self, response: Response, origin: HeaderValue) -> Response {
        let response = response.with_header(ALLOW_ORIGIN, origin);
        if !self.policy.credentials {
            return response;
        }
        response.with_header(ALLOW_CREDENTIALS, HeaderValue::from_static("true"))
    }

    fn allows_method(&self, request: &Request) -> bool {
        let mut lines = request.headers().get_all(REQUEST_METHOD);
        match (lines.next().and_then(HeaderValue::to_str), lines.next()) {
            // Methods are case-sensitive: `patch` is not PATCH (Fetch, "CORS-preflight fetch").
            (Some(method), None) => {
                SAFE_METHODS.contains(&method)
                    || self.policy.methods.iter().any(|it| it.as_str() == method)
            }
            _ => false,
        }
    }

    fn allows_headers(&self, request: &Request) -> bool {
        request.headers().list(REQUEST_HEADERS).all(|name| {
            let allowed = &self.policy.request_headers;
            allowed.iter().any(|it| it.as_str().eq_ignore_ascii_case(name))
        })
    }
}

impl Middleware for Cors {
    fn handle(&self, request: &mut Request, next: Next<'_>) -> Response {
        // A preflight is an OPTIONS request with both fields below. Other OPTIONS requests are
        // ordinary.
        let has = |name| request.headers().contains(name);
        if request.method() == Method::Options && has(ORIGIN) && has(REQUEST_METHOD) {
            return self.preflight(request);
        }
        // The handler always runs, because a page that may not read the response may still send the
        // request.
        let mut response = next.run(request);
        if self.origins.is_some() {
            // Vary is also needed without Origin in the request, so that a shared cache does not
            // mix up the responses.
            vary::add(response.headers_mut(), &[ORIGIN]);
        }
        let Some(origin) = self.allowed_origin(request) else { return response };
        if !self.policy.exposed_headers.is_empty() {
            response.headers_mut().set(EXPOSE_HEADERS, self.exposed.clone());
        }
        self.with_origin(response, origin)
    }
}

fn list(elements: &[&str]) -> Result<HeaderValue, PolicyError> {
    let text = elements.join(", ");
    HeaderValue::try_from(text.as_str()).map_err(|_| PolicyError::Field(text))
}

/// The reason why a policy is invalid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PolicyError {
    /// `*` is combined with credentials.
    AnyWithCredentials,
    /// An origin is invalid.
    Origin(InvalidOrigin),
    /// The field names cannot be sent in a response.
    Field(String),
}

impl From<InvalidOrigin> for PolicyError {
    fn from(error: InvalidOrigin) -> PolicyError {
        PolicyError::Origin(error)
    }
}

impl fmt::Display for PolicyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the CORS policy cannot be used: ")?;
        match self {
            Self::AnyWithCredentials => f.write_str(
                "`*` cannot be combined with credentials; list the origins that may send them",
            ),
            Self::Origin(error) => error.fmt(f),
            Self::Field(names) => write!(f, "`{names}` cannot be sent in a field"),
        }
    }
}

impl std::error::Error for PolicyError {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::{Handler, ResponseBody};
    use crate::middleware::Chain;

    fn policy(origins: &[&str], credentials: bool) -> Policy {
        let origins = origins.iter().map(ToString::to_string).collect();
        Policy { origins, credentials, ..Policy::default() }
    }

    #[test]
    fn a_wildcard_origin_with_credentials_is_rejected() {
        let error = Cors::new(policy(&["*"], true)).err().unwrap();
        assert_eq!(error, PolicyError::AnyWithCredentials);
        assert!(error.to_string().contains("list the origins"));
        assert!(Cors::new(policy(&["*"], false)).is_ok());
        assert!(Cors::new(policy(&["https://a.example"], true)).is_ok());
    }

    const PAGE: &str = "https://a.example";

    /// Returns the response to a request with this method from a page of this origin, with the
    /// fields of a preflight for PUT.
    fn response_to(policy: Policy, method: Method, origin: &str) -> Response {
        let mut request = Request::builder(method, "/")
            .header("Origin", origin)
            .header("Access-Control-Request-Method", "PUT")
            .build();
        Chain::around(|_: &mut Request| "from the handler")
            .with(Cors::new(policy).unwrap())
            .handle(&mut request)
    }

    /// Returns the CORS and Vary fields, in order, without their common prefix.
    fn fields(response: &Response) -> Vec<String> {
        let lines = response.headers().iter().map(|(name, value)| {
            format!("{name}: {}", value.to_str().unwrap()).replace("Access-Control-", "")
        });
        lines.filter(|line| !line.starts_with("Content-")).collect()
    }

    #[test]
    fn any_origin_gets_an_asterisk_and_a_cacheable_response() {
        let response = response_to(policy(&["*"], false), Method::Get, PAGE);
        assert_eq!(fields(&response), ["Allow-Origin: *"]);
        let allowed = Policy { methods: vec![Method::Put], ..policy(&["*"], false) };
        let response = response_to(allowed, Method::Options, PAGE);
        assert_eq!(response.status(), Status::NO_CONTENT);
        assert!(fields(&response).contains(&"Allow-Origin: *".to_string()));
    }

    #[test]
    fn only_allowed_origins_get_credentials() {
        let with_credentials = || Policy { methods: vec![Method::Put], ..policy(&[PAGE], true) };
        let response = response_to(with_credentials(), Method::Get, PAGE);
        let told = ["Vary: Origin", "Allow-Origin: https://a.example", "Allow-Credentials: true"];
        assert_eq!(fields(&response), told);
        let response = response_to(with_credentials(), Method::Options, PAGE);
        assert!(fields(&response).contains(&told[1].to_string()));
        assert!(fields(&response).contains(&told[2].to_string()));
        let response = response_to(with_credentials(), Method::Get, "https://b.example");
        assert_eq!(fields(&response), ["Vary: Origin"]);
    }

    #[test]
    fn get_head_and_post_need_no_permission_and_others_do() {
        let cors = Cors::new(policy(&[PAGE], false)).unwrap();
        for method in Method::ALL {
            let request = Request::builder(Method::Options, "/")
                .header("Access-Control-Request-Method", method.as_str())
                .build();
            let is_safe = matches!(method, Method::Get | Method::Head | Method::Post);
            assert_eq!(cors.allows_method(&request), is_safe, "{method}");
        }
    }

    #[test]
    fn a_rejected_preflight_has_a_code_and_only_options_is_a_preflight() {
        let response = response_to(policy(&[PAGE], false), Method::Options, PAGE);
        assert_eq!(response.status(), Status::FORBIDDEN);
        let ResponseBody::Bytes(body) = response.body() else { panic!("{response:?}") };
        assert!(body.starts_with(br#"{"error":"cors_refused","message":"the method"#));
        assert_eq!(response_to(policy(&[PAGE], false), Method::Get, PAGE).status(), Status::OK);
    }

    #[test]
    fn an_invalid_origin_is_named_in_the_error() {
        let error = Cors::new(policy(&["https://a.example", "*"], false)).err().unwrap();
        assert!(error.to_string().contains("`*` is not an origin"), "{error}");
        assert!(Cors::new(policy(&["https://a.example/"], false)).is_err());
    }
}
