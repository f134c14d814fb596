//! A request, as a handler sees it.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::str::FromStr;
use std::sync::Arc;

use super::body::RequestBody;
use super::extensions::Extensions;
use super::parser::Head;
use super::recycled::Text;
use super::routes::{Matched, RouteMeta};
use super::url::UrlError;
use super::{HeaderName, HeaderValue, Headers, HttpError, Method, Status, Target, Version, header};

/// A complete request. It owns its parts, so a handler may keep them, and they are private, so that
/// where they are kept can change.
#[derive(Debug)]
pub struct Request {
    head: Head,
    text: Text,
    body: RequestBody,
    trailers: Headers,
    peer: SocketAddr,
    matched: Option<Matched>,
    previous_route: PreviousRoute,
    id: Option<String>,
    extensions: Extensions,
}

/// The route of the request that was here before. Whoever counts the owners of something disturbs all other threads
/// that count them, and most requests are for the same few routes: so what belongs to a route is kept for the next one.
/// Nobody can ask for it.
#[derive(Default)]
struct PreviousRoute(Option<Arc<RouteMeta>>);

impl fmt::Debug for PreviousRoute {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("PreviousRoute")
    }
}

impl Request {
    /// Puts a request together from what was read.
    pub fn new(head: Head, body: RequestBody, trailers: Headers, peer: SocketAddr) -> Request {
        let (text, extensions) = (Text::default(), Extensions::default());
        let (matched, previous_route, id) = (None, PreviousRoute::default(), None);
        Request { head, text, body, trailers, peer, matched, previous_route, id, extensions }
    }

    /// Its head, and room for the text of it, to be filled.
    pub(super) fn head_mut(&mut self) -> (&mut Head, &mut Text) {
        (&mut self.head, &mut self.text)
    }

    /// Its head.
    pub(super) fn head(&self) -> &Head {
        &self.head
    }

    /// The bytes that it takes up in memory, without its body.
    pub(super) fn memory(&self) -> usize {
        size_of::<Request>() + self.text.capacity() + self.head.headers.memory()
    }

    /// Adds what has come behind the head, and from whom.
    pub(super) fn complete(&mut self, body: RequestBody, trailers: Headers, peer: SocketAddr) {
        self.body = body;
        self.trailers = trailers;
        self.peer = peer;
    }

    /// Adds from whom it is.
    pub(super) fn set_peer(&mut self, peer: SocketAddr) {
        self.peer = peer;
    }

    /// Takes out all that is in it, and keeps the room for the next one.
    pub(super) fn clear(&mut self) {
        // All fields are named, so that the compiler objects if one is forgotten.
        let Request { head, text, body, trailers, peer, matched, previous_route, id, extensions } =
            self;
        head.clear();
        text.clear();
        *body = RequestBody::default();
        trailers.clear();
        *peer = NOBODY;
        if let Some(matched) = matched.take() {
            previous_route.0 = Some(matched.into_meta());
        }
        *id = None;
        extensions.clear();
    }

    /// What is asked for.
    pub fn method(&self) -> Method {
        self.head.method
    }

    /// What it is asked of.
    pub fn target(&self) -> &Target {
        &self.head.target
    }

    /// The path in its canonical form: see [`Target::path`].
    pub fn path(&self) -> &str {
        self.head.target.path()
    }

    /// The version that the client speaks.
    pub fn version(&self) -> Version {
        self.head.version
    }

    /// The fields of the head.
    pub fn headers(&self) -> &Headers {
        &self.head.headers
    }

    /// The host that is asked: that of an absolute target, or else the Host field (RFC 9112 section 3.2.2).
    pub fn host(&self) -> Option<&str> {
        self.target().authority().or_else(|| self.headers().get(header::HOST)?.to_str())
    }

    /// The body.
    pub fn body(&self) -> &RequestBody {
        &self.body
    }

    /// The body, to be read.
    pub fn body_mut(&mut self) -> &mut RequestBody {
        &mut self.body
    }

    /// The fields that came behind a chunked body.
    pub fn trailers(&self) -> &Headers {
        &self.trailers
    }

    /// The client's address.
    pub fn peer(&self) -> SocketAddr {
        self.peer
    }

    /// The name of this one request, in the log and elsewhere, if it has been given one.
    pub fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// Gives the request a name.
    pub fn set_id(&mut self, id: String) {
        self.id = Some(id);
    }

    /// What other parts of the program have found out about this request.
    pub fn extensions(&self) -> &Extensions {
        &self.extensions
    }

