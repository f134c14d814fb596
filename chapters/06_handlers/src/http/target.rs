//! The request target, which identifies the resource. It is decoded once.
//!
//! The route, the file and the applicable rules are all chosen by the one canonical path that is
//! computed here. If two parts of the program each decoded the path, or one part decoded it twice,
//! they could get different paths from `%2561dmin`.

use std::borrow::Cow;
use std::ops::Range;

use memchr::memchr;

use crate::http::authority::split_port;
use crate::http::authority::valid_authority;
use crate::http::invalid_target::InvalidTarget;
use crate::http::method::Method;
use crate::http::percent::decode_segment;
use crate::http::percent::encode_segment;
use crate::http::percent::is_canonical;

/// A parsed request target, the second part of the request line (RFC 9112 section 3.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    raw: String,
    form: TargetForm,
    /// The position of the authority in `raw`.
    authority: Option<Range<usize>>,
    path: Range<usize>,
    query: Option<Range<usize>>,
    /// The canonical path, if it differs from the path as it was sent.
    canonical: Option<String>,
}

/// The four forms of a request target (RFC 9112 sections 3.2.1 to 3.2.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TargetForm {
    /// `/path?query`, the usual form. The host is in the `Host` field.
    Origin,
    /// `http://host/path?query`, for requests to a proxy. Every server must accept it, and its host
    /// overrides `Host`.
    Absolute,
    /// `host:port`, for CONNECT only.
    Authority,
    /// `*`, which means the server as a whole, for OPTIONS only.
    Asterisk,
}

impl Target {
    /// Parses the target of a request with this method, which determines the allowed forms.
    ///
    /// Dot segments are kept: a client removes them before it sends the request, and code that
    /// opens files must reject them in any case, since `%2e%2e%2f` decodes to them. The query is
    /// not decoded, and its `%` escapes are not checked: browsers send a `%` as the user typed it,
    /// and only a handler that reads the query has to decode it.
    ///
    /// # Errors
    /// Returns [`InvalidTarget`] for a target that the grammar does not allow (400). It is not
    /// repaired, since another server on the path might repair it differently.
    pub fn parse(method: Method, raw: &str) -> Result<Target, InvalidTarget> {
        // No form allows control bytes, spaces, bytes above ASCII, or `#`.
        if raw.is_empty() {
            return Err(InvalidTarget::Empty);
        }
        match raw.bytes().find(|byte| !byte.is_ascii_graphic() || *byte == b'#') {
            Some(b'#') => return Err(InvalidTarget::Fragment),
            Some(byte) => return Err(InvalidTarget::Byte(byte)),
            None => {}
        }

        // CONNECT has its own form.
        if method == Method::Connect {
            let (host, port) = split_port(raw);
            let has_both = !host.is_empty() && port.is_some_and(|port| !port.is_empty());
            if !has_both || !valid_authority(raw) {
                return Err(InvalidTarget::Authority);
            }
            return Ok(Target::whole(raw, TargetForm::Authority, Some(0..raw.len()), ""));
        }

        // The other forms differ in their first character.
        if raw == "*" {
            return match method {
                Method::Options => Ok(Target::whole(raw, TargetForm::Asterisk, None, "*")),
                _ => Err(InvalidTarget::Asterisk),
            };
        }
        if raw.starts_with('/') {
            return Target::with_path(raw, TargetForm::Origin, None, 0);
        }
        let authority = split_absolute(raw)?;
        let end = authority.end;
        // A proxy forwards `OPTIONS *` as `OPTIONS http://host`, without a slash (RFC 9112
        // section 3.2.4).
        if method == Method::Options && end == raw.len() {
            return Ok(Target::whole(raw, TargetForm::Absolute, Some(authority), "*"));
        }
        Target::with_path(raw, TargetForm::Absolute, Some(authority), end)
    }

