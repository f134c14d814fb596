//! CORS on the wire, as a browser uses it. The tests with a real browser are in `xtask/wire/src/clients`.

use wire::{Client, Program, Reply, request};

const PROGRAM: &str = env!(concat!("CARGO_BIN_EXE_", env!("CARGO_PKG_NAME")));

const PAGE: &str = "http://localhost:3000";

fn start() -> (Program, Client) {
    let program = Program::start(PROGRAM, &["127.0.0.1:0"]).unwrap();
    let client = Client::connect(program.addr()).unwrap();
    (program, client)
}

fn ask(client: &mut Client, method: &str, target: &str, fields: &[(&str, &str)]) -> Reply {
    client.ask(request(method, target, fields, b"")).unwrap()
}

fn has_permission(reply: &Reply) -> bool {
    reply.fields.iter().any(|(name, _)| name.to_ascii_lowercase().starts_with("access-control-"))
}

#[test]
fn a_preflight_allows_the_origins_methods_and_fields_of_the_policy() {
    let (_program, mut client) = start();
    let table: [(&str, &str, &str, bool); 17] = [
        (PAGE, "GET", "", true),
        ("http://127.0.0.1:3000", "PUT", "", true),
        (PAGE, "DELETE", "content-type", true),
        (PAGE, "POST", "Content-Type, x-request-id", true),
        // A browser requests permission for these only when their values are not harmless. Regression test: a 204 that
        // did not name them looked like permission but was none, so the request was never sent.
        (PAGE, "GET", "range", false),
        (PAGE, "GET", "accept", false),
        (PAGE, "GET", "accept-language", false),
        (PAGE, "POST", "content-type, content-language", false),
        (PAGE, "PATCH", "", false),
        (PAGE, "put", "", false),
        (PAGE, "PUT", "authorization", false),
        (PAGE, "PUT", "content-type, authorization", false),
        ("http://localhost:3001", "GET", "", false),
        ("https://localhost:3000", "GET", "", false),
        ("http://localhost:3000.evil.example", "GET", "", false),
        ("HTTP://LOCALHOST:3000", "GET", "", false),
        ("null", "GET", "", false),
    ];
    for (origin, method, fields, allowed) in table {
        let mut sent = vec![("Origin", origin), ("Access-Control-Request-Method", method)];
        if !fields.is_empty() {
            sent.push(("Access-Control-Request-Headers", fields));
        }
        let reply = ask(&mut client, "OPTIONS", "/users/1", &sent);
        let case = format!("{origin} {method} {fields}: {reply:?}");
        assert_eq!(reply.status, if allowed { 204 } else { 403 }, "{case}");
        assert_eq!(has_permission(&reply), allowed, "{case}");
        for field in ["Origin", "Access-Control-Request-Method", "Access-Control-Request-Headers"] {
            assert!(reply.lists("Vary", field), "{case}");
        }
        if allowed {
            assert_eq!(reply.field("Access-Control-Allow-Origin"), Some(origin), "{case}");
            assert!(reply.lists("Access-Control-Allow-Methods", method), "{case}");
            for field in fields.split(", ").filter(|field| !field.is_empty()) {
                assert!(reply.lists("Access-Control-Allow-Headers", field), "{case}");
            }
            assert_eq!(reply.field("Access-Control-Max-Age"), Some("600"), "{case}");
            assert_eq!(reply.field("Access-Control-Allow-Credentials"), None, "{case}");
        }
    }
}

#[test]
fn options_without_a_preflights_fields_is_handled_by_the_routes() {
    let (_program, mut client) = start();
    for fields in [&[][..], &[("Origin", PAGE)], &[("Access-Control-Request-Method", "PUT")]] {
        let reply = ask(&mut client, "OPTIONS", "/users", fields);
        assert_eq!(reply.status, 204, "{reply:?}");
        assert!(reply.lists("Allow", "POST"), "{reply:?}");
    }
}

#[test]
fn a_request_of_another_origin_is_served_without_permission_to_read_the_response() {
    let (_program, mut client) = start();
    for fields in [
        &[][..],
        &[("Origin", "https://evil.example")],
        &[("Origin", "null")],
        &[("Origin", PAGE), ("Origin", PAGE)],
        &[("Origin", "")],
    ] {
        let reply = ask(&mut client, "GET", "/inspect", fields);
        assert_eq!(reply.status, 200, "{reply:?}");
        assert!(!has_permission(&reply), "{reply:?}");
        // A cache must not reuse this response for a page that has permission.
        assert!(reply.lists("Vary", "Origin"), "{reply:?}");
    }
}

#[test]
fn a_script_may_see_the_fields_that_are_exposed() {
    let (_program, mut client) = start();
    let reply = ask(&mut client, "GET", "/limited", &[("Origin", PAGE)]);
    for field in ["X-Request-ID", "Retry-After", "RateLimit-Remaining"] {
        assert!(reply.lists("Access-Control-Expose-Headers", field), "{reply:?}");
    }
}

#[test]
fn two_origins_or_two_methods_in_a_preflight_are_rejected() {
    let (_program, mut client) = start();
    let method = ("Access-Control-Request-Method", "PUT");
    let origin = ("Origin", PAGE);
    for fields in [[origin, origin, method], [origin, method, method]] {
        let reply = ask(&mut client, "OPTIONS", "/users/1", &fields);
        assert_eq!((reply.status, has_permission(&reply)), (403, false), "{reply:?}");
    }
}
