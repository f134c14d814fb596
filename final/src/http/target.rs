//! The request target: which resource is meant, decoded once and never again.
//!
//! Every later question, which route, which file, which rule applies, is put to the one canonical path made here. Two
//! parts that decoded on their own, or one that decoded twice, would see two paths in `%2561dmin`.

use std::error::Error;
use std::fmt;
use std::ops::Range;
use std::sync::OnceLock;

use crate::http::authority::port_of;
use crate::http::authority::valid_authority;
use crate::http::method::Method;
use crate::http::percent::decode_segment;
use crate::http::percent::encode_segment;
use crate::http::percent::is_canonical;

/// The second part of a request line, taken apart (RFC 9112 section 3.2).
///
/// As a rule its path is canonical as it was sent. Then all parts of it are parts of what was sent, and nothing more is
/// made of it.
#[derive(Clone)]
pub struct Target {
    raw: String,
    form: TargetForm,
    /// Where these are in `raw`.
    authority: Option<Range<usize>>,
    query: Option<Range<usize>>,
    path: Path,
    /// Made when somebody asks for them. Few handlers do.
    segments: OnceLock<Vec<String>>,
}

/// A target that was larger does not keep its room.
const MAX_KEPT_TARGET: usize = 1024;

/// The canonical path.
#[derive(Clone)]
enum Path {
    /// What was sent: this part of it.
    Sent(Range<usize>),
    /// Something else.
    Made(String),
}

/// The four ways to write a target (RFC 9112 sections 3.2.1 to 3.2.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TargetForm {
    /// `/path?query`: the usual one. The host stands in `Host`.
    Origin,
    /// `http://host/path?query`: what a proxy gets. Any server must take it, and its host goes before `Host`.
    Absolute,
    /// `host:port`: for CONNECT only.
    Authority,
    /// `*`: the server as a whole, for OPTIONS only.
    Asterisk,
}

impl Default for Target {
    /// A target that nobody has sent yet: it has neither a path nor anything else.
    fn default() -> Target {
        let (raw, path) = (String::new(), Path::Sent(0..0));
        let form = TargetForm::Origin;
        Target { raw, form, authority: None, query: None, path, segments: OnceLock::new() }
    }
}

impl Target {
    /// Takes apart the target of a request with that method; the method decides which forms are allowed.
    ///
    /// Dot segments stay as they are: for a client they are gone before it sends, and whoever opens files has to refuse
    /// them in any case, since `%2e%2e%2f` decodes to them. The query is left raw, also if its `%` are wrong: browsers
    /// send what a user types, and only a reader of the query needs it decoded.
    ///
    /// # Errors
    /// An [`InvalidTarget`] for what the grammar does not allow (400). Not repaired: another server of a chain might
    /// repair it in another way.
    pub fn parse(method: Method, raw: &str) -> Result<Target, InvalidTarget> {
        let mut target = Target::default();
        target.read(method, raw)?;
        Ok(target)
    }

    /// The same in the place of another target: nothing but its room is left of that.
    ///
    /// # Errors
    /// As [`Target::parse`]. It is nobody's target then.
    pub(super) fn read(&mut self, method: Method, raw: &str) -> Result<(), InvalidTarget> {
        self.clear();
        self.raw.push_str(raw);
        // The usual one: a path and nothing else, in which nothing is encoded.
        if raw.starts_with('/') && is_canonical(raw) && method != Method::Connect {
            self.path = Path::Sent(0..raw.len());
            return Ok(());
        }
        let Parts { form, authority, query, path, segments } = Parts::of(method, raw)?;
        (self.form, self.authority, self.query, self.path) = (form, authority, query, path);
        self.segments = segments.map(OnceLock::from).unwrap_or_default();
        Ok(())
    }

    /// Becomes a target that nobody has sent yet. Keeps its room, unless that is large.
    pub(super) fn clear(&mut self) {
        // All fields are named, so that the compiler objects if one is forgotten.
        let Target { raw, form, authority, query, path, segments } = self;
        if raw.capacity() > MAX_KEPT_TARGET {
            *raw = String::new();
        }
        raw.clear();
        (*form, *authority, *query, *path) = (TargetForm::Origin, None, None, Path::Sent(0..0));
        segments.take();
    }

    /// The target as it stood in the request line: for logs, never for decisions.
    pub fn raw(&self) -> &str {
        &self.raw
    }