    /// Creates a target whose raw text contains no path, only perhaps an authority.
    /// [`Target::path`] returns `path`.
    fn whole(raw: &str, form: TargetForm, authority: Option<Range<usize>>, path: &str) -> Target {
        let canonical = Some(path.to_owned());
        Target { raw: raw.to_owned(), form, authority, path: 0..0, query: None, canonical }
    }

    /// Creates a target with `/path`, `/path?query`, `?query` or nothing from `start` on, after the
    /// authority.
    fn with_path(
        raw: &str,
        form: TargetForm,
        authority: Option<Range<usize>>,
        start: usize,
    ) -> Result<Target, InvalidTarget> {
        let question_mark = memchr(b'?', &raw.as_bytes()[start..]).map(|at| start + at);
        let query = question_mark.map(|at| at + 1..raw.len());
        let path = start..question_mark.unwrap_or(raw.len());
        let sent = &raw[path.clone()];
        let canonical = if is_canonical(sent) { None } else { Some(canonical_path(sent)?) };
        Ok(Target { raw: raw.to_owned(), form, authority, path, query, canonical })
    }

    /// Returns the target as it was sent. It is meant for logs and not for decisions.
    pub fn raw(&self) -> &str {
        &self.raw
    }

    /// Returns the form of the target.
    pub fn form(&self) -> TargetForm {
        self.form
    }

    /// Returns the `host` or `host:port` in the target itself, if there is one. It overrides the
    /// `Host` field.
    pub fn authority(&self) -> Option<&str> {
        self.raw.get(self.authority.clone()?)
    }

    /// Returns the canonical path: each segment is decoded once and encoded again in one canonical
    /// way. Most paths arrive in this form.
    ///
    /// So `/us%65rs` becomes `/users`, and `/a%2fb` becomes `/a%2Fb`, one segment. The path starts
    /// with `/`, except for `*` (the server as a whole) and the empty path of CONNECT. Parsing a
    /// canonical path gives the same path.
    pub fn path(&self) -> &str {
        self.canonical.as_deref().unwrap_or(&self.raw[self.path.clone()])
    }

    /// Returns the decoded segments of the path: `a/b` and an empty segment for `/a%2Fb/`, and one
    /// empty segment for `/`. Each call decodes the canonical path again.
    pub fn segments(&self) -> Vec<String> {
        self.decoded_segments().map(Cow::into_owned).collect()
    }

    /// Returns the same segments one by one. A segment without an escape sequence is not copied.
    pub fn decoded_segments(&self) -> impl Iterator<Item = Cow<'_, str>> {
        let path = self.path().strip_prefix('/').into_iter();
        // Decoding cannot fail, because the path is in its canonical encoding.
        path.flat_map(|path| path.split('/')).flat_map(decode_segment)
    }

    /// Returns the decoded path for display. It must not be used for matching, because `/a%2Fb` and
    /// `/a/b` become the same text.
    pub fn decoded_path(&self) -> String {
        self.path().split('/').flat_map(decode_segment).collect::<Vec<_>>().join("/")
    }

    /// Returns the part after the first `?`, still encoded, or `Some("")` for a `?` at the end.
    pub fn query(&self) -> Option<&str> {
        self.raw.get(self.query.clone()?)
    }
}

/// Decodes each segment once and encodes it again.
fn canonical_path(sent: &str) -> Result<String, InvalidTarget> {
    let mut canonical = String::with_capacity(sent.len() + 1);
    // `http://host` has an empty path, which is equivalent to `/` (RFC 9110 section 4.2.3).
    for segment in sent.strip_prefix('/').unwrap_or(sent).split('/') {
        canonical.push('/');
        canonical.extend(encode_segment(&decode_segment(segment)?));
    }
    Ok(canonical)
}

