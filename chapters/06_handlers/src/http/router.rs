//! The router, which collects routes and rejects conflicting ones.

use std::fmt;
use std::sync::Arc;

use regex::RegexSet;

use super::pattern::{Pattern, PatternError};
use super::routes::{MethodFilter, Route, Routes};
use super::url::Urls;
use super::{Handler, Method};

/// A collection of routes. [`Router::build`] reports all their errors at once.
#[derive(Default)]
pub struct Router {
    entries: Vec<RouteEntry>,
}

/// A route that has been added to a router.
pub struct RouteEntry {
    methods: MethodFilter,
    pattern: String,
    name: Option<String>,
    handler: Arc<dyn Handler>,
}

impl RouteEntry {
    /// Names the route, so that [`Request::url_for`](super::Request::url_for) can find it.
    pub fn name(&mut self, name: &str) -> &mut RouteEntry {
        self.name = Some(name.to_string());
        self
    }
}

impl Router {
    /// Creates a router without routes.
    pub fn new() -> Router {
        Router::default()
    }

    /// Adds a handler for GET, and for HEAD unless HEAD has its own route.
    pub fn get(&mut self, pattern: &str, handler: impl Handler) -> &mut RouteEntry {
        self.route(Method::Get, pattern, handler)
    }

    /// Adds a handler for POST.
    pub fn post(&mut self, pattern: &str, handler: impl Handler) -> &mut RouteEntry {
        self.route(Method::Post, pattern, handler)
    }

    /// Adds a handler for PUT.
    pub fn put(&mut self, pattern: &str, handler: impl Handler) -> &mut RouteEntry {
        self.route(Method::Put, pattern, handler)
    }

    /// Adds a handler for PATCH.
    pub fn patch(&mut self, pattern: &str, handler: impl Handler) -> &mut RouteEntry {
        self.route(Method::Patch, pattern, handler)
    }

    /// Adds a handler for DELETE.
    pub fn delete(&mut self, pattern: &str, handler: impl Handler) -> &mut RouteEntry {
        self.route(Method::Delete, pattern, handler)
    }

    /// Adds a handler for one method.
    pub fn route(
        &mut self,
        method: Method,
        pattern: &str,
        handler: impl Handler,
    ) -> &mut RouteEntry {
        self.add(MethodFilter::Only(method), pattern, handler)
    }

    /// Adds a handler for every method without a route. OPTIONS is still handled by
    /// the route table, unless it has its own route too.
    pub fn any(&mut self, pattern: &str, handler: impl Handler) -> &mut RouteEntry {
        self.add(MethodFilter::Any, pattern, handler)
    }

    /// Adds routes with a common prefix. In such a group the pattern `""` is the prefix itself.
    pub fn group(&mut self, prefix: &str, routes: impl FnOnce(&mut Router)) {
        let mut group = Router::new();
        routes(&mut group);
        self.nest(prefix, group);
    }

    /// Adds the routes of another router, with `prefix` in front of their patterns.
    pub fn nest(&mut self, prefix: &str, router: Router) {
        self.entries.extend(router.entries.into_iter().map(|mut entry| {
            entry.pattern.insert_str(0, prefix);
            entry
        }));
    }

    /// Returns the methods and patterns of the routes, in the order in which they were added.
    pub fn list(&self) -> impl Iterator<Item = (MethodFilter, &str)> {
        self.entries.iter().map(|entry| (entry.methods, entry.pattern.as_str()))
    }

    /// Builds the route table, which finds routes fast.
    ///
    /// # Errors
    /// Returns [`BuildError`] with every invalid pattern, every pair of conflicting routes, and
    /// every name that is used twice. A server must not start with a conflict, because the order in
    /// which the two routes were added would then decide which of them is used.
    pub fn build(self) -> Result<Routes, BuildError> {
        let mut problems = Vec::new();
        let mut routes: Vec<Route> = Vec::new();
        let mut urls = Urls::default();
        for entry in self.entries {
            let pattern = match Pattern::parse(&entry.pattern) {
                Ok(pattern) => pattern,
                Err(error) => {
                    problems.push(Problem::Pattern(error));
                    continue;
                }
            };
            let same = |route: &&Route| {
                route.methods == entry.methods && route.pattern.has_same_shape(&pattern)
            };
            if let Some(first) = routes.iter().find(same) {
                problems.push(Problem::Conflict {
                    methods: entry.methods,
                    first: first.pattern.as_str().to_string(),
                    second: entry.pattern.clone(),
                });
            }
            if let Some(name) = entry.name
                && let Some(first) = urls.insert(name.clone(), pattern.clone())
                && first != pattern
            {
                let first = first.as_str().to_string();
                problems.push(Problem::SameName { name, first, second: entry.pattern });
            }
            routes.push(Route { methods: entry.methods, pattern, handler: entry.handler });
        }
        // In this order the first matching route is always the most specific one. A route for one
        // method precedes a route for any method, and a route for HEAD precedes the route for GET,
        // which would match HEAD as well.
        routes.sort_by(|a, b| {
            a.pattern.compare_specificity(&b.pattern).then(a.methods.rank().cmp(&b.methods.rank()))
        });
        match RegexSet::new(routes.iter().map(|route| route.pattern.regex())) {
            Ok(set) if problems.is_empty() => Ok(Routes::new(set, routes, urls)),
            Ok(_) => Err(BuildError { problems }),
            Err(error) => {
                problems.push(Problem::TooLarge(error.to_string()));
                Err(BuildError { problems })
            }
        }
    }

