//! Conditional writes to the collection of users: a client cannot overwrite a version that it has not seen.

use std::thread;

use serde_json::{Value, json};
use wire::{Client, Program, Reply, request};

const PROGRAM: &str = env!(concat!("CARGO_BIN_EXE_", env!("CARGO_PKG_NAME")));

/// The Unix epoch, which is before every change of a user.
const LONG_AGO: &str = "Thu, 01 Jan 1970 00:00:00 GMT";
/// The year 9999, which is after every change of a user.
const FAR_AHEAD: &str = "Fri, 31 Dec 9999 23:59:59 GMT";

type Fields<'a> = &'a [(&'a str, &'a str)];

fn start() -> (Program, Client) {
    let program = Program::start(PROGRAM, &["127.0.0.1:0"]).unwrap();
    let client = Client::connect(program.addr()).unwrap();
    (program, client)
}

fn ask(client: &mut Client, method: &str, target: &str, fields: Fields<'_>) -> Reply {
    client.send(request(method, target, fields, b"")).unwrap();
    client.read_reply_to(method).unwrap()
}

fn send(
    client: &mut Client,
    method: &str,
    target: &str,
    fields: Fields<'_>,
    body: &Value,
) -> Reply {
    let fields = [&[("Content-Type", "application/json")], fields].concat();
    client.ask(request(method, target, &fields, body.to_string().as_bytes())).unwrap()
}

fn create(client: &mut Client) -> Reply {
    let created = send(client, "POST", "/users", &[], &json!({ "name": "Ada" }));
    assert_eq!(created.status, 201, "{created:?}");
    created
}

fn tag(reply: &Reply) -> String {
    reply.field("ETag").unwrap_or_else(|| panic!("no ETag: {reply:?}")).to_string()
}

fn assert_failed(reply: &Reply) {
    assert_eq!(reply.status, 412, "{reply:?}");
    assert_eq!(reply.json().unwrap()["error"], "precondition_failed");
}

#[test]
fn of_two_clients_with_the_same_version_the_second_write_is_rejected() {
    let (program, mut ada) = start();
    let mut bob = Client::connect(program.addr()).unwrap();
    create(&mut ada);
    let [seen_by_ada, seen_by_bob] =
        [&mut ada, &mut bob].map(|client| tag(&ask(client, "GET", "/users/1", &[])));
    assert_eq!(seen_by_ada, seen_by_bob);
    let first = send(
        &mut ada,
        "PUT",
        "/users/1",
        &[("If-Match", &seen_by_ada)],
        &json!({ "name": "Ada King" }),
    );
    assert_eq!(first.status, 200, "{first:?}");
    let second = send(
        &mut bob,
        "PUT",
        "/users/1",
        &[("If-Match", &seen_by_bob)],
        &json!({ "name": "A. Byron" }),
    );
    assert_failed(&second);
    // Bob reads Ada's version, so he overwrites it on purpose.
    let now = ask(&mut bob, "GET", "/users/1", &[]);
    assert_eq!(now.json().unwrap()["name"], "Ada King");
    let fields = [("If-Match", tag(&now))];
    let fields = fields.each_ref().map(|(name, value)| (*name, value.as_str()));
    let again = send(&mut bob, "PUT", "/users/1", &fields, &json!({ "name": "A. Byron" }));
    assert_eq!(again.status, 200, "{again:?}");
}

#[test]
fn a_user_is_sent_again_only_after_a_change() {
    let (_program, mut client) = start();
    let created = create(&mut client);
    for target in ["/users/1", "/users"] {
        for method in ["GET", "HEAD"] {
            let whole = ask(&mut client, method, target, &[]);
            let old = tag(&whole);
            let same = ask(&mut client, method, target, &[("If-None-Match", &old)]);
            assert_eq!((same.status, same.body.len()), (304, 0), "{method} {target}: {same:?}");
            for name in ["ETag", "Last-Modified", "Cache-Control"] {
                assert!(whole.field(name).is_some(), "{name} is missing: {whole:?}");
                assert_eq!(same.field(name), whole.field(name), "{name}");
            }
            let date = whole.field("Last-Modified").unwrap();
            let same = ask(&mut client, method, target, &[("If-Modified-Since", date)]);
            assert_eq!(same.status, 304, "{same:?}");
            assert_eq!(ask(&mut client, method, target, &[("If-Match", &old)]).status, 200);
            assert_eq!(ask(&mut client, method, target, &[("If-Match", "\"x\"")]).status, 412);
            send(&mut client, "PUT", "/users/1", &[], &json!({ "name": method }));
            let new = ask(&mut client, method, target, &[("If-None-Match", &old)]);
            assert_eq!(new.status, 200, "{method} {target}: {new:?}");
            assert_ne!(tag(&new), old);
        }
    }
    assert_ne!(tag(&created), tag(&ask(&mut client, "GET", "/users/1", &[])));
}

