//! The request that a handler gets.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::str::FromStr;

use super::body::RequestBody;
use super::extensions::Extensions;
use super::matched::Matched;
use super::parser::Head;
use super::url::UrlError;
use super::{HeaderName, HeaderValue, Headers, HttpError, Method, Status, Target, Version, header};

/// A complete request. It owns its parts, so a handler may keep them. They are private, so that
/// their representation can change.
#[derive(Debug)]
pub struct Request {
    head: Head,
    body: RequestBody,
    trailers: Headers,
    peer: SocketAddr,
    client: IpAddr,
    matched: Option<Matched>,
    id: Option<String>,
    extensions: Extensions,
}

impl Request {
    /// Builds a request from its parsed parts.
    pub fn new(head: Head, body: RequestBody, trailers: Headers, peer: SocketAddr) -> Request {
        let (client, extensions) = (peer.ip().to_canonical(), Extensions::default());
        Request { head, body, trailers, peer, client, matched: None, id: None, extensions }
    }

    pub(super) fn head(&self) -> &Head {
        &self.head
    }

    /// Returns the number of bytes that the request has allocated, without its body.
    pub(super) fn memory(&self) -> usize {
        let line = |(name, value): (&HeaderName, &HeaderValue)| {
            size_of::<(HeaderName, HeaderValue)>() + name.as_str().len() + value.as_bytes().len()
        };
        let fields: usize = self.headers().iter().map(line).sum();
        fields + self.target().raw().len() + self.path().len()
    }

    pub(super) fn complete(&mut self, body: RequestBody, trailers: Headers) {
        self.body = body;
        self.trailers = trailers;
    }

    /// Returns the request method.
    pub fn method(&self) -> Method {
        self.head.method
    }

    /// Returns the request target.
    pub fn target(&self) -> &Target {
        &self.head.target
    }

    /// Returns the path in its canonical form, see [`Target::path`].
    pub fn path(&self) -> &str {
        self.head.target.path()
    }

    /// Returns the client's HTTP version.
    pub fn version(&self) -> Version {
        self.head.version
    }

    /// Returns the fields of the header section.
    pub fn headers(&self) -> &Headers {
        &self.head.headers
    }

    /// Returns the host of an absolute target, or else of the Host field (RFC 9112 section 3.2.2).
    pub fn host(&self) -> Option<&str> {
        self.target().authority().or_else(|| self.headers().get(header::HOST)?.to_str())
    }

    /// Returns the body for inspection, without consuming it.
    pub fn body(&self) -> &RequestBody {
        &self.body
    }

    /// Returns the body for reading.
    pub fn body_mut(&mut self) -> &mut RequestBody {
        &mut self.body
    }

    /// Returns the trailer fields of a chunked body. If the handler reads the body as it arrives,
    /// they are available once the whole body has been read.
    pub fn trailers(&self) -> &Headers {
        self.body.trailers().unwrap_or(&self.trailers)
    }

    /// Returns the address of the other end of the connection, which may be a proxy.
    pub fn peer(&self) -> SocketAddr {
        self.peer
    }

    /// Returns the client's address: the peer's, or the address that a trusted proxy reports, see
    /// [`TrustedProxies::client`](super::TrustedProxies::client).
    pub fn client(&self) -> IpAddr {
        self.client
    }

    pub(super) fn set_client(&mut self, client: IpAddr) {
        self.client = client;
    }

    /// Returns the id of this request, if it has one, for example for the log.
    pub fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// Sets the id of this request.
    pub fn set_id(&mut self, id: String) {
        self.id = Some(id);
    }

    /// Returns the values that other parts of the program have attached to this request.
    pub fn extensions(&self) -> &Extensions {
        &self.extensions
    }

    /// Returns the attached values for changes.
    pub fn extensions_mut(&mut self) -> &mut Extensions {
        &mut self.extensions
    }

    /// Returns whether the client permits another request on this connection (RFC 9112
    /// section 9.3).
    pub fn wants_keep_alive(&self) -> bool {
        let has = |option: &str| {
            self.headers().list(header::CONNECTION).any(|it| it.eq_ignore_ascii_case(option))
        };
        match self.version() {
            Version::Http11 => !has("close"),
            Version::Http10 => has("keep-alive") && !has("close"),
        }
    }