/// Returns the byte range of the authority in `http://host:port/path?query`.
fn split_absolute(raw: &str) -> Result<Range<usize>, InvalidTarget> {
    let (scheme, rest) = raw.split_once("://").ok_or(InvalidTarget::NotAPath)?;
    // Schemes are case-insensitive (RFC 3986 section 3.1). A proxy may terminate TLS, so `https` is
    // valid as well.
    if !["http", "https"].iter().any(|known| scheme.eq_ignore_ascii_case(known)) {
        return Err(InvalidTarget::Scheme);
    }
    let start = raw.len() - rest.len();
    let authority = &rest[..rest.find(['/', '?']).unwrap_or(rest.len())];
    // In a URI, unlike in `Host`, the host must not be empty (RFC 9110 section 4.2.1).
    if authority.is_empty() || authority.starts_with(':') || !valid_authority(authority) {
        return Err(InvalidTarget::Authority);
    }
    Ok(start..start + authority.len())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn get(raw: &str) -> Target {
        Target::parse(Method::Get, raw).unwrap_or_else(|error| panic!("{raw}: {error}"))
    }

    #[test]
    fn a_path_is_decoded_once_and_encoded_in_one_way() {
        let cases: [(&str, &str, &[&str], Option<&str>); 18] = [
            ("/", "/", &[""], None),
            ("/users", "/users", &["users"], None),
            ("/us%65rs", "/users", &["users"], None),
            ("/a/b/", "/a/b/", &["a", "b", ""], None),
            ("//path", "//path", &["", "path"], None),
            ("/a//b", "/a//b", &["a", "", "b"], None),
            ("/a%2Fb", "/a%2Fb", &["a/b"], None),
            ("/a%2fb", "/a%2Fb", &["a/b"], None),
            ("/%2561dmin", "/%2561dmin", &["%61dmin"], None),
            ("/caf%c3%a9", "/caf%C3%A9", &["café"], None),
            ("/a%20b", "/a%20b", &["a b"], None),
            ("/a+b%2B", "/a+b+", &["a+b+"], None),
            ("/a|b", "/a%7Cb", &["a|b"], None),
            ("/-._~!$&'()*+,;=:@", "/-._~!$&'()*+,;=:@", &["-._~!$&'()*+,;=:@"], None),
            ("/../%2e%2e/.", "/../../.", &["..", "..", "."], None),
            ("/a?b=c%zz&d", "/a", &["a"], Some("b=c%zz&d")),
            ("/a?", "/a", &["a"], Some("")),
            ("/a?b?c/d", "/a", &["a"], Some("b?c/d")),
        ];
        for (raw, path, segments, query) in cases {
            let target = get(raw);
            assert_eq!((target.path(), target.query()), (path, query), "{raw}");
            assert_eq!(target.segments(), segments, "{raw}");
            assert_eq!(
                (target.raw(), target.form(), target.authority()),
                (raw, TargetForm::Origin, None),
                "{raw}"
            );
        }
    }

    #[test]
    fn an_absolute_target_brings_its_own_authority() {
        let cases = [
            ("http://example.org/a?b", "example.org", "/a", Some("b")),
            ("HTTPS://example.org:8443/", "example.org:8443", "/", None),
            ("http://example.org", "example.org", "/", None),
            ("http://example.org?b", "example.org", "/", Some("b")),
            ("http://[::1]:80/a/b", "[::1]:80", "/a/b", None),
            ("http://example.org//a", "example.org", "//a", None),
            ("http://example.org/a://b", "example.org", "/a://b", None),
        ];
        for (raw, authority, path, query) in cases {
            let target = get(raw);
            assert_eq!(
                (target.form(), target.authority()),
                (TargetForm::Absolute, Some(authority)),
                "{raw}"
            );
            assert_eq!((target.path(), target.query()), (path, query), "{raw}");
        }
    }

    #[test]
    fn an_asterisk_is_the_whole_server_and_for_options_only() {
        for raw in ["*", "http://example.org"] {
            let target = Target::parse(Method::Options, raw).unwrap();
            assert_eq!((target.path(), target.segments().len()), ("*", 0), "{raw}");
            assert_eq!(target.decoded_path(), "*");
        }
        let path = Target::parse(Method::Options, "http://example.org/").unwrap();
        assert_eq!(path.path(), "/");
        assert_eq!(Target::parse(Method::Get, "*"), Err(InvalidTarget::Asterisk));
        assert_eq!(get("/*").path(), "/*");
    }

    #[test]
    fn connect_takes_host_and_port_and_nothing_else() {
        let target = Target::parse(Method::Connect, "example.org:443").unwrap();
        assert_eq!(
            (target.form(), target.authority()),
            (TargetForm::Authority, Some("example.org:443"))
        );
        for raw in [
            "/",
            "example.org",
            "example.org:",
            ":443",
            "http://example.org/",
            "*",
            "u@example.org:443",
        ] {
            assert_eq!(Target::parse(Method::Connect, raw), Err(InvalidTarget::Authority), "{raw}");
        }
    }

    #[test]
    fn invalid_targets_are_rejected() {
        let cases = [
            ("", InvalidTarget::Empty),
            ("/a b", InvalidTarget::Byte(b' ')),
            ("/a\tb", InvalidTarget::Byte(b'\t')),
            ("/\0", InvalidTarget::Byte(0)),
            ("/\x7F", InvalidTarget::Byte(0x7F)),
            ("/é", InvalidTarget::Byte(0xC3)),
            ("/a#b", InvalidTarget::Fragment),
            ("#", InvalidTarget::Fragment),
            ("users", InvalidTarget::NotAPath),
            ("example.org:80", InvalidTarget::NotAPath),
            ("?a", InvalidTarget::NotAPath),
            ("ftp://example.org/", InvalidTarget::Scheme),
            ("://example.org/", InvalidTarget::Scheme),
            ("http://", InvalidTarget::Authority),
            ("http:///a", InvalidTarget::Authority),
            ("http://:80/", InvalidTarget::Authority),
            ("http://[bad/", InvalidTarget::Authority),
            ("http://u:p@example.org/", InvalidTarget::Authority),
            ("/%", InvalidTarget::Escape),
            ("/%4", InvalidTarget::Escape),
            ("/%zz", InvalidTarget::Escape),
            ("/%4/1", InvalidTarget::Escape),
            ("/%%41", InvalidTarget::Escape),
            ("/%+1", InvalidTarget::Escape),
            ("/%ff", InvalidTarget::Utf8),
            ("/%c0%ae%c0%ae/", InvalidTarget::Utf8),
            ("/%c3/%a9", InvalidTarget::Utf8),
        ];
        for (raw, error) in cases {
            assert_eq!(Target::parse(Method::Get, raw), Err(error), "{raw:?}");
            assert!(!error.to_string().is_empty());
        }
    }

    #[test]
    fn the_decoded_path_is_for_people() {
        assert_eq!(get("/caf%C3%A9/a%2Fb/").decoded_path(), "/café/a/b/");
        assert_eq!(get("/").decoded_path(), "/");
    }

    proptest! {
        #[test]
        fn a_canonical_path_is_its_own_canonical_path(raw in "/[ -~]{0,30}") {
            if let Ok(target) = Target::parse(Method::Get, &raw) {
                let again = get(target.path());
                prop_assert_eq!(again.path(), target.path());
                prop_assert_eq!(again.segments(), target.segments());
            }
        }

        #[test]
        fn segments_encoded_into_a_path_come_back_as_they_were(
            segments in proptest::collection::vec(any::<String>(), 1..5),
        ) {
            let mut path = String::new();
            for segment in &segments {
                path.push('/');
                path.extend(encode_segment(segment));
            }
            let target = get(&path);
            prop_assert_eq!(target.segments(), segments.as_slice());
            prop_assert_eq!(target.path(), path.as_str());
            prop_assert_eq!(target.query(), None);
        }

        #[test]
        fn no_target_makes_it_panic(raw: String, method in proptest::sample::select(&Method::ALL[..])) {
            let _ = Target::parse(method, &raw);
        }
    }
}
