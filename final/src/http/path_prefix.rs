//! A path and everything below it, in whole segments: `/admin` contains `/admin/a`, but not
//! `/administrator`.

use super::Target;
use super::percent::encode_segment;

/// A path prefix, in the canonical encoding of [`Target::path`], without a slash at its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PathPrefix(String);

impl PathPrefix {
    /// Creates the prefix with the segments of `path`, which is not percent-encoded. `/` contains
    /// every path.
    pub fn new(path: &str) -> PathPrefix {
        let mut prefix = String::new();
        for segment in path.split('/').filter(|segment| !segment.is_empty()) {
            prefix.push('/');
            prefix.extend(encode_segment(segment));
        }
        PathPrefix(prefix)
    }

    /// Returns whether the target is at this path or below it.
    ///
    /// The comparison uses the same path as the router. If two parts of a program decode a path in
    /// different ways, an attacker can use a spelling that the first part does not recognize but
    /// the second serves.
    pub fn contains(&self, target: &Target) -> bool {
        let rest = target.path().strip_prefix(&self.0);
        self.0.is_empty() || rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::Method;

    #[test]
    fn a_prefix_has_whole_segments_however_they_are_spelled() {
        let table = [
            ("/admin", "/admin", true),
            ("/admin", "/admin/", true),
            ("/admin", "/admin?x", true),
            ("/admin", "/admin/a/b", true),
            ("/admin", "/%61dmin/a", true),
            ("/admin", "/administrator", false),
            ("/admin", "/admin%2Fa", false),
            ("/admin", "/a/admin", false),
            ("/admin", "/", false),
            ("/admin/", "/admin", true),
            ("/a b/é", "/a%20b/%C3%A9/c", true),
            ("/", "/anything", true),
            ("", "/", true),
        ];
        for (prefix, target, expected) in table {
            let target = Target::parse(Method::Get, target).unwrap();
            assert_eq!(PathPrefix::new(prefix).contains(&target), expected, "{prefix} {target:?}");
        }
        let server = Target::parse(Method::Options, "*").unwrap();
        assert!(PathPrefix::new("/").contains(&server));
    }
}
