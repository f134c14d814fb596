//! Request methods: the action that the client wants to perform on the resource.
//!
//! Two properties matter more than the names: a *safe* method only reads, so a crawler may use it. An *idempotent*
//! method has the same effect when sent twice, so a client may retry it when the connection broke before the response.

use std::fmt;

/// The methods of RFC 9110 section 9, and PATCH (RFC 5789).
///
/// A request with any other token gets 501, because this server does not know its meaning. A known method that the
/// resource does not offer gets 405 instead, with `Allow`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Method {
    /// Transfer a representation (section 9.3.1).
    Get,
    /// Like GET, but only the header section (section 9.3.2).
    Head,
    /// Process this body, in a way that the resource defines (section 9.3.3).
    Post,
    /// Replace the resource's state with this body (section 9.3.4).
    Put,
    /// Delete the resource (section 9.3.5).
    Delete,
    /// Open a tunnel; for proxies (section 9.3.6).
    Connect,
    /// List the available methods (section 9.3.7).
    Options,
    /// Send the request back; off in most servers, because it also echoes credentials (section 9.3.8).
    Trace,
    /// Change a part of the resource, as this body describes (RFC 5789).
    Patch,
}

impl Method {
    /// Every method, in the order in which the RFCs introduce them.
    pub const ALL: [Method; 9] = [
        Method::Get,
        Method::Head,
        Method::Post,
        Method::Put,
        Method::Delete,
        Method::Connect,
        Method::Options,
        Method::Trace,
        Method::Patch,
    ];

    /// The method of a request line, or `None` for an unknown token.
    ///
    /// Methods are case-sensitive: `get` is not `GET` (RFC 9110 section 9.1). A server that accepted both would
    /// disagree with a filter in front that did not.
    pub fn from_token(token: &str) -> Option<Method> {
        Method::ALL.into_iter().find(|method| method.as_str() == token)
    }

    /// The token in the request line.
    pub fn as_str(self) -> &'static str {
        match self {
            Method::Get => "GET",
            Method::Head => "HEAD",
            Method::Post => "POST",
            Method::Put => "PUT",
            Method::Delete => "DELETE",
            Method::Connect => "CONNECT",
            Method::Options => "OPTIONS",
            Method::Trace => "TRACE",
            Method::Patch => "PATCH",
        }
    }

    /// Whether the method only reads (RFC 9110 section 9.2.1).
    pub fn is_safe(self) -> bool {
        matches!(self, Method::Get | Method::Head | Method::Options | Method::Trace)
    }
}

impl fmt::Display for Method {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_method_is_found_by_its_own_token() {
        for method in Method::ALL {
            assert_eq!(Method::from_token(method.as_str()), Some(method));
            assert_eq!(method.to_string(), method.as_str());
        }
    }

    #[test]
    fn the_tokens_are_those_of_the_rfcs() {
        assert_eq!(
            Method::ALL.map(Method::as_str),
            ["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"]
        );
    }

    #[test]
    fn a_token_that_is_not_exactly_a_method_is_unknown() {
        for token in ["", "get", "Get", "GET ", "BREW", "GETT", "G"] {
            assert_eq!(Method::from_token(token), None, "{token:?}");
        }
    }

    #[test]
    fn the_safe_methods_are_those_of_the_rfc() {
        let safe = [Method::Get, Method::Head, Method::Options, Method::Trace];
        for method in Method::ALL {
            assert_eq!(method.is_safe(), safe.contains(&method), "{method}");
        }
    }

    #[test]
    fn a_method_pads_to_a_column() {
        assert_eq!(format!("{:<7}|", Method::Get), "GET    |");
    }
}
