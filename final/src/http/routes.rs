//! ROUTE: finds the handler of a request in an immutable table.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use regex::RegexSet;

use super::matched::Matched;
use super::pattern::Pattern;
use super::url::Urls;
use super::{
    Handler, HeaderValue, HttpError, IntoResponse, Method, Request, Response, Status, Target,
    header,
};

/// The route table that [`Router::build`](super::Router::build) returns.
pub struct Routes {
    /// One regular expression for each route, in the order of `table`. All are matched in one pass
    /// over the path.
    set: RegexSet,
    /// The routes, sorted by precedence, the most specific first.
    table: Vec<Route>,
    /// The routes without parameters, by their paths. They are the most specific, so a path in this
    /// map needs no regular expression. Without the map, a request for `/` takes 9 % more CPU time.
    fixed: BTreeMap<String, Vec<usize>>,
    urls: Arc<Urls>,
}

/// A route, which maps the methods and paths that it matches to a handler.
pub(super) struct Route {
    pub(super) methods: MethodFilter,
    pub(super) pattern: Pattern,
    pub(super) handler: Arc<dyn Handler>,
}

/// The methods that a route handles.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MethodFilter {
    /// This method. GET includes HEAD.
    Only(Method),
    /// Every method except OPTIONS, to which the route table itself responds.
    Any,
}

impl MethodFilter {
    /// Returns whether the route handles `method`. A route for GET also handles HEAD, because the
    /// encoder omits the body.
    fn matches(self, method: Method) -> bool {
        match self {
            MethodFilter::Any => method != Method::Options,
            MethodFilter::Only(own) => {
                own == method || (own == Method::Get && method == Method::Head)
            }
        }
    }

    pub(super) fn rank(self) -> u8 {
        match self {
            MethodFilter::Only(Method::Head) => 0,
            MethodFilter::Only(_) => 1,
            MethodFilter::Any => 2,
        }
    }
}

impl fmt::Display for MethodFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            MethodFilter::Only(method) => method.fmt(f),
            MethodFilter::Any => f.write_str("ANY"),
        }
    }
}

impl Routes {
    pub(super) fn new(set: RegexSet, table: Vec<Route>, urls: Urls) -> Routes {
        let mut fixed: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for (index, route) in table.iter().enumerate() {
            if is_fixed(route.pattern.as_str()) {
                fixed.entry(route.pattern.as_str().to_string()).or_default().push(index);
            }
        }
        Routes { set, table, fixed, urls: Arc::new(urls) }
    }

    /// Wraps the handler of each route separately, for state per route, such as a [blocking
    /// predictor](crate::server::predict_blocking). Use a middleware for work that all routes
    /// share.
    #[must_use]
    pub fn wrap_each(mut self, wrap: impl Fn(Arc<dyn Handler>) -> Arc<dyn Handler>) -> Routes {
        for route in &mut self.table {
            route.handler = wrap(Arc::clone(&route.handler));
        }
        self
    }

    /// Returns the named routes.
    pub fn urls(&self) -> &Urls {
        &self.urls
    }

    /// Returns the routes whose regular expression matches a path, the most specific first.
    fn matches(&self, target: &Target) -> impl Iterator<Item = &Route> {
        self.set.matches(target.path()).into_iter().map(|index| &self.table[index])
    }

    /// Returns the routes that match a path, whatever their method, the most specific first.
    fn candidates(&self, target: &Target) -> Vec<&Route> {
        self.matches(target).filter(|route| route.pattern.params(target).is_some()).collect()
    }

    /// Returns the best route for this request, with its parameters.
    fn best(&self, request: &Request) -> Option<(&Route, Vec<(String, String)>)> {
        let (target, method) = (request.target(), request.method());
        let mut routes = self.matches(target).filter(|route| route.methods.matches(method));
        routes.find_map(|route| Some((route, route.pattern.params(target)?)))
    }

    /// Returns the route whose pattern is literally `path`, without a regular expression.
    fn fixed(&self, path: &str, method: Method) -> Option<&Route> {
        let mut routes = self.fixed.get(path)?.iter().map(|index| &self.table[*index]);
        routes.find(|route| route.methods.matches(method))
    }

    fn run(&self, route: &Route, params: Vec<(String, String)>, request: &mut Request) -> Response {
        let pattern = route.pattern.as_str().to_string();
        request.set_matched(Matched { pattern, params, urls: Arc::clone(&self.urls) });
        route.handler.handle(request)
    }

