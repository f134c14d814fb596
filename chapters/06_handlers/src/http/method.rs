//! Request methods: the action that the client requests for the resource.
//!
//! Two properties matter more than the names. A *safe* method only reads, so a crawler may use it.
//! An *idempotent* method has the same effect when it is sent twice, so a client may retry it when
//! the connection breaks before the response.

use std::fmt;

/// The methods of RFC 9110 section 9, and PATCH (RFC 5789).
///
/// A request with any other token gets 501, because this server does not implement it. A known
/// method that the resource does not offer gets 405 instead, with `Allow`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Method {
    /// Transfers the current representation (section 9.3.1).
    Get,
    /// Transfers only the header section of the response to GET (section 9.3.2).
    Head,
    /// Processes the content in a way that the resource defines (section 9.3.3).
    Post,
    /// Replaces the state of the resource with the content (section 9.3.4).
    Put,
    /// Deletes the resource (section 9.3.5).
    Delete,
    /// Opens a tunnel through a proxy (section 9.3.6).
    Connect,
    /// Lists the available methods (section 9.3.7).
    Options,
    /// Sends the request back to the client. Most servers disable it, because it also returns
    /// credentials (section 9.3.8).
    Trace,
    /// Changes a part of the resource, as the content describes (RFC 5789).
    Patch,
}

impl Method {
    /// All methods, in the order in which the RFCs introduce them.
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

    /// Returns the method of a request line, or `None` for an unknown token.
    ///
    /// Methods are case-sensitive: `get` is not `GET` (RFC 9110 section 9.1). A server that
    /// accepted both would disagree with a strict filter in front of it.
    pub fn from_token(token: &str) -> Option<Method> {
        Method::ALL.into_iter().find(|method| method.as_str() == token)
    }

    /// Returns the token in the request line.
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

    /// Returns whether the method only reads (RFC 9110 section 9.2.1).
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
