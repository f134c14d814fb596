//! The pattern of a route, such as `/users/:id<u32>`, with its regular expression and its
//! precedence.

use std::cmp::Ordering;
use std::{fmt, iter};

use super::Target;
use super::percent::encode_segment;

/// The parsed pattern of a route.
///
/// | segment | matches |
/// |---|---|
/// | `users` | itself |
/// | `:id<u32>` | one segment that is a number of this type: `u32`, `u64` or `i64` |
/// | `:name` | one segment that is not empty |
/// | `*path` | the remaining path, one or more segments; only at the end |
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    text: String,
    segments: Vec<Segment>,
}

/// A segment of a pattern, which is the part between two slashes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Segment {
    /// Text that matches itself. It is in the canonical encoding of [`Target::path`].
    Static(String),
    /// A parameter that matches one segment that is a number of this type.
    Typed(String, ParamType),
    /// A parameter that matches one segment that is not empty.
    Param(String),
    /// A parameter that matches the remaining path.
    Wildcard(String),
}

/// The type of a typed parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ParamType {
    /// A number from 0 to 4,294,967,295.
    U32,
    /// A number from 0 to 18,446,744,073,709,551,615.
    U64,
    /// A 64-bit number with or without a minus sign.
    I64,
}

impl Pattern {
    /// Parses a pattern.
    ///
    /// # Errors
    /// Returns [`PatternError`] with the pattern and the problem.
    pub fn parse(text: &str) -> Result<Pattern, PatternError> {
        let failed = |reason| PatternError { pattern: text.to_string(), reason };
        let rest = text.strip_prefix('/').ok_or_else(|| failed(Reason::NoSlash))?;
        let mut segments = Vec::new();
        let mut names = Vec::new();
        for (index, part) in rest.split('/').enumerate() {
            if matches!(segments.last(), Some(Segment::Wildcard(_))) {
                return Err(failed(Reason::WildcardNotLast));
            }
            // Only the last segment may be empty, as in `/users/`. A group with the prefix `/api/`
            // would produce `/api//users`.
            if part.is_empty() && rest.split('/').count() > index + 1 {
                return Err(failed(Reason::EmptySegment));
            }
            let segment = Segment::parse(part).map_err(failed)?;
            if let Some(name) = segment.name() {
                if names.contains(&name.to_string()) {
                    return Err(failed(Reason::SameName(name.to_string())));
                }
                names.push(name.to_string());
            }
            segments.push(segment);
        }
        Ok(Pattern { text: text.to_string(), segments })
    }

    /// Returns the pattern as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Returns the segments of the pattern.
    pub fn segments(&self) -> &[Segment] {
        &self.segments
    }

    /// Returns a regular expression that matches the paths of the pattern in their canonical form.
    /// It only checks that numbers consist of digits; [`Pattern::params`] checks whether they fit
    /// their type.
    pub fn regex(&self) -> String {
        let mut regex = String::from("^");
        for segment in &self.segments {
            regex.push('/');
            match segment {
                Segment::Static(text) => regex.push_str(&regex::escape(text)),
                Segment::Typed(_, ParamType::U32 | ParamType::U64) => regex.push_str("[0-9]+"),
                Segment::Typed(_, ParamType::I64) => regex.push_str("-?[0-9]+"),
                Segment::Param(_) => regex.push_str("[^/]+"),
                Segment::Wildcard(_) => regex.push_str(".+"),
            }
        }
        regex.push('$');
        regex
    }

    /// Returns the values of the parameters in a path that the regular expression matches, or
    /// `None` when a number does not fit its type, so that the path does not match after all.
    ///
    /// The target was split into segments before they were decoded, so a `%2F` is a slash inside a
    /// value and never separates segments.
    pub fn params(&self, target: &Target) -> Option<Vec<(String, String)>> {
        let (mut params, mut segments) = (Vec::new(), target.decoded_segments());
        for segment in &self.segments {
            let value = segments.next()?;
            match segment {
                Segment::Static(_) => {}
                Segment::Typed(name, kind) if kind.accepts(&value) => {
                    params.push((name.clone(), value.into_owned()));
                }
                Segment::Typed(..) => return None,
                Segment::Param(name) => params.push((name.clone(), value.into_owned())),
                Segment::Wildcard(name) => {
                    let rest: Vec<_> = iter::once(value).chain(segments.by_ref()).collect();
                    params.push((name.clone(), rest.join("/")));
                }
            }
        }
        Some(params)
    }

