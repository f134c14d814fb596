//! URL generation: a path from the name of a route and its parameters.

use std::collections::BTreeMap;
use std::fmt;

use super::HttpError;
use super::pattern::{Pattern, Segment, is_dots};
use super::percent::encode_segment;
use crate::core::stderr::log_stderr;

/// The named routes of a route table.
#[derive(Debug, Default)]
pub struct Urls {
    patterns: BTreeMap<String, Pattern>,
}

impl Urls {
    /// Gives a pattern a name, and returns the previous pattern with this name.
    pub fn insert(&mut self, name: String, pattern: Pattern) -> Option<Pattern> {
        self.patterns.insert(name, pattern)
    }

    /// Returns the path of the route `name` with these parameters, percent-encoded so that the
    /// route's pattern yields the same values again. The router may prefer a more specific route:
    /// with `/users/me` beside `/users/:name`, the path for the name `me` leads to `/users/me`.
    ///
    /// # Errors
    /// Returns [`UrlError`] for an unknown name or parameters that do not fit.
    pub fn url_for(&self, name: &str, params: &[(&str, &str)]) -> Result<String, UrlError> {
        let pattern =
            self.patterns.get(name).ok_or_else(|| UrlError::UnknownName(name.to_string()))?;
        let mut path = String::new();
        for segment in pattern.segments() {
            path.push('/');
            let param = match segment {
                Segment::Static(text) => {
                    path.push_str(text);
                    continue;
                }
                Segment::Typed(name, _) | Segment::Param(name) | Segment::Wildcard(name) => name,
            };
            let value = params.iter().find(|(name, _)| name == param).map(|(_, value)| *value);
            let value = value.ok_or_else(|| UrlError::Missing(param.clone()))?;
            push_value(&mut path, segment, value).ok_or_else(|| UrlError::Unfit {
                param: param.clone(),
                value: value.to_string(),
            })?;
        }
        // An unused value indicates a misspelt name, or a parameter that was removed from the
        // pattern.
        for (index, (param, _)) in params.iter().enumerate() {
            let is_used = pattern.segments().iter().any(|segment| segment.name() == Some(param));
            let is_second = params[..index].iter().any(|(earlier, _)| earlier == param);
            if !is_used || is_second {
                return Err(UrlError::Surplus((*param).to_string()));
            }
        }
        Ok(path)
    }
}

/// Appends a value. Returns `None` when the segment would not match the value, or would match
/// another value.
fn push_value(path: &mut String, segment: &Segment, value: &str) -> Option<()> {
    if let Segment::Typed(_, kind) = segment
        && !kind.accepts(value)
    {
        return None;
    }
    // In a wildcard, a slash separates segments. In other parameters it is part of the value and
    // becomes %2F.
    let is_wildcard = matches!(segment, Segment::Wildcard(_));
    let parts = if is_wildcard { value.split('/').collect() } else { vec![value] };
    // Dots cannot be encoded, because browsers treat `%2e%2e` like `..` and request another path.
    if value.is_empty() || parts.iter().any(|part| is_dots(part)) {
        return None;
    }
    for (index, part) in parts.into_iter().enumerate() {
        if index > 0 {
            path.push('/');
        }
        path.extend(encode_segment(part));
    }
    Some(())
}

/// The reason why a path could not be generated, which is a bug in the program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UrlError {
    /// No route has this name.
    UnknownName(String),
    /// A parameter of the pattern has no value.
    Missing(String),
    /// A value is given for a parameter that the pattern does not have, or a second value for the
    /// same parameter.
    Surplus(String),
    /// A value does not match its parameter.
    Unfit {
        /// The name of the parameter.
        param: String,
        /// The value that does not match.
        value: String,
    },
}

impl fmt::Display for UrlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownName(name) => write!(f, "no route has the name `{name}`"),
            Self::Missing(param) => write!(f, "the parameter `{param}` has no value"),
            Self::Surplus(param) => write!(f, "the route does not need this value of `{param}`"),
            // The value may come from a client and is logged, so it is escaped.
            Self::Unfit { param, value } => {
                write!(f, "`{}` does not fit the parameter `{param}`", value.escape_debug())
            }
        }
    }
}

impl std::error::Error for UrlError {}

/// The conversion into a 500 without details, because a client can do nothing about the error. The
/// details are logged.
impl From<UrlError> for HttpError {
    fn from(error: UrlError) -> HttpError {
        log_stderr(format_args!("url_for: {error}"));
        HttpError::internal()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn urls() -> Urls {
        let mut urls = Urls::default();
        for (name, pattern) in [
            ("home", "/"),
            ("user", "/users/:id<u32>"),
            ("users", "/users"),
            ("hello", "/hello/:name"),
            ("files", "/files/*path"),
        ] {
            urls.insert(name.to_string(), Pattern::parse(pattern).unwrap());
        }
        urls
    }

    #[test]
    fn a_name_and_values_become_a_path() {
        let table: [(&str, &[(&str, &str)], &str); 6] = [
            ("home", &[], "/"),
            ("users", &[], "/users"),
            ("user", &[("id", "7")], "/users/7"),
            ("hello", &[("name", "a/b c")], "/hello/a%2Fb%20c"),
            ("hello", &[("name", "50%?")], "/hello/50%25%3F"),
            ("files", &[("path", "a b/c")], "/files/a%20b/c"),
        ];
        for (name, params, expected) in table {
            assert_eq!(urls().url_for(name, params).as_deref(), Ok(expected));
        }
    }

    #[test]
    fn invalid_parameters_are_an_error_and_not_a_wrong_path() {
        let table: [(&str, &[(&str, &str)], &str); 11] = [
            ("nobody", &[], "no route has the name `nobody`"),
            ("user", &[], "the parameter `id` has no value"),
            ("user", &[("id", "7"), ("x", "1")], "the route does not need this value of `x`"),
            ("user", &[("id", "7"), ("id", "8")], "the route does not need this value of `id`"),
            ("user", &[("id", "+7")], "`+7` does not fit the parameter `id`"),
            ("user", &[("id", "4294967296")], "`4294967296` does not fit the parameter `id`"),
            ("user", &[("id", "seven")], "`seven` does not fit the parameter `id`"),
            ("hello", &[("name", "")], "`` does not fit the parameter `name`"),
            ("hello", &[("name", "..")], "`..` does not fit the parameter `name`"),
            ("files", &[("path", "a/../b")], "`a/../b` does not fit the parameter `path`"),
            ("files", &[("path", "")], "`` does not fit the parameter `path`"),
        ];
        for (name, params, expected) in table {
            assert_eq!(urls().url_for(name, params).unwrap_err().to_string(), expected);
        }
    }
}