    /// Returns the methods that these routes allow, sorted, for the Allow field (RFC 9110
    /// section 10.2.1).
    fn allowed<'a>(routes: impl Iterator<Item = &'a Route>) -> String {
        let mut allowed = BTreeSet::from([Method::Options.as_str()]);
        for route in routes {
            // CONNECT requests a tunnel and never reaches a router.
            let methods = Method::ALL.into_iter().filter(|method| *method != Method::Connect);
            allowed.extend(
                methods.filter(|method| route.methods.matches(*method)).map(Method::as_str),
            );
        }
        allowed.into_iter().collect::<Vec<_>>().join(", ")
    }
}

impl Handler for Routes {
    fn handle(&self, request: &mut Request) -> Response {
        let method = request.method();
        if let Some(route) = self.fixed(request.path(), method) {
            return self.run(route, Vec::new(), request);
        }
        // `OPTIONS *` concerns the server as a whole (RFC 9110 section 9.3.7), so all methods are
        // listed.
        if request.path() == "*" {
            return with_allow(Response::new(Status::NO_CONTENT), Self::allowed(self.table.iter()));
        }
        if let Some((route, params)) = self.best(request) {
            return self.run(route, params, request);
        }
        let candidates = self.candidates(request.target());
        if candidates.is_empty() {
            let message = format!("there is nothing at {}", request.path());
            return HttpError::new(Status::NOT_FOUND, "not_found", message).into_response();
        }
        let allowed = Self::allowed(candidates.into_iter());
        if method == Method::Options {
            return with_allow(Response::new(Status::NO_CONTENT), allowed);
        }
        let message = format!("{} allows {allowed}", request.path());
        let error = HttpError::new(Status::METHOD_NOT_ALLOWED, "method_not_allowed", message);
        with_allow(error.into_response(), allowed)
    }
}

/// Returns whether a pattern is a literal path: without parameters, and in its canonical spelling.
fn is_fixed(pattern: &str) -> bool {
    let stands_for_itself = |byte: u8| byte.is_ascii_alphanumeric() || b"/-._~".contains(&byte);
    pattern.bytes().all(stands_for_itself)
}