    /// Which of the four forms it has.
    pub fn form(&self) -> TargetForm {
        self.form
    }

    /// The `host` or `host:port` in the target itself, if it has one; it goes before the `Host` field.
    pub fn authority(&self) -> Option<&str> {
        self.raw().get(self.authority.clone()?)
    }

    /// The canonical path: every segment decoded once and encoded again in the one way we have.
    ///
    /// So `/us%65rs` is `/users`, and `/a%2fb` is `/a%2Fb`, one segment. Starts with `/`, but for `*` (the server as a
    /// whole) and the empty path of CONNECT. Parsing a canonical path gives the same path.
    pub fn path(&self) -> &str {
        match &self.path {
            Path::Sent(part) => self.raw.get(part.clone()).unwrap_or_default(),
            Path::Made(path) => path,
        }
    }

    /// The path's segments, decoded once: `/a%2Fb/` has `a/b` and an empty one, `/` has an empty one.
    pub fn segments(&self) -> &[String] {
        // A canonical path that was sent as it is has nothing to decode: in it, every `%` would be one that was sent.
        self.segments.get_or_init(|| {
            let path = self.path();
            let path = path.strip_prefix('/').unwrap_or(path);
            path.split('/').map(str::to_owned).collect()
        })
    }

    /// The path, if nothing in it is encoded: its segments are what stands between its slashes.
    pub(super) fn plain_path(&self) -> Option<&str> {
        matches!(self.path, Path::Sent(_)).then(|| self.path())
    }

    /// The path for people to read. Not for matching: `/a%2Fb` and `/a/b` look the same here.
    pub fn decoded_path(&self) -> String {
        if self.segments().is_empty() {
            return self.path().to_owned();
        }
        let mut path = String::with_capacity(self.path().len());
        for segment in self.segments() {
            path.push('/');
            path.push_str(segment);
        }
        path
    }

    /// What stands after the first `?`, still encoded; `Some("")` for a `?` at the end.
    pub fn query(&self) -> Option<&str> {
        self.raw().get(self.query.clone()?)
    }
}

/// What a target says.
struct Parts {
    form: TargetForm,
    authority: Option<Range<usize>>,
    query: Option<Range<usize>>,
    path: Path,
    segments: Option<Vec<String>>,
}

impl Parts {
    fn of(method: Method, raw: &str) -> Result<Parts, InvalidTarget> {
        // What can stand in no target at all.
        if raw.is_empty() {
            return Err(InvalidTarget::Empty);
        }
        if let Some(byte) = raw.bytes().find(|byte| !byte.is_ascii_graphic()) {
            return Err(InvalidTarget::Byte(byte));
        }
        if raw.contains('#') {
            return Err(InvalidTarget::Fragment);
        }

        // CONNECT has a form of its own.
        if method == Method::Connect {
            let has_host_and_port =
                !raw.starts_with(':') && port_of(raw).is_some_and(|port| !port.is_empty());
            if !has_host_and_port || !valid_authority(raw) {
                return Err(InvalidTarget::Authority);
            }
            return Ok(Parts::whole(TargetForm::Authority, Some(0..raw.len()), ""));
        }

        // The others are told apart by how they start.
        if raw == "*" {
            return match method {
                Method::Options => Ok(Parts::whole(TargetForm::Asterisk, None, "*")),
                _ => Err(InvalidTarget::Asterisk),
            };
        }
        if raw.starts_with('/') {
            return Parts::with_path(raw, TargetForm::Origin, None, 0);
        }
        let authority = split_absolute(raw)?;
        let end = authority.end;
        // An OPTIONS of `http://host`, without even a slash, is what `*` was before a proxy (RFC 9112 section 3.2.4).
        if method == Method::Options && end == raw.len() {
            return Ok(Parts::whole(TargetForm::Absolute, Some(authority), "*"));
        }
        Parts::with_path(raw, TargetForm::Absolute, Some(authority), end)
    }

    /// A target that names no path of this server.
    fn whole(form: TargetForm, authority: Option<Range<usize>>, path: &str) -> Parts {
        let (path, segments) = (Path::Made(path.to_owned()), Some(Vec::new()));
        Parts { form, authority, query: None, path, segments }
    }