    /// The same, to add to it.
    pub fn extensions_mut(&mut self) -> &mut Extensions {
        &mut self.extensions
    }

    /// Whether the client wants to use the connection again (RFC 9112 section 9.3).
    pub fn wants_keep_alive(&self) -> bool {
        if !self.headers().contains(header::CONNECTION) {
            return self.version() == Version::Http11; // nothing else is said, as nearly always
        }
        let has = |option: &str| {
            self.headers().list(header::CONNECTION).any(|it| it.eq_ignore_ascii_case(option))
        };
        match self.version() {
            Version::Http11 => !has("close"),
            Version::Http10 => has("keep-alive") && !has("close"),
        }
    }

    /// Notes which route was found for this request.
    pub fn set_matched(&mut self, matched: Matched) {
        self.matched = Some(matched);
    }

    /// A share in what is known of the route that was found: the one that is here already, if the request before had
    /// the same route.
    pub(super) fn share_meta(&mut self, meta: &Arc<RouteMeta>) -> Arc<RouteMeta> {
        match self.previous_route.0.take() {
            Some(before) if Arc::ptr_eq(&before, meta) => before,
            _ => Arc::clone(meta),
        }
    }

    /// What the router found out about this request.
    pub fn matched(&self) -> Option<&Matched> {
        self.matched.as_ref()
    }

    /// The pattern of the route that was found, such as `/users/:id<u32>`. There are few of them, however
    /// many paths clients ask for.
    pub fn route(&self) -> Option<&str> {
        Some(self.matched.as_ref()?.pattern())
    }

    /// What a parameter of the pattern stands for in this request's path, decoded.
    pub fn param(&self, name: &str) -> Option<&str> {
        self.matched.as_ref()?.param(name)
    }

    /// The same as a value of a type.
    ///
    /// # Errors
    /// 400 when there is no such parameter, or it does not fit the type. With a typed parameter
    /// (`:id<u32>`) neither can happen: the router has checked it.
    pub fn parse_param<T: FromStr>(&self, name: &str) -> Result<T, HttpError> {
        self.param(name).and_then(|value| value.parse().ok()).ok_or_else(|| {
            let message = format!("the path must have a valid `{name}`");
            HttpError::new(Status::BAD_REQUEST, "bad_parameter", message)
        })
    }

    /// The path of the route with this name, with these values for its parameters.
    ///
    /// # Errors
    /// [`UrlError`] for a name or parameters that the routes do not have.
    pub fn url_for(&self, name: &str, params: &[(&str, &str)]) -> Result<String, UrlError> {
        match &self.matched {
            Some(matched) => matched.urls().url_for(name, params),
            None => Err(UrlError::UnknownName(name.to_string())),
        }
    }

    /// A request that nobody sent, for the test of a handler.
    pub fn builder(method: Method, target: &str) -> RequestBuilder {
        RequestBuilder {
            method,
            target: target.to_string(),
            headers: Headers::new(),
            body: Vec::new(),
            peer: SocketAddr::from((Ipv4Addr::LOCALHOST, 50_000)),
        }
    }
}

/// The address of who has not come yet.
const NOBODY: SocketAddr = SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 0));

impl Default for Request {
    /// A request that says nothing yet.
    fn default() -> Request {
        Request::new(Head::default(), RequestBody::default(), Headers::new(), NOBODY)
    }
}

/// Builds a request for the test of a handler.
#[derive(Debug)]
pub struct RequestBuilder {
    method: Method,
    target: String,
    headers: Headers,
    body: Vec<u8>,
    peer: SocketAddr,
}

impl RequestBuilder {
    /// Adds a field.
    ///
    /// # Panics
    /// When name or value could not be in a request.
    pub fn header(mut self, name: &str, value: &str) -> RequestBuilder {
        self.headers.append(
            HeaderName::try_from(name).expect("a test gives a valid field name"),
            HeaderValue::try_from(value).expect("a test gives a valid field value"),
        );
        self
    }

    /// Gives it a body.
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> RequestBuilder {
        self.body = body.into();
        self
    }

    /// Lets it come from another address than this machine's own.
    pub fn peer(self, peer: SocketAddr) -> RequestBuilder {
        RequestBuilder { peer, ..self }
    }

