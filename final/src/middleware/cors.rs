//! CORS: which pages of other origins may read what this server answers (WHATWG Fetch, "CORS protocol").
//!
//! Without it none may: a browser sends the request of a foreign page's script, and then keeps the answer
//! from it. That is the same-origin policy. CORS is how a server makes exceptions. It protects the users of
//! browsers and nothing else; curl does not care.

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

/// Methods that need no permission: a browser asks about them only when something else in the request needs one,
/// such as a field (Fetch, "CORS-safelisted method").
///
/// There is no such list of fields. Some, such as Accept or Range, need no permission as long as their values are
/// as an old page could have sent them; then a browser does not ask about them. When it does, the value is a different
/// one, and the field needs permission as any other (Fetch, "CORS-safelisted request-header").
const SAFE_METHODS: [&str; 3] = ["GET", "HEAD", "POST"];

/// The exceptions, as somebody writes them down.
#[derive(Debug, Clone, Default)]
pub struct Policy {
    /// Who may read answers: origins, or the one element `*` for all.
    pub origins: Vec<String>,
    /// With which methods, besides GET, HEAD and POST.
    pub methods: Vec<Method>,
    /// With which request fields. A browser does not ask about some, as long as their values are harmless.
    pub request_headers: Vec<HeaderName>,
    /// Which response fields a script may see, besides a few that it always may.
    pub exposed_headers: Vec<HeaderName>,
    /// Whether a script may read the answer to a request with the user's cookies, and whether such a request is
    /// sent at all after a preflight. One that needs no preflight is sent with them in any case.
    pub credentials: bool,
    /// How long a browser may remember the answer to a preflight.
    pub max_age: Duration,
}

/// Adds to each answer what a browser must know.
pub struct Cors {
    /// `None`: any.
    origins: Option<Vec<Origin>>,
    policy: Policy,
    allow_methods: HeaderValue,
    allow_headers: HeaderValue,
    exposed: HeaderValue,
}

impl Cors {
    /// Puts a policy into force.
    ///
    /// # Errors
    /// [`PolicyError`] for what is no origin, and for `*` together with credentials. Browsers refuse that
    /// pair. A server that gets around them by sending back whatever Origin came would let every page on the
    /// web act as its visitor.
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

    /// What to say of the request's origin: nothing if it is not allowed, or not there, or there twice.
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

    /// Answers the question that a browser asks before it sends what an old page could not have sent.
    fn preflight(&self, request: &Request) -> Response {
        let refuse = |message: &str| {
            HttpError::new(Status::FORBIDDEN, "cors_refused", message).into_response()
        };
        let mut response = match self.allowed_origin(request) {
            None => refuse("pages of this origin may not read answers of this server"),
            Some(_) if !self.allows_method(request) => refuse("the method is not allowed to pages"),
            Some(_) if !self.allows_headers(request) => refuse("a field is not allowed to pages"),
            Some(origin) => self.permission(origin),
        };
        vary::add(response.headers_mut(), &[ORIGIN, REQUEST_METHOD, REQUEST_HEADERS]);
        response
    }

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
            // Methods are compared exactly: `patch` is not PATCH (Fetch, "CORS-preflight fetch").
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
        // OPTIONS is a method like any other. A preflight is one that has both of these fields.
        let has = |name| request.headers().contains(name);
        if request.method() == Method::Options && has(ORIGIN) && has(REQUEST_METHOD) {
            return self.preflight(request);
        }
        // The handler runs in any case: who may not read the answer may still have asked.
        let mut response = next.run(request);
        if self.origins.is_some() {
            // Also for those who send no Origin: a cache must not give them and others the same answer.
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

/// Why a policy cannot be put into force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PolicyError {
    /// `*` and credentials.
    AnyWithCredentials,
    /// Something in the list of origins is none.
    Origin(InvalidOrigin),
    /// The names of the request's fields cannot be sent.
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
                "`*` and credentials exclude each other; name the origins that may act for the user",
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
    fn any_origin_and_credentials_are_refused_together() {
        let error = Cors::new(policy(&["*"], true)).err().unwrap();
        assert_eq!(error, PolicyError::AnyWithCredentials);
        assert!(error.to_string().contains("name the origins"));
        assert!(Cors::new(policy(&["*"], false)).is_ok());
        assert!(Cors::new(policy(&["https://a.example"], true)).is_ok());
    }

    const PAGE: &str = "https://a.example";

    /// What a page of that origin gets with this method, if it asks as before a PUT.
    fn answer(policy: Policy, method: Method, origin: &str) -> Response {
        let mut request = Request::builder(method, "/")
            .header("Origin", origin)
            .header("Access-Control-Request-Method", "PUT")
            .build();
        Chain::around(|_: &mut Request| "from the handler")
            .with(Cors::new(policy).unwrap())
            .handle(&mut request)
    }

    /// The fields about CORS and caches, in order, without their common beginning.
    fn fields(response: &Response) -> Vec<String> {
        let lines = response.headers().iter().map(|(name, value)| {
            format!("{name}: {}", value.to_str().unwrap()).replace("Access-Control-", "")
        });
        lines.filter(|line| !line.starts_with("Content-")).collect()
    }

    #[test]
    fn any_page_is_told_so_with_an_asterisk_and_a_cache_may_give_it_to_all() {
        let response = answer(policy(&["*"], false), Method::Get, PAGE);
        assert_eq!(fields(&response), ["Allow-Origin: *"]);
        let allowed = Policy { methods: vec![Method::Put], ..policy(&["*"], false) };
        let response = answer(allowed, Method::Options, PAGE);
        assert_eq!(response.status(), Status::NO_CONTENT);
        assert!(fields(&response).contains(&"Allow-Origin: *".to_string()));
    }

    #[test]
    fn a_page_that_may_act_for_the_user_is_told_so_and_no_other() {
        let with_credentials = || Policy { methods: vec![Method::Put], ..policy(&[PAGE], true) };
        let response = answer(with_credentials(), Method::Get, PAGE);
        let told = ["Vary: Origin", "Allow-Origin: https://a.example", "Allow-Credentials: true"];
        assert_eq!(fields(&response), told);
        let response = answer(with_credentials(), Method::Options, PAGE);
        assert!(fields(&response).contains(&told[1].to_string()));
        assert!(fields(&response).contains(&told[2].to_string()));
        let response = answer(with_credentials(), Method::Get, "https://b.example");
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
    fn a_preflight_that_is_refused_has_a_code_and_only_options_is_one() {
        let response = answer(policy(&[PAGE], false), Method::Options, PAGE);
        assert_eq!(response.status(), Status::FORBIDDEN);
        let ResponseBody::Bytes(body) = response.body() else { panic!("{response:?}") };
        assert!(body.starts_with(br#"{"error":"cors_refused","message":"the method"#));
        assert_eq!(answer(policy(&[PAGE], false), Method::Get, PAGE).status(), Status::OK);
    }

    #[test]
    fn what_is_no_origin_is_named() {
        let error = Cors::new(policy(&["https://a.example", "*"], false)).err().unwrap();
        assert!(error.to_string().contains("`*` is not an origin"), "{error}");
        assert!(Cors::new(policy(&["https://a.example/"], false)).is_err());
    }
}