#[test]
fn a_write_whose_condition_fails_is_412_and_changes_nothing() {
    let (_program, mut client) = start();
    let created = create(&mut client);
    let current = tag(&created);
    let (weak, list) = (format!("W/{current}"), format!("\"a\", {current}"));
    let failing: [Fields<'_>; 7] = [
        &[("If-Match", "\"x\"")],
        &[("If-Match", &weak)],
        &[("If-Match", "x")],
        &[("If-None-Match", "*")],
        &[("If-None-Match", "\"a\""), ("If-None-Match", &weak)],
        &[("If-Unmodified-Since", LONG_AGO)],
        &[("If-Match", "\"x\""), ("If-Unmodified-Since", FAR_AHEAD)],
    ];
    for fields in failing {
        assert_failed(&send(&mut client, "PUT", "/users/1", fields, &json!({ "name": "Eve" })));
        assert_failed(&ask(&mut client, "DELETE", "/users/1", fields));
        let now = ask(&mut client, "GET", "/users/1", &[]);
        assert_eq!((now.json().unwrap(), tag(&now)), (created.json().unwrap(), current.clone()));
    }
    let holding: [Fields<'_>; 6] = [
        &[("If-Match", "*")],
        &[("If-None-Match", "\"a\", \"b\"")],
        &[("If-Unmodified-Since", FAR_AHEAD)],
        &[("If-Unmodified-Since", "yesterday")],
        &[("If-Modified-Since", FAR_AHEAD)],
        &[("If-Match", "*"), ("If-Unmodified-Since", LONG_AGO)],
    ];
    for fields in holding {
        let reply = send(&mut client, "PUT", "/users/1", fields, &json!({ "name": "Eve" }));
        assert_eq!(reply.status, 200, "{fields:?}: {reply:?}");
    }
    assert_failed(&ask(&mut client, "DELETE", "/users/1", &[("If-Match", &list)]));
    let now = tag(&ask(&mut client, "GET", "/users/1", &[]));
    // A list over two lines is one list.
    let lines = [("If-Match", "\"a\""), ("If-Match", now.as_str())];
    assert_eq!(ask(&mut client, "DELETE", "/users/1", &lines).status, 204);
}

#[test]
fn the_collection_has_a_version_that_changes_with_every_user() {
    let (_program, mut client) = start();
    let ada = json!({ "name": "Ada" });
    let mut seen = vec![tag(&ask(&mut client, "GET", "/users", &[]))];
    let mut expect_another = |client: &mut Client| {
        let now = tag(&ask(client, "GET", "/users", &[]));
        assert!(!seen.contains(&now), "{now} again");
        seen.push(now.clone());
        now
    };
    create(&mut client);
    let now = expect_another(&mut client);
    assert_failed(&send(&mut client, "POST", "/users", &[("If-Match", "\"x\"")], &ada));
    assert_failed(&send(&mut client, "POST", "/users", &[("If-None-Match", "*")], &ada));
    assert_eq!(send(&mut client, "POST", "/users", &[("If-Match", &now)], &ada).status, 201);
    expect_another(&mut client);
    send(&mut client, "PUT", "/users/1", &[], &ada);
    expect_another(&mut client);
    assert_eq!(ask(&mut client, "DELETE", "/users/1", &[]).status, 204);
    expect_another(&mut client);
}

#[test]
fn a_put_creates_a_user_unless_a_condition_forbids_it() {
    let (_program, mut client) = start();
    let ada = json!({ "name": "Ada" });
    // The request would create a user, but its condition requires an existing one.
    for fields in [&[("If-Match", "*")][..], &[("If-Match", "\"x\"")]] {
        assert_failed(&send(&mut client, "PUT", "/users/7", fields, &ada));
    }
    assert_eq!(ask(&mut client, "GET", "/users/7", &[]).status, 404);
    let new = [("If-None-Match", "*")];
    assert_eq!(send(&mut client, "PUT", "/users/7", &new, &ada).status, 201);
    assert_failed(&send(&mut client, "PUT", "/users/7", &new, &ada));
    assert_eq!(send(&mut client, "PUT", "/users/8", &[], &ada).status, 201);
    // POST assigns new ids.
    assert_eq!(create(&mut client).field("Location"), Some("/users/9"));
    // The largest possible id: no further id can be assigned.
    assert_eq!(send(&mut client, "PUT", "/users/4294967295", &new, &ada).status, 201);
    let full = send(&mut client, "POST", "/users", &[], &ada);
    assert_eq!((full.status, full.json().unwrap()["error"].as_str()), (507, Some("full")));
}