    /// Returns whether some path matches both patterns and neither is more specific, so that the
    /// choice would be ambiguous. This also applies to `<u32>` and `<i64>`, although only one of
    /// them matches `-1`.
    pub fn has_same_shape(&self, other: &Pattern) -> bool {
        self.compare_specificity(other) == Ordering::Equal
            && self.segments.iter().zip(&other.segments).all(|pair| match pair {
                (Segment::Static(a), Segment::Static(b)) => a == b,
                _ => true,
            })
    }

    /// Orders patterns by precedence, the most specific first: at the first segment in which they
    /// differ, static before typed before parameter before wildcard.
    pub fn compare_specificity(&self, other: &Pattern) -> Ordering {
        let ranks =
            |pattern: &Pattern| pattern.segments.iter().map(Segment::rank).collect::<Vec<_>>();
        ranks(self).cmp(&ranks(other))
    }
}

impl Segment {
    fn parse(part: &str) -> Result<Segment, Reason> {
        // No path contains `?` or `#`, and browsers and curl resolve the segments `.` and `..`
        // before they send a path.
        if part.contains(['?', '#']) || is_dots(part) {
            return Err(Reason::NeverSent(part.to_string()));
        }
        if let Some(name) = part.strip_prefix('*') {
            return Ok(Segment::Wildcard(valid_name(name)?));
        }
        let Some(param) = part.strip_prefix(':') else {
            // Patterns are written unencoded, but paths are compared in their canonical
            // percent-encoding.
            return Ok(Segment::Static(encode_segment(part).collect()));
        };
        let Some((name, kind)) = param.split_once('<') else {
            return Ok(Segment::Param(valid_name(param)?));
        };
        let kind = match kind {
            "u32>" => ParamType::U32,
            "u64>" => ParamType::U64,
            "i64>" => ParamType::I64,
            _ => return Err(Reason::UnknownKind(format!("<{kind}"))),
        };
        Ok(Segment::Typed(valid_name(name)?, kind))
    }

    /// Returns the name, if this segment is a parameter.
    pub fn name(&self) -> Option<&str> {
        match self {
            Segment::Static(_) => None,
            Segment::Typed(name, _) | Segment::Param(name) | Segment::Wildcard(name) => Some(name),
        }
    }

    fn rank(&self) -> u8 {
        match self {
            Segment::Static(_) => 0,
            Segment::Typed(..) => 1,
            Segment::Param(_) => 2,
            Segment::Wildcard(_) => 3,
        }
    }
}

impl ParamType {
    /// Returns whether `value` is a number of this type.
    pub fn accepts(self, value: &str) -> bool {
        // `parse` also accepts a plus sign, which the regular expression does not.
        !value.starts_with('+')
            && match self {
                ParamType::U32 => value.parse::<u32>().is_ok(),
                ParamType::U64 => value.parse::<u64>().is_ok(),
                ParamType::I64 => value.parse::<i64>().is_ok(),
            }
    }
}

/// Returns whether a segment is `.` or `..`, which clients resolve before they send a path
/// (RFC 3986 section 5.2.4).
pub fn is_dots(segment: &str) -> bool {
    matches!(segment, "." | "..")
}

fn valid_name(name: &str) -> Result<String, Reason> {
    let is_valid = !name.is_empty()
        && name.chars().all(|character| character.is_ascii_alphanumeric() || character == '_');
    if is_valid { Ok(name.to_string()) } else { Err(Reason::BadName(name.to_string())) }
}

/// The error for an invalid pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PatternError {
    /// The invalid pattern, as it was written.
    pub pattern: String,
    /// The problem with the pattern.
    pub reason: Reason,
}