    /// The request, as if it had come from this machine.
    ///
    /// # Panics
    /// When the target could not be in a request.
    pub fn build(self) -> Request {
        let head = Head {
            method: self.method,
            target: Target::parse(self.method, &self.target).expect("a test gives a valid target"),
            version: Version::Http11,
            headers: self.headers,
            body_length: super::framing::BodyLength::Fixed(self.body.len() as u64),
        };
        Request::new(head, RequestBody::from(self.body), Headers::new(), self.peer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_is_kept_unless_an_element_of_the_list_says_close() {
        let table = [
            (Version::Http11, "", true),
            (Version::Http11, "close", false),
            (Version::Http11, "Close, TE", false),
            (Version::Http11, "TE,close", false),
            (Version::Http11, "not-close", true),
            (Version::Http10, "", false),
            (Version::Http10, "Keep-Alive", true),
            (Version::Http10, "keep-alive, close", false),
        ];
        for (version, connection, kept) in table {
            let mut request =
                Request::builder(Method::Get, "/").header("Connection", connection).build();
            request.head.version = version;
            assert_eq!(request.wants_keep_alive(), kept, "{version}, {connection:?}");
        }
    }

    #[test]
    fn nothing_of_a_request_is_left_for_the_next_one() {
        let mut request = Request::builder(Method::Post, "http://a/b%20c?d")
            .header("Content-Length", "2")
            .header("Cookie", "secret=1")
            .header("A", "b")
            .body("hi")
            .build();
        request.trailers.append(header::EXPECT, HeaderValue::from_static("x"));
        request.set_id("7".to_string());
        request.extensions_mut().insert("user");
        let head = b"POST http://a/b%20c?d HTTP/1.1\r\nCookie: secret=1\r\n\r\n";
        let cookie = request.text.piece(head, 32..48);
        assert_eq!(cookie.as_deref(), Some(&b"Cookie: secret=1"[..]));
        assert!(request.text.piece(head, 0..head.len()).is_some());
        let mut router = crate::http::Router::new();
        router.get("/", |_: &mut Request| "");
        router.any("/b c", |_: &mut Request| "");
        crate::http::Handler::handle(&router.build().unwrap(), &mut request);
        assert!(request.matched().is_some());
        request.clear();
        // The room for the next head stays, and is empty.
        assert_eq!(format!("{:?}", request.text), r#"Text(Some(""))"#);
        request.text = Text::default();
        assert_eq!(format!("{request:?}"), format!("{:?}", Request::default()));
    }

    #[test]
    fn the_next_request_for_a_route_takes_over_the_share_of_the_one_before() {
        let mut router = crate::http::Router::new();
        router.get("/a", |_: &mut Request| "");
        router.get("/b", |_: &mut Request| "");
        let routes = router.build().unwrap();
        let mut request = Request::default();
        let mut ask = |path: &str| {
            let target = Target::parse(Method::Get, path).unwrap();
            request.clear();
            assert_eq!(request.route(), None);
            *request.head_mut().0 = Head { target, ..Head::default() };
            crate::http::Handler::handle(&routes, &mut request);
            let matched = request.matched()?;
            Some((matched.pattern().to_string(), matched.owners()))
        };
        // The table has one share, the request the other.
        for path in ["/a", "/a", "/b", "/b", "/a"] {
            assert_eq!(ask(path), Some((path.to_string(), 2)));
        }
        assert_eq!(ask("/none"), None);
        assert_eq!(ask("/a"), Some(("/a".to_string(), 2)));
    }

    #[test]
    fn a_head_of_which_somebody_has_kept_a_part_stays_with_them() {
        let mut request = Request::default();
        let (first, second) = ([b'a'; 40], [b'b'; 40]);
        let kept = request.text.piece(&first, 1..40);
        request.clear();
        let other = request.text.piece(&second, 0..40);
        assert_eq!((kept.as_deref(), other.as_deref()), (Some(&first[1..]), Some(&second[..])));
        assert_eq!(request.text.piece(b"caf\xE9", 0..9), None, "there is not so much");
    }

    #[test]
    fn a_long_part_of_what_is_no_text_is_no_piece() {
        let mut head = [b'a'; 40];
        head[7] = 0xE9;
        assert_eq!(Request::default().text.piece(&head, 8..40), None);
    }

    #[test]
    fn an_absolute_target_outweighs_the_host_field() {
        let request =
            Request::builder(Method::Get, "http://a.example/x").header("Host", "b.example");
        assert_eq!(request.build().host(), Some("a.example"));
        let request = Request::builder(Method::Get, "/x").header("Host", "b.example");
        let request = request.build();
        assert_eq!((request.host(), request.path()), (Some("b.example"), "/x"));
    }
}