/// RFC 9110 section 13.2.1: a request that fails without its conditions fails in the same way with them.
#[test]
fn other_errors_precede_failed_conditions() {
    let (_program, mut client) = start();
    create(&mut client);
    for method in ["GET", "DELETE"] {
        for fields in [("If-Match", "*"), ("If-Match", "\"x\""), ("If-None-Match", "*")] {
            let reply = ask(&mut client, method, "/users/7", &[fields]);
            assert_eq!(reply.status, 404, "{method} {fields:?}: {reply:?}");
        }
    }
    let fields = [("If-Match", "\"x\"")];
    assert_eq!(send(&mut client, "PUT", "/users/1", &fields, &json!({})).status, 422);
    assert_eq!(ask(&mut client, "PATCH", "/users/1", &fields).status, 405);
}

/// A tag in the response to PUT means that the sent body was stored byte for byte (RFC 9110 section 9.3.4).
#[test]
fn the_response_to_a_put_has_a_tag_if_the_body_was_stored_unchanged() {
    let (_program, mut client) = start();
    create(&mut client);
    let less = send(&mut client, "PUT", "/users/1", &[], &json!({ "name": "Grace" }));
    assert_eq!((less.status, less.field("ETag")), (200, None));
    let whole = send(&mut client, "PUT", "/users/1", &[], &json!({ "id": 1, "name": "Barbara" }));
    assert_eq!(whole.status, 200, "{whole:?}");
    let now = ask(&mut client, "GET", "/users/1", &[]);
    assert_eq!((tag(&whole), whole.body), (tag(&now), now.body));
    let other = send(&mut client, "PUT", "/users/1", &[], &json!({ "id": 2, "name": "Barbara" }));
    assert_eq!(other.status, 422, "{other:?}");
}

/// Four clients add a letter each, again and again: read, change, write if it is still the same.
#[test]
fn concurrent_writes_lose_no_update() {
    const CLIENTS: usize = 4;
    const EACH: usize = 10;
    let (program, mut client) = start();
    send(&mut client, "PUT", "/users/1", &[], &json!({ "name": "x" }));
    let address = program.addr();
    let add = move || {
        let mut client = Client::connect(address).unwrap();
        let mut written = 0;
        while written < EACH {
            let now = ask(&mut client, "GET", "/users/1", &[]);
            let longer = format!("{}x", now.json().unwrap()["name"].as_str().unwrap());
            let fields = [("If-Match", now.field("ETag").unwrap())];
            let reply = send(&mut client, "PUT", "/users/1", &fields, &json!({ "name": longer }));
            match reply.status {
                200 => written += 1,
                412 => {}
                _ => panic!("{reply:?}"),
            }
        }
    };
    let clients: Vec<_> = (0..CLIENTS)
        .map(|number| thread::Builder::new().name(format!("client {number}")).spawn(add).unwrap())
        .collect();
    for client in clients {
        client.join().unwrap();
    }
    let name = ask(&mut client, "GET", "/users/1", &[]).json().unwrap()["name"].clone();
    assert_eq!(name.as_str().unwrap().len(), 1 + CLIENTS * EACH);
}

#[test]
fn a_page_of_an_allowed_origin_may_read_tags_and_send_conditions() {
    let (_program, mut client) = start();
    create(&mut client);
    let origin = ("Origin", "http://localhost:3000");
    let preflight = [
        origin,
        ("Access-Control-Request-Method", "PUT"),
        ("Access-Control-Request-Headers", "content-type,if-match,if-none-match"),
    ];
    assert_eq!(ask(&mut client, "OPTIONS", "/users/1", &preflight).status, 204);
    let reply = ask(&mut client, "GET", "/users/1", &[origin]);
    assert!(reply.lists("Access-Control-Expose-Headers", "ETag"), "{reply:?}");
}