/// The problem with an invalid pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// The pattern does not start with a slash.
    NoSlash,
    /// The pattern has two slashes in a row.
    EmptySegment,
    /// A segment cannot occur in a request path: it contains a query or a fragment, or is `.` or
    /// `..`.
    NeverSent(String),
    /// A wildcard is not the last segment.
    WildcardNotLast,
    /// A parameter's name is empty or has characters other than letters, digits and `_`.
    BadName(String),
    /// Two parameters have the same name.
    SameName(String),
    /// The type is not `u32`, `u64` or `i64`.
    UnknownKind(String),
}

impl fmt::Display for PatternError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "route `{}`: ", self.pattern)?;
        match &self.reason {
            Reason::NoSlash => f.write_str("a pattern must start with a slash"),
            Reason::EmptySegment => f.write_str(
                "two slashes in a row: write it with one; a group's prefix ends without a slash",
            ),
            Reason::NeverSent(segment) => write!(
                f,
                "no path has the segment `{segment}`: leave out query, fragment, `.` and `..`"
            ),
            Reason::WildcardNotLast => f.write_str("a wildcard must be the last segment"),
            Reason::BadName(name) => {
                write!(f, "`{name}` is not a valid parameter name: use letters, digits and _")
            }
            Reason::SameName(name) => write!(f, "two parameters have the name `{name}`"),
            Reason::UnknownKind(kind) => {
                write!(f, "`{kind}` is not a parameter type: use <u32>, <u64> or <i64>")
            }
        }
    }
}

impl std::error::Error for PatternError {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::Method;
    use proptest::prelude::*;
    use regex::Regex;

    /// Returns the parameters as `name=value`, if the pattern matches the path.
    fn matches(pattern: &str, path: &str) -> Option<String> {
        let pattern = Pattern::parse(pattern).unwrap();
        let target = Target::parse(Method::Get, path).unwrap();
        if !Regex::new(&pattern.regex()).unwrap().is_match(target.path()) {
            return None;
        }
        let params = pattern.params(&target)?;
        Some(
            params
                .iter()
                .map(|(name, value)| format!("{name}={value}"))
                .collect::<Vec<_>>()
                .join(" "),
        )
    }

    #[test]
    fn a_pattern_matches_these_paths_and_no_others() {
        let table = [
            ("/", "/", Some("")),
            ("/", "//", None),
            ("/users", "/users", Some("")),
            ("/users", "/us%65rs", Some("")),
            ("/users", "/users/", None),
            ("/users", "/Users", None),
            ("/a.b", "/axb", None),
            ("/caf\u{e9}", "/caf%C3%A9", Some("")),
            ("/users/:id", "/users/7", Some("id=7")),
            ("/users/:id", "/users/", None),
            ("/users/:id", "/users/7/posts", None),
            ("/users/:id", "/users/a%2Fb", Some("id=a/b")),
            ("/users/:id", "/users/%41%20b", Some("id=A b")),
            ("/:a/:b", "/1/2", Some("a=1 b=2")),
            ("/users/:id<u32>", "/users/7", Some("id=7")),
            ("/users/:id<u32>", "/users/007", Some("id=007")),
            ("/users/:id<u32>", "/users/seven", None),
            ("/users/:id<u32>", "/users/-7", None),
            ("/users/:id<u32>", "/users/+7", None),
            ("/users/:id<u32>", "/users/4294967296", None),
            ("/users/:id<u64>", "/users/4294967296", Some("id=4294967296")),
            ("/users/:id<i64>", "/users/-7", Some("id=-7")),
            ("/files/*path", "/files/a/b.txt", Some("path=a/b.txt")),
            ("/files/*path", "/files//", Some("path=/")),
            ("/files/*path", "/files/", None),
            ("/files/*path", "/files", None),
        ];
        for (pattern, path, expected) in table {
            assert_eq!(matches(pattern, path).as_deref(), expected, "{pattern} and {path}");
        }
    }

