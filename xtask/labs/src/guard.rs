//! Decides which requests may use the labs: requests from programs on this machine, and from pages that this machine
//! serves.
//!
//! A loopback address is not reachable from other machines, but other sites can still reach it through the user's
//! browser, which runs the scripts of every site that the user opens. Requests of such a script carry the site's
//! `Origin`. In a DNS rebinding attack, the site's name is pointed at 127.0.0.1 after its page was loaded. The browser
//! then treats the page and this server as one origin, but the site's name is still in `Host`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use httpserver::http::{HeaderName, HttpError, Request, Status};

const ORIGIN: HeaderName = HeaderName::from_static("Origin");

/// Where `mdbook serve` serves the book. The CORS policy of the demonstration has the same two origins.
const BOOK: [&str; 2] = ["http://localhost:3000", "http://127.0.0.1:3000"];

/// Checks that the request comes from this machine and from an allowed page.
///
/// # Errors
/// 403 for any other peer address, `Host` or `Origin`.
pub(crate) fn check(request: &Request, address: SocketAddr) -> Result<(), HttpError> {
    if !request.peer().ip().to_canonical().is_loopback() {
        return Err(forbidden("only this machine may use the labs"));
    }
    if !request.host().is_some_and(|host| is_ours(host, address)) {
        return Err(forbidden(
            "the Host of a lab is localhost, 127.0.0.1 or [::1] with the server's port",
        ));
    }
    let is_allowed = |origin: &[u8]| {
        let origin = str::from_utf8(origin).unwrap_or_default();
        let own = origin.strip_prefix("http://").is_some_and(|host| is_ours(host, address));
        own || BOOK.contains(&origin)
    };
    if !request.headers().get_all(ORIGIN).all(|origin| is_allowed(origin.as_bytes())) {
        return Err(forbidden("pages of this origin may not use the labs"));
    }
    Ok(())
}

fn forbidden(message: &str) -> HttpError {
    HttpError::new(Status::FORBIDDEN, "labs_forbidden", message)
}

/// Whether `host` is the server's address or a name for it that no other site can have. Without a port, the port is 80.
fn is_ours(host: &str, address: SocketAddr) -> bool {
    let port = address.port().to_string();
    let host = match host.strip_suffix(port.as_str()).and_then(|host| host.strip_suffix(':')) {
        Some(host) => host,
        None if port == "80" => host,
        None => return false,
    };
    let bracketed = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let literal = bracketed.unwrap_or(host).parse::<IpAddr>();
    let ours = [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST), address.ip()];
    host.eq_ignore_ascii_case("localhost") || literal.is_ok_and(|literal| ours.contains(&literal))
}

#[cfg(test)]
mod tests {
    use super::*;
    use httpserver::http::Method;

    const ADDRESS: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8080);

    fn status(fields: &[(&str, &str)], peer: &str) -> u16 {
        let mut request = Request::builder(Method::Post, "/labs/wire").peer(peer.parse().unwrap());
        for (name, value) in fields {
            request = request.header(name, value);
        }
        check(&request.build(), ADDRESS).map_or_else(|error| error.status.code(), |()| 200)
    }

    #[test]
    fn a_host_is_a_name_of_this_machine_with_the_port() {
        for (host, expected) in [
            ("127.0.0.1:8080", 200),
            ("localhost:8080", 200),
            ("LocalHost:8080", 200),
            ("[::1]:8080", 200),
            ("127.0.0.1", 403),
            ("127.0.0.1:80", 403),
            ("127.0.0.1:18080", 403),
            ("localhost", 403),
            ("localhost:", 403),
            ("evil.example:8080", 403),
            ("localhost.evil.example:8080", 403),
            ("127.0.0.1.evil.example:8080", 403),
            ("10.0.0.1:8080", 403),
            ("[::2]:8080", 403),
            (":8080", 403),
        ] {
            assert_eq!(status(&[("Host", host)], "127.0.0.1:9"), expected, "{host}");
        }
        assert_eq!(status(&[], "127.0.0.1:9"), 403, "no Host");
        assert!(is_ours("localhost", SocketAddr::new(ADDRESS.ip(), 80)));
    }

    #[test]
    fn an_origin_is_this_server_or_the_book() {
        for (origin, expected) in [
            ("http://127.0.0.1:8080", 200),
            ("http://localhost:8080", 200),
            ("http://localhost:3000", 200),
            ("http://127.0.0.1:3000", 200),
            ("http://localhost:3001", 403),
            ("https://localhost:3000", 403),
            ("https://127.0.0.1:8080", 403),
            ("http://localhost:3000.evil.example", 403),
            ("https://evil.example", 403),
            ("null", 403),
            ("", 403),
        ] {
            let fields = [("Host", "127.0.0.1:8080"), ("Origin", origin)];
            assert_eq!(status(&fields, "127.0.0.1:9"), expected, "{origin}");
        }
        let two = [
            ("Host", "127.0.0.1:8080"),
            ("Origin", "http://localhost:3000"),
            ("Origin", "https://evil.example"),
        ];
        assert_eq!(status(&two, "127.0.0.1:9"), 403);
    }

    #[test]
    fn a_peer_is_on_this_machine() {
        for (peer, expected) in [
            ("127.0.0.1:9", 200),
            ("127.0.0.2:9", 200),
            ("[::1]:9", 200),
            ("[::ffff:127.0.0.1]:9", 200),
            ("192.168.0.7:9", 403),
            ("[fe80::1]:9", 403),
        ] {
            assert_eq!(status(&[("Host", "localhost:8080")], peer), expected, "{peer}");
        }
    }
}
