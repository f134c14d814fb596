//! Basic authentication, in which each request has a name and a password (RFC 7617).
//!
//! Base64 is not encryption: an attacker who can read the traffic of the connection can read the
//! password. So Basic authentication needs TLS.

use std::hint::black_box;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::{Middleware, Next};
use crate::http::header_value::InvalidHeaderValue;
use crate::http::path_prefix::PathPrefix;
use crate::http::{
    HeaderName, HeaderValue, HttpError, IntoResponse, Request, Response, Status, Target,
};

/// The credentials of the client (RFC 9110 section 11.6.2). They are a secret and must not be
/// logged.
pub const AUTHORIZATION: HeaderName = HeaderName::from_static("Authorization");
/// How a client can authenticate (RFC 9110 section 11.6.1).
pub const WWW_AUTHENTICATE: HeaderName = HeaderName::from_static("WWW-Authenticate");

/// The authenticated user, stored in the request's extensions for the handlers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User(pub String);

/// A layer that allows only authenticated users at some paths and everything below them.
pub struct BasicAuth {
    challenge: HeaderValue,
    users: Vec<(String, String)>,
    protect: Vec<PathPrefix>,
    except: Vec<PathPrefix>,
}

impl BasicAuth {
    /// Creates a layer without protected paths. Browsers show the realm to the user, to identify
    /// the required password.
    ///
    /// # Errors
    /// Returns an error for a realm with a control character, which cannot be sent.
    pub fn new(realm: &str) -> Result<BasicAuth, InvalidHeaderValue> {
        let realm = realm.replace('\\', "\\\\").replace('"', "\\\"");
        let challenge = format!("Basic realm=\"{realm}\", charset=\"UTF-8\"");
        let challenge = HeaderValue::try_from(challenge)?;
        Ok(BasicAuth { challenge, users: Vec::new(), protect: Vec::new(), except: Vec::new() })
    }

    /// Adds a user. The password may contain a colon. The name must not, because a colon ends it.
    pub fn user(mut self, name: &str, password: &str) -> BasicAuth {
        self.users.push((name.to_string(), password.to_string()));
        self
    }

    /// Protects this path and every path below it.
    pub fn protect(mut self, path: &str) -> BasicAuth {
        self.protect.push(PathPrefix::new(path));
        self
    }

    /// Exempts this path and every path below it from the protection of a parent path.
    pub fn except(mut self, path: &str) -> BasicAuth {
        self.except.push(PathPrefix::new(path));
        self
    }

    fn protects(&self, target: &Target) -> bool {
        let is_in = |prefixes: &[PathPrefix]| prefixes.iter().any(|prefix| prefix.contains(target));
        is_in(&self.protect) && !is_in(&self.except)
    }

    /// Returns the user whose name and password are in the request, or `None` without valid
    /// credentials.
    fn user_of(&self, request: &Request) -> Option<User> {
        let mut lines = request.headers().get_all(AUTHORIZATION);
        let (Some(value), None) = (lines.next(), lines.next()) else { return None };
        let (name, password) = credentials(value)?;
        let mut found = None;
        // The credentials are compared with the credentials of all users, and byte by byte to the
        // end, so that the time does not reveal the first match.
        for (own_name, own_password) in &self.users {
            let is_name = is_same(own_name.as_bytes(), &name);
            let is_password = is_same(own_password.as_bytes(), &password);
            if is_name & is_password {
                found = Some(User(own_name.clone()));
            }
        }
        found
    }

    /// Returns the same response for every cause, so that an attacker cannot learn which part of a
    /// guess is wrong.
    fn reject(&self) -> Response {
        let message = "a user name and a password are required";
        HttpError::new(Status::UNAUTHORIZED, "unauthorized", message)
            .into_response()
            .with_header(WWW_AUTHENTICATE, self.challenge.clone())
    }
}

impl Middleware for BasicAuth {
    fn handle(&self, request: &mut Request, next: Next<'_>) -> Response {
        if self.protects(request.target()) {
            let Some(user) = self.user_of(request) else { return self.reject() };
            request.extensions_mut().insert(user);
        }
        next.run(request)
    }
}

/// Decodes the name and the password in a value such as `Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==`. They
/// stay bytes, because they are only compared.
fn credentials(value: &HeaderValue) -> Option<(Vec<u8>, Vec<u8>)> {
    let (scheme, encoded) = value.to_str()?.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("Basic") {
        return None;
    }
    let mut name = STANDARD.decode(encoded.trim_start_matches(' ')).ok()?;
    // The first colon ends the name. Later colons belong to the password.
    let colon = name.iter().position(|&byte| byte == b':')?;
    let password = name.split_off(colon + 1);
    name.pop();
    Some((name, password))
}