    #[test]
    fn an_invalid_pattern_is_rejected_with_a_reason() {
        let table = [
            ("users", "must start with a slash"),
            ("", "must start with a slash"),
            ("//users", "two slashes in a row"),
            ("/api//users", "two slashes in a row"),
            ("/users//", "two slashes in a row"),
            ("/users?page=1", "no path has the segment `users?page=1`"),
            ("/users#top", "no path has the segment `users#top`"),
            ("/../users", "no path has the segment `..`"),
            ("/users/.", "no path has the segment `.`"),
            ("/*rest/more", "must be the last segment"),
            ("/:", "is not a valid parameter name"),
            ("/*", "is not a valid parameter name"),
            ("/:a-b", "is not a valid parameter name"),
            ("/:id/:id", "two parameters have the name `id`"),
            ("/:id<u8>", "is not a parameter type"),
            ("/:id<u32", "is not a parameter type"),
        ];
        for (pattern, expected) in table {
            let error = Pattern::parse(pattern).unwrap_err().to_string();
            assert!(error.contains(expected) && error.contains(pattern), "{error}");
        }
    }

    #[test]
    fn the_most_specific_pattern_comes_first() {
        let sorted =
            ["/users/me", "/users/:id<u32>", "/users/:name", "/users/*rest", "/:any", "/*all"];
        for (index, first) in sorted.iter().enumerate() {
            for second in &sorted[index + 1..] {
                let [first, second] = [first, second].map(|text| Pattern::parse(text).unwrap());
                assert_eq!(
                    first.compare_specificity(&second),
                    Ordering::Less,
                    "{first:?} {second:?}"
                );
            }
        }
    }

    #[test]
    fn the_shape_does_not_depend_on_parameter_names() {
        let same = |a, b| Pattern::parse(a).unwrap().has_same_shape(&Pattern::parse(b).unwrap());
        assert!(same("/users/:id", "/users/:name"));
        assert!(same("/users/:id<u32>", "/users/:number<i64>"));
        assert!(!same("/users/:id", "/users/:id<u32>"));
        assert!(!same("/users/:id", "/posts/:id"));
        assert!(!same("/users", "/users/"));
    }

    /// Matches one segment at a time, as a reference implementation of the table above without a
    /// regular expression.
    fn matches_plainly(pattern: &[Segment], path: &[String]) -> bool {
        match (pattern, path) {
            ([], []) => true,
            ([Segment::Wildcard(_)], [first, rest @ ..]) => !first.is_empty() || !rest.is_empty(),
            ([segment, pattern @ ..], [value, path @ ..]) => {
                let this = match segment {
                    Segment::Static(text) => *text == encode_segment(value).collect::<String>(),
                    Segment::Typed(_, kind) => {
                        value.bytes().all(|byte| byte == b'-' || byte.is_ascii_digit())
                            && kind.accepts(value)
                    }
                    Segment::Param(_) => !value.is_empty(),
                    Segment::Wildcard(_) => false,
                };
                this && matches_plainly(pattern, path)
            }
            _ => false,
        }
    }

    proptest! {
        #[test]
        fn the_regular_expression_agrees_with_the_segments(
            pattern in "(/(a|b\\.|\u{e9}|:p|:q|:n<u32>|:m<i64>)){0,3}(/|/\\*w|/a)",
            path in "(/(a|b\\.|bx|%C3%A9|%61|a%2Fb|7|-7|4294967296|)){1,4}",
        ) {
            let Ok(parsed) = Pattern::parse(&pattern) else { return Ok(()) }; // the pattern has a name twice
            let target = Target::parse(Method::Get, &path).unwrap();
            let plainly = matches_plainly(parsed.segments(), &target.segments());
            prop_assert_eq!(matches(&pattern, &path).is_some(), plainly);
        }

        #[test]
        fn two_patterns_that_match_one_path_are_of_the_same_shape_or_in_order(
            a in "(/(a|:p|:n<u32>)){0,2}(/\\*w|/7|/:x)",
            b in "(/(a|:p|:n<u32>)){0,2}(/\\*w|/7|/:x)",
            path in "(/(a|7)){1,4}",
        ) {
            // A pattern with `:p` twice is invalid and is skipped.
            let (Ok(first), Ok(second)) = (Pattern::parse(&a), Pattern::parse(&b)) else { return Ok(()) };
            let both = matches(&a, &path).and(matches(&b, &path));
            let in_order = first.compare_specificity(&second).is_ne();
            prop_assert!(both.is_none() || in_order || first.has_same_shape(&second));
        }
    }
}