    /// Stores the route that matched this request.
    pub fn set_matched(&mut self, matched: Matched) {
        self.matched = Some(matched);
    }

    /// Returns the route that matched this request, with its parameters.
    pub fn matched(&self) -> Option<&Matched> {
        self.matched.as_ref()
    }

    /// Returns the pattern of the matched route, such as `/users/:id<u32>`. The number of patterns
    /// is fixed, however many paths clients request.
    pub fn route(&self) -> Option<&str> {
        Some(self.matched.as_ref()?.pattern())
    }

    /// Returns the decoded value of a path parameter.
    pub fn param(&self, name: &str) -> Option<&str> {
        self.matched.as_ref()?.param(name)
    }

    /// Parses the value of a path parameter as type `T`.
    ///
    /// # Errors
    /// Returns 400 when there is no such parameter, or when its value does not fit the type.
    /// Neither can happen when `T` is the type of a typed parameter (`:id<u32>`), because the
    /// router has checked the value.
    pub fn parse_param<T: FromStr>(&self, name: &str) -> Result<T, HttpError> {
        self.param(name).and_then(|value| value.parse().ok()).ok_or_else(|| {
            let message = format!("the path must have a valid `{name}`");
            HttpError::new(Status::BAD_REQUEST, "bad_parameter", message)
        })
    }

    /// Builds the path of the route with this name, with these values for its parameters.
    ///
    /// # Errors
    /// Returns [`UrlError`] for a name or parameters that the routes do not have.
    pub fn url_for(&self, name: &str, params: &[(&str, &str)]) -> Result<String, UrlError> {
        match &self.matched {
            Some(matched) => matched.urls().url_for(name, params),
            None => Err(UrlError::UnknownName(name.to_string())),
        }
    }

    /// Starts building a request, for tests of handlers.
    pub fn builder(method: Method, target: &str) -> RequestBuilder {
        RequestBuilder {
            method,
            target: target.to_string(),
            headers: Headers::new(),
            body: Vec::new(),
            peer: SocketAddr::from((Ipv4Addr::LOCALHOST, 50_000)),
            client: None,
        }
    }
}

/// A builder of requests for the tests of handlers.
#[derive(Debug)]
pub struct RequestBuilder {
    method: Method,
    target: String,
    headers: Headers,
    body: Vec<u8>,
    peer: SocketAddr,
    client: Option<IpAddr>,
}

impl RequestBuilder {
    /// Adds a field.
    ///
    /// # Panics
    /// Panics when the name or the value is not valid in a request.
    pub fn header(mut self, name: &str, value: &str) -> RequestBuilder {
        self.headers.append(
            HeaderName::try_from(name).expect("a test gives a valid field name"),
            HeaderValue::try_from(value).expect("a test gives a valid field value"),
        );
        self
    }

    /// Sets the body.
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> RequestBuilder {
        self.body = body.into();
        self
    }

    /// Sets the address of the other end of the connection. The default is an address of this
    /// machine.
    pub fn peer(self, peer: SocketAddr) -> RequestBuilder {
        RequestBuilder { peer, ..self }
    }

    /// Sets the client's address. The default is the peer's, as without a proxy.
    pub fn client(self, client: IpAddr) -> RequestBuilder {
        RequestBuilder { client: Some(client), ..self }
    }

    /// Builds the request.
    ///
    /// # Panics
    /// Panics when the target is not valid in a request.
    pub fn build(self) -> Request {
        let head = Head {
            method: self.method,
            target: Target::parse(self.method, &self.target).expect("a test gives a valid target"),
            version: Version::Http11,
            headers: self.headers,
            body_length: super::framing::BodyLength::Fixed(self.body.len() as u64),
        };
        let body = RequestBody::from(self.body);
        let mut request = Request::new(head, body, Headers::new(), self.peer);
        if let Some(client) = self.client {
            request.set_client(client);
        }
        request
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
    fn an_absolute_target_outweighs_the_host_field() {
        let request =
            Request::builder(Method::Get, "http://a.example/x").header("Host", "b.example");
        assert_eq!(request.build().host(), Some("a.example"));
        let request = Request::builder(Method::Get, "/x").header("Host", "b.example");
        let request = request.build();
        assert_eq!((request.host(), request.path()), (Some("b.example"), "/x"));
    }
}
