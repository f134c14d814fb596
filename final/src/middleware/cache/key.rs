//! The key of a cache entry: the resource, and the request fields that selected the response
//! (Vary).

use crate::http::{HeaderValue, Headers, Method, Request, Target, header};

/// The resource of an entry: host, path and query. [`Selection`] is the second part of a cache key.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Key {
    host: String,
    path: String,
    query: Option<String>,
}

impl Key {
    /// Returns the key of a request. Hosts are case-insensitive; the query is used unchanged.
    pub fn of(request: &Request) -> Key {
        Key {
            host: request.host().unwrap_or_default().to_ascii_lowercase(),
            path: request.path().to_string(),
            query: request.target().query().map(str::to_string),
        }
    }

    /// Returns the key of the resource in the Location or Content-Location of a response to a
    /// request with this key. The reference is a path or a whole URL. Returns `None` if it is on
    /// another host or port. The scheme is not compared, because a proxy may terminate TLS.
    pub fn named_by(&self, reference: &HeaderValue) -> Option<Key> {
        let (url, _) = reference.to_str()?.split_once('#').unwrap_or((reference.to_str()?, ""));
        let target = Target::parse(Method::Get, url).ok()?;
        let host = target.authority().unwrap_or(&self.host).to_ascii_lowercase();
        (host == self.host).then(|| Key { host, path: target.path().to_string(), query: None })
    }

    /// Returns whether both keys have the same host and path, whatever their queries.
    pub fn has_path_of(&self, other: &Key) -> bool {
        (&self.host, &self.path) == (&other.host, &other.path)
    }

    /// Returns the memory that the key uses, in bytes.
    pub fn size(&self) -> usize {
        self.path.len() + self.query.as_ref().map_or(0, String::len)
    }
}

/// The request fields that selected a response (RFC 9111 section 4.1), with their field lines in
/// the request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection(Vec<(String, Vec<HeaderValue>)>);

impl Selection {
    /// Returns the fields that a response lists in Vary, with their values in the request.
    pub fn of(response: &Headers, request: &Headers) -> Selection {
        let mut names: Vec<String> =
            response.list(header::VARY).map(str::to_ascii_lowercase).collect();
        names.sort_unstable();
        names.dedup();
        let with_lines = |name: String| {
            let lines = request.get_all(&name).cloned().collect();
            (name, lines)
        };
        Selection(names.into_iter().map(with_lines).collect())
    }

    /// Returns whether another request has the same field lines.
    pub fn fits(&self, request: &Headers) -> bool {
        self.0.iter().all(|(name, lines)| request.get_all(name).eq(lines))
    }

    /// Returns whether both have the same field names, whatever their field lines.
    pub fn has_names_of(&self, other: &Selection) -> bool {
        self.0.iter().map(|(name, _)| name).eq(other.0.iter().map(|(name, _)| name))
    }
}