    /// A target with `/path`, `/path?query`, `?query` or nothing after the authority, which ends at `start`.
    fn with_path(
        raw: &str,
        form: TargetForm,
        authority: Option<Range<usize>>,
        start: usize,
    ) -> Result<Parts, InvalidTarget> {
        let (end, query) = match raw[start..].find('?') {
            Some(at) => (start + at, Some(start + at + 1..raw.len())),
            None => (raw.len(), None),
        };
        let sent = &raw[start..end];
        if sent.starts_with('/') && is_canonical(sent) {
            return Ok(Parts {
                form,
                authority,
                query,
                path: Path::Sent(start..end),
                segments: None,
            });
        }
        // `http://host` has an empty path, which means `/` (RFC 9110 section 4.2.3).
        let sent = sent.strip_prefix('/').unwrap_or(sent);
        let segments = sent.split('/').map(decode_segment).collect::<Result<Vec<_>, _>>()?;
        let path = Path::Made(canonical(&segments));
        Ok(Parts { form, authority, query, path, segments: Some(segments) })
    }
}

impl PartialEq for Target {
    fn eq(&self, other: &Target) -> bool {
        // All else follows from these.
        (self.raw(), self.form, self.path()) == (other.raw(), other.form, other.path())
    }
}

impl Eq for Target {}

impl fmt::Debug for Target {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Target({:?}, {:?})", self.form, self.raw())
    }
}

/// The path of these segments.
fn canonical(segments: &[String]) -> String {
    let mut path = String::new();
    for segment in segments {
        path.push('/');
        path.extend(encode_segment(segment));
    }
    path
}

/// Where the authority of `http://host:port/path?query` is.
fn split_absolute(raw: &str) -> Result<Range<usize>, InvalidTarget> {
    let (scheme, rest) = raw.split_once("://").ok_or(InvalidTarget::NotAPath)?;
    // Schemes are case-insensitive (RFC 3986 section 3.1). TLS may end before us, so `https` is ours as well.
    if !["http", "https"].iter().any(|known| scheme.eq_ignore_ascii_case(known)) {
        return Err(InvalidTarget::Scheme);
    }
    let authority = &rest[..rest.find(['/', '?']).unwrap_or(rest.len())];
    // In a URI, unlike in `Host`, the host must not be empty (RFC 9110 section 4.2.1).
    if authority.is_empty() || authority.starts_with(':') || !valid_authority(authority) {
        return Err(InvalidTarget::Authority);
    }
    let start = raw.len() - rest.len();
    Ok(start..start + authority.len())
}

/// Why a target is refused, always with 400.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InvalidTarget {
    /// Nothing stands between the two spaces of the request line.
    Empty,
    /// A byte that is not visible ASCII: a target has to be encoded before it is sent.
    Byte(u8),
    /// A `#`: the fragment is the browser's own business and is never sent.
    Fragment,
    /// Neither `/path` nor an absolute URI, such as `users` or `host:80`.
    NotAPath,
    /// An absolute URI of another scheme than http and https.
    Scheme,
    /// A bad or missing host or port, or a `user@` before it.
    Authority,
    /// `*` with another method than OPTIONS.
    Asterisk,
    /// A `%` without two hex digits after it.
    Escape,
    /// Bytes that, decoded, are not UTF-8.
    Utf8,
}

impl fmt::Display for InvalidTarget {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            InvalidTarget::Empty => out.write_str("the request target is empty"),
            InvalidTarget::Byte(byte) => {
                write!(out, "byte 0x{byte:02X} in the request target; write it as %{byte:02X}")
            }
            InvalidTarget::Fragment => {
                out.write_str("# in the request target; a fragment is not sent, a literal # is %23")
            }
            InvalidTarget::NotAPath => {
                out.write_str("the request target is neither a /path nor an absolute http URI")
            }
            InvalidTarget::Scheme => {
                out.write_str("the request target is a URI of another scheme than http and https")
            }
            InvalidTarget::Authority => {
                out.write_str("the request target has no valid host and port")
            }
            InvalidTarget::Asterisk => out.write_str("the request target * is for OPTIONS only"),
            InvalidTarget::Escape => {
                out.write_str("% without two hex digits in the path; a literal % is %25")
            }
            InvalidTarget::Utf8 => out.write_str("the path is not UTF-8 once it is decoded"),
        }
    }
}

impl Error for InvalidTarget {}

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
            let is_plain = raw.starts_with(path) && !path.contains('%');
            assert_eq!(target.plain_path(), is_plain.then_some(path), "{raw}");
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
    fn what_the_grammar_does_not_allow_is_refused() {
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