fn with_allow(response: Response, allowed: String) -> Response {
    match HeaderValue::try_from(allowed) {
        Ok(value) => response.with_header(header::ALLOW, value),
        Err(_) => response, // unreachable: the names of methods are tokens
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::Router;
    use crate::http::pattern::is_dots;
    use proptest::prelude::*;

    /// Returns a handler whose response consists of its name and its parameters.
    fn named(name: &'static str) -> impl Handler {
        move |request: &mut Request| {
            let matched = request.matched().cloned();
            let params = matched.map(|matched| matched.params).unwrap_or_default();
            let params: Vec<_> =
                params.iter().map(|(name, value)| format!(" {name}={value}")).collect();
            format!("{name}{}", params.concat())
        }
    }

    fn routes() -> Routes {
        let mut router = Router::new();
        router.get("/", named("home"));
        router.get("/users", named("list"));
        router.post("/users", named("create"));
        router.get("/users/:id<u32>", named("show")).name("user");
        router.delete("/users/:id<u32>", named("delete"));
        router.get("/users/me", named("me"));
        router.get("/users/:name", named("by name"));
        router.get("/files/*path", named("files")).name("files");
        router.any("/any", named("any"));
        router.put("/any", named("put"));
        router.route(Method::Head, "/head", named("head"));
        router.get("/head", named("get"));
        router.route(Method::Options, "/options", named("options"));
        router.group("/api", |api| {
            api.get("/:version/users", named("api"));
            api.get("/v2/:what", named("v2"));
        });
        router.build().unwrap()
    }

    /// Returns the status, the Allow field and the body of a response in one line.
    fn ask(routes: &Routes, method: Method, target: &str) -> String {
        let response = routes.handle(&mut Request::builder(method, target).build());
        let allow = response.headers().get(header::ALLOW).and_then(HeaderValue::to_str);
        let body = match response.body() {
            crate::http::ResponseBody::Bytes(bytes) => String::from_utf8_lossy(bytes).into_owned(),
            _ => String::new(),
        };
        match (response.status(), allow) {
            (Status::OK, _) => body,
            (status, Some(allow)) => format!("{} {allow}", status.code()),
            (status, None) => status.code().to_string(),
        }
    }

    #[test]
    fn the_most_specific_route_with_the_method_is_used() {
        use Method::{Delete, Get, Head, Options, Patch, Post, Put, Trace};
        let routes = routes();
        let table = [
            (Get, "/", "home"),
            (Get, "/?x=1", "home"),
            (Get, "/users", "list"),
            (Post, "/users", "create"),
            (Get, "/users/7", "show id=7"),
            (Get, "/users/me", "me"),
            (Get, "/users/ada", "by name name=ada"),
            // A path may look like a pattern, but is not treated as one.
            (Get, "/users/:name", "by name name=:name"),
            (Get, "/users/4294967296", "by name name=4294967296"),
            (Delete, "/users/7", "delete id=7"),
            (Head, "/users", "list"),
            (Head, "/head", "head"),
            (Get, "/head", "get"),
            (Patch, "/any", "any"),
            (Put, "/any", "put"),
            (Head, "/any", "any"),
            (Options, "/any", "204 DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT, TRACE"),
            (Options, "/options", "options"),
            (Get, "/files/a/b", "files path=a/b"),
            (Get, "/api/v1/users", "api version=v1"),
            (Get, "/api/v2/users", "v2 what=users"),
            // No route has the path (404), or none of its routes has the method (405). OPTIONS
            // lists the methods (204).
            (Get, "/nope", "404"),
            (Post, "/nope", "404"),
            (Options, "/nope", "404"),
            (Get, "/users/", "404"),
            (Get, "//users", "404"),
            (Get, "/api", "404"),
            (Delete, "/", "405 GET, HEAD, OPTIONS"),
            (Put, "/users", "405 GET, HEAD, OPTIONS, POST"),
            (Delete, "/users/me", "405 GET, HEAD, OPTIONS"),
            (Put, "/users/7", "405 DELETE, GET, HEAD, OPTIONS"),
            (Get, "/options", "405 OPTIONS"),
            (Post, "/api/v2/users", "405 GET, HEAD, OPTIONS"),
            (Options, "/users", "204 GET, HEAD, OPTIONS, POST"),
            (Options, "*", "204 DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT, TRACE"),
            (Trace, "/", "405 GET, HEAD, OPTIONS"),
        ];
        for (method, target, expected) in table {
            assert_eq!(ask(&routes, method, target), expected, "{method} {target}");
        }
    }

    #[test]
    fn a_handler_knows_its_route_and_can_generate_urls() {
        let mut router = Router::new();
        router
            .get("/users/:id<u32>", |request: &mut Request| {
                let next = request.parse_param::<u32>("id").unwrap() + 1;
                let url = request.url_for("user", &[("id", &next.to_string())]).unwrap();
                format!("{} {url}", request.route().unwrap())
            })
            .name("user");
        let routes = router.build().unwrap();
        assert_eq!(ask(&routes, Method::Get, "/users/7"), "/users/:id<u32> /users/8");
    }

    const ANY_ORDER: [&str; 6] =
        ["/users/me", "/users/:id<u32>", "/users/:name", "/users/*rest", "/:a/:b", "/*all"];

    proptest! {
        #[test]
        fn a_path_from_url_for_matches_its_route_with_the_same_values(
            id: u32, name: String, path in "[^/]{1,6}(/[^/]{1,6}){0,3}"
        ) {
            let mut router = Router::new();
            router.get("/users/:id<u32>", named("user")).name("user");
            router.get("/hello/:name", named("hello")).name("hello");
            router.get("/files/*path", named("files")).name("files");
            let routes = router.build().unwrap();
            let id = id.to_string();
            let table = [("user", "id", &id), ("hello", "name", &name), ("files", "path", &path)];
            for (route, param, value) in table {
                match routes.urls().url_for(route, &[(param, value)]) {
                    Ok(url) => {
                        let found = ask(&routes, Method::Get, &url);
                        prop_assert_eq!(found, format!("{route} {param}={value}"));
                    }
                    Err(_) => prop_assert!(value.is_empty() || value.split('/').any(is_dots)),
                }
            }
        }

        #[test]
        fn the_order_in_which_routes_are_added_makes_no_difference(
            order in Just(ANY_ORDER.to_vec()).prop_shuffle()
        ) {
            let mut router = Router::new();
            for pattern in order {
                router.get(pattern, move |_: &mut Request| pattern);
            }
            let routes = router.build().unwrap();
            let table = [
                ("/users/me", "/users/me"),
                ("/users/7", "/users/:id<u32>"),
                ("/users/ada", "/users/:name"),
                ("/users/ada/x", "/users/*rest"),
                ("/posts/7", "/:a/:b"),
                ("/posts/7/x", "/*all"),
            ];
            for (path, pattern) in table {
                prop_assert_eq!(ask(&routes, Method::Get, path), pattern);
            }
        }
    }
}