    fn add(
        &mut self,
        methods: MethodFilter,
        pattern: &str,
        handler: impl Handler,
    ) -> &mut RouteEntry {
        let (pattern, handler) = (pattern.to_string(), Arc::new(handler));
        self.entries.push(RouteEntry { methods, pattern, name: None, handler });
        self.entries.last_mut().expect("an entry has just been added")
    }
}

/// The error for routes that cannot be used, with all their problems.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuildError {
    /// The problems, in the order of the routes.
    pub problems: Vec<Problem>,
}

/// A problem with a router's routes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Problem {
    /// A pattern is invalid.
    Pattern(PatternError),
    /// Two routes for the same method have patterns of the same shape.
    Conflict {
        /// The methods that both routes match.
        methods: MethodFilter,
        /// The pattern of the earlier route.
        first: String,
        /// The pattern of the later route.
        second: String,
    },
    /// Two different patterns have the same name.
    SameName {
        /// The name that both patterns have.
        name: String,
        /// The pattern of the earlier route.
        first: String,
        /// The pattern of the later route.
        second: String,
    },
    /// The patterns are too large to be compiled together.
    TooLarge(String),
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the routes cannot be used:")?;
        for problem in &self.problems {
            write!(f, "\n  {problem}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pattern(error) => error.fmt(f),
            Self::Conflict { methods, first, second } => {
                write!(
                    f,
                    "{methods} `{first}` and {methods} `{second}` match the same paths: keep one"
                )
            }
            Self::SameName { name, first, second } => {
                write!(f, "`{first}` and `{second}` have the same name, `{name}`: rename one")
            }
            Self::TooLarge(error) => write!(f, "the patterns are too large together: {error}"),
        }
    }
}

impl std::error::Error for BuildError {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::Request;

    fn handler(_: &mut Request) -> &'static str {
        "hi"
    }

    fn problems(add: impl FnOnce(&mut Router)) -> Vec<String> {
        let mut router = Router::new();
        add(&mut router);
        match router.build() {
            Ok(_) => Vec::new(),
            Err(error) => error.problems.iter().map(ToString::to_string).collect(),
        }
    }

    #[test]
    fn conflicting_routes_are_rejected_and_both_are_named() {
        let conflict = |first: &str, second: &str| {
            problems(|router| {
                router.get(first, handler);
                router.get(second, handler);
            })
        };
        assert_eq!(
            conflict("/users/:id", "/users/:name"),
            ["GET `/users/:id` and GET `/users/:name` match the same paths: keep one"]
        );
        assert_eq!(conflict("/a", "/a").len(), 1);
        assert_eq!(conflict("/:a<u32>", "/:a<i64>").len(), 1);
        assert_eq!(conflict("/*a", "/*b").len(), 1);
        assert!(conflict("/users/:id", "/users/me").is_empty());
        assert!(conflict("/users/:id", "/users/:id<u32>").is_empty());
        assert!(conflict("/a", "/a/").is_empty());
    }

    #[test]
    fn other_methods_of_the_same_path_are_no_conflict() {
        let none = problems(|router| {
            router.get("/a", handler);
            router.post("/a", handler);
            router.any("/a", handler);
        });
        assert!(none.is_empty());
        let two_any = problems(|router| {
            router.any("/a", handler);
            router.any("/a", handler);
        });
        assert_eq!(two_any, ["ANY `/a` and ANY `/a` match the same paths: keep one"]);
    }

    #[test]
    fn all_problems_are_reported_at_once() {
        let all = problems(|router| {
            router.get("users", handler);
            router.get("/a", handler).name("x");
            router.get("/b", handler).name("x");
            router.get("/b", handler);
        });
        assert_eq!(all.len(), 3, "{all:?}");
        assert!(all[1].contains("have the same name, `x`"));
    }

    #[test]
    fn a_prefix_that_ends_with_a_slash_is_rejected() {
        let problems = problems(|router| {
            router.group("/api/", |api| {
                api.get("/users", handler);
            });
        });
        assert_eq!(problems.len(), 1);
        assert!(problems[0].contains("`/api//users`: two slashes in a row"), "{problems:?}");
    }

    #[test]
    fn nested_groups_prepend_their_prefixes() {
        let mut router = Router::new();
        router.group("/api", |api| {
            api.get("", handler);
            api.group("/v1", |v1| {
                v1.post("/users", handler);
            });
        });
        let list: Vec<_> =
            router.list().map(|(methods, path)| format!("{methods} {path}")).collect();
        assert_eq!(list, ["GET /api", "POST /api/v1/users"]);
    }
}