/// Compares two texts in constant time, so that the time reveals nothing about `own`, not even its
/// length.
///
/// `==` may end at the first byte that differs. An attacker who can measure the time can then guess
/// a password byte by byte, with at most 256 guesses per byte instead of all combinations.
fn is_same(own: &[u8], given: &[u8]) -> bool {
    let mut differs = own.len() ^ given.len();
    for (at, byte) in given.iter().enumerate() {
        // After the end of `own`, any byte gives the right result, because the lengths differ then.
        let own_byte = own.get(at).copied().unwrap_or_default();
        differs |= usize::from(own_byte ^ byte);
    }
    // `black_box` keeps the compiler from adding an early exit.
    black_box(differs) == 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::{Handler, Method};
    use crate::middleware::Chain;

    fn chain() -> Chain {
        let auth = BasicAuth::new("a \"b\" \\")
            .unwrap()
            .user("ada", "a:b")
            .user("grace", "café")
            .protect("/admin")
            .except("/admin/health");
        let who = |request: &mut Request| match request.extensions().get::<User>() {
            Some(User(name)) => name.clone(),
            None => "nobody".to_string(),
        };
        Chain::around(who).with(auth)
    }

    fn status(target: &str, lines: &[&str]) -> u16 {
        let request = Request::builder(Method::Get, target);
        let request = lines.iter().fold(request, |it, value| it.header("Authorization", value));
        chain().handle(&mut request.build()).status().code()
    }

    fn basic(credentials: &str) -> String {
        format!("Basic {}", STANDARD.encode(credentials))
    }

    #[test]
    fn a_path_is_protected_by_whole_segments_however_it_is_spelled() {
        let table = [
            ("/admin", 401),
            ("/admin/", 401),
            ("/admin/a/b", 401),
            ("/%61dmin/a", 401),
            ("/admin/../a", 401),
            ("/admin/healthy", 401),
            ("/admin/health%2Fx", 401),
            ("/admin/health", 200),
            ("/admin/%68ealth/x", 200),
            ("/administrator", 200),
            ("/admin%2Fa", 200),
            ("/a/admin", 200),
            ("/", 200),
        ];
        for (target, expected) in table {
            assert_eq!(status(target, &[]), expected, "{target}");
        }
    }

    #[test]
    fn a_user_is_authenticated_by_name_and_password() {
        let table = [
            (basic("ada:a:b"), 200),
            (basic("grace:café"), 200),
            (basic("ada:a:b").replace("Basic ", "bAsIc   "), 200),
            (basic("ada:a"), 401),
            (basic("ada:a:bc"), 401),
            (basic("ada:"), 401),
            (basic("ada"), 401),
            (basic("ada:café"), 401),
            (basic("Ada:a:b"), 401),
            (basic("eve:a:b"), 401),
            (basic(":a:b"), 401),
            (basic(""), 401),
            (basic("ada:a:b").replace("Basic", "Bearer"), 401),
            (basic("ada:a:b").replace(' ', ""), 401),
            ("Basic YWRhOmE6Yg".to_string(), 401), // without padding
            ("Basic YWRhOmE6Yg== x".to_string(), 401),
            ("Basic \u{e9}".to_string(), 401),
            ("Basic".to_string(), 401),
        ];
        for (value, expected) in table {
            assert_eq!(status("/admin", &[&value]), expected, "{value}");
        }
        let good = basic("ada:a:b");
        assert_eq!(status("/admin", &[&good, &good]), 401);
    }

    #[test]
    fn a_401_names_the_realm() {
        let response = chain().handle(&mut Request::builder(Method::Get, "/admin").build());
        let challenge = response.headers().get(WWW_AUTHENTICATE).unwrap().to_str();
        assert_eq!(challenge, Some(r#"Basic realm="a \"b\" \\", charset="UTF-8""#));
        assert!(BasicAuth::new("a\nb").is_err());
    }

    #[test]
    fn the_constant_time_comparison_is_correct() {
        let texts = ["", "a", "b", "ab", "ba", "a\0", "\0", "aa"];
        for own in texts {
            for given in texts {
                let same = is_same(own.as_bytes(), given.as_bytes());
                assert_eq!(same, own == given, "{own:?}, {given:?}");
            }
        }
    }

    #[test]
    fn the_handler_of_a_protected_path_gets_the_user() {
        let mut request =
            Request::builder(Method::Get, "/admin").header("Authorization", &basic("ada:a:b"));
        assert_eq!(user(request.build()).as_deref(), Some("ada"));
        request = Request::builder(Method::Get, "/").header("Authorization", &basic("ada:a:b"));
        assert_eq!(user(request.build()), None, "nobody has looked");
    }

    /// Returns the user in the request's extensions.
    fn user(mut request: Request) -> Option<String> {
        chain().handle(&mut request);
        request.extensions().get::<User>().map(|User(name)| name.clone())
    }
}
