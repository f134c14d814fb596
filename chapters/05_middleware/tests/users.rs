//! The collection of users, as clients see it.

use std::collections::BTreeSet;
use std::thread;

use serde_json::{Value, json};
use wire::{Client, Program, Reply, request};

const JSON: &[(&str, &str)] = &[("Content-Type", "application/json")];

const PROGRAM: &str = env!(concat!("CARGO_BIN_EXE_", env!("CARGO_PKG_NAME")));

fn start() -> Program {
    Program::start(PROGRAM, &["127.0.0.1:0"]).unwrap()
}

fn ask(client: &mut Client, method: &str, target: &str) -> Reply {
    client.ask(request(method, target, &[], b"")).unwrap()
}

fn send(client: &mut Client, method: &str, target: &str, body: &Value) -> Reply {
    client.ask(request(method, target, JSON, body.to_string().as_bytes())).unwrap()
}

#[test]
fn a_user_is_created_read_changed_and_deleted() {
    let program = start();
    let mut client = Client::connect(program.addr()).unwrap();
    assert_eq!(ask(&mut client, "GET", "/users").json().unwrap(), json!([]));

    let created = send(&mut client, "POST", "/users", &json!({ "name": "Ada" }));
    assert_eq!(created.status, 201, "{created:?}");
    let url = created.field("Location").unwrap().to_string();
    let user = created.json().unwrap();
    assert_eq!(user["name"], "Ada");
    assert_eq!(url, format!("/users/{}", user["id"]));
    assert_eq!(ask(&mut client, "GET", &url).json().unwrap(), user);

    let changed = send(&mut client, "PUT", &url, &json!({ "name": "Grace" }));
    assert_eq!(changed.status, 200, "{changed:?}");
    assert_eq!(changed.json().unwrap(), json!({ "id": user["id"], "name": "Grace" }));
    assert_eq!(ask(&mut client, "GET", "/users").json().unwrap(), json!([changed.json().unwrap()]));

    assert_eq!(ask(&mut client, "DELETE", &url).status, 204);
    for method in ["GET", "DELETE"] {
        let gone = ask(&mut client, method, &url);
        assert_eq!(
            (gone.status, gone.json().unwrap()["error"].as_str()),
            (404, Some("no_such_user"))
        );
    }
    assert_eq!(send(&mut client, "PUT", &url, &json!({ "name": "Ada" })).status, 404);
    assert_eq!(ask(&mut client, "GET", "/users").json().unwrap(), json!([]));
}

#[test]
fn an_id_is_not_given_twice() {
    let program = start();
    let mut client = Client::connect(program.addr()).unwrap();
    let mut create = || {
        let reply = send(&mut client, "POST", "/users", &json!({ "name": "Ada" }));
        let url = reply.field("Location").unwrap().to_string();
        assert_eq!(ask(&mut client, "DELETE", &url).status, 204);
        url
    };
    assert_ne!(create(), create());
}

#[test]
fn an_invalid_user_is_rejected_with_its_status() {
    let program = start();
    let mut client = Client::connect(program.addr()).unwrap();
    assert_eq!(send(&mut client, "POST", "/users", &json!({ "name": "Ada" })).status, 201);
    let (longest, too_long) = ("é".repeat(100), "é".repeat(101));
    let table = [
        ("application/json", json!({ "name": longest }).to_string(), 0, ""),
        ("Application/JSON; charset=utf-8", json!({ "name": "Ada" }).to_string(), 0, ""),
        ("application/merge-patch+json", json!({ "name": "Ada" }).to_string(), 0, ""),
        ("text/plain", json!({ "name": "Ada" }).to_string(), 415, "unsupported_media_type"),
        (
            "application/x-www-form-urlencoded",
            "name=Ada".to_string(),
            415,
            "unsupported_media_type",
        ),
        ("application/json", String::new(), 400, "bad_json"),
        ("application/json", "{\"name\":".to_string(), 400, "bad_json"),
        ("application/json", "{\"name\": \"Ada\"} x".to_string(), 400, "bad_json"),
        ("application/json", "[".repeat(100_000), 400, "bad_json"),
        ("application/json", "[]".to_string(), 422, "bad_user"),
        ("application/json", "null".to_string(), 422, "bad_user"),
        ("application/json", "{}".to_string(), 422, "bad_user"),
        ("application/json", json!({ "name": 7 }).to_string(), 422, "bad_user"),
        ("application/json", json!({ "name": "" }).to_string(), 422, "bad_user"),
        ("application/json", json!({ "name": too_long }).to_string(), 422, "bad_user"),
        ("application/json", json!({ "name": "Ada", "admin": true }).to_string(), 422, "bad_user"),
    ];
    for (method, target, good) in [("POST", "/users", 201), ("PUT", "/users/1", 200)] {
        for (content_type, body, status, code) in &table {
            let fields = [("Content-Type", *content_type)];
            let reply = client.ask(request(method, target, &fields, body.as_bytes())).unwrap();
            let expected = if *status == 0 { good } else { *status };
            assert_eq!(reply.status, expected, "{method} {content_type}: {body}\n{reply:?}");
            let error = reply.json().unwrap()["error"].clone();
            assert_eq!(
                error.as_str().unwrap_or_default(),
                *code,
                "{method} {content_type}: {body}"
            );
        }
    }
    let without_type = client.ask(request("POST", "/users", &[], b"{\"name\":\"Ada\"}")).unwrap();
    assert_eq!(without_type.status, 415);
}

#[test]
fn a_name_is_returned_as_it_was_sent() {
    let program = start();
    let mut client = Client::connect(program.addr()).unwrap();
    for name in ["<b>&\"'</b>", "a\r\nSet-Cookie: x", "\u{0}", "日本語", "\\\\"] {
        let created = send(&mut client, "POST", "/users", &json!({ "name": name }));
        assert_eq!(created.json().unwrap()["name"], name);
        assert_eq!(created.field("Set-Cookie"), None);
    }
}

#[test]
fn clients_that_create_at_the_same_time_get_users_of_their_own() {
    const CLIENTS: usize = 4;
    const EACH: usize = 25;
    let program = start();
    let address = program.addr();
    let create = move || -> Vec<u64> {
        let mut client = Client::connect(address).unwrap();
        let mut id = || {
            send(&mut client, "POST", "/users", &json!({ "name": "x" })).json().unwrap()["id"]
                .as_u64()
        };
        (0..EACH).filter_map(|_| id()).collect()
    };
    let clients: Vec<_> = (0..CLIENTS)
        .map(|number| {
            thread::Builder::new().name(format!("client {number}")).spawn(create).unwrap()
        })
        .collect();
    let ids: BTreeSet<u64> =
        clients.into_iter().flat_map(|client| client.join().unwrap()).collect();
    assert_eq!(ids.len(), CLIENTS * EACH);
    let list = wire::get(address, "/users").unwrap().json().unwrap();
    assert_eq!(list.as_array().unwrap().len(), CLIENTS * EACH);
}

#[test]
fn a_full_collection_rejects_new_users_until_one_is_deleted() {
    const MAX_USERS: usize = 10_000;
    let program = start();
    let ada = json!({ "name": "Ada" });
    let one = request("POST", "/users", JSON, ada.to_string().as_bytes());
    for _ in 0..MAX_USERS / 100 {
        // A hundred at once: few enough that neither side has to wait for the other to read.
        let mut client = Client::connect(program.addr()).unwrap();
        client.send(one.repeat(100)).unwrap();
        for _ in 0..100 {
            assert_eq!(client.read_reply().unwrap().status, 201);
        }
    }
    let mut client = Client::connect(program.addr()).unwrap();
    let full = send(&mut client, "POST", "/users", &ada);
    assert_eq!((full.status, full.json().unwrap()["error"].as_str()), (507, Some("full")));
    assert_eq!(ask(&mut client, "DELETE", "/users/1").status, 204);
    assert_eq!(send(&mut client, "POST", "/users", &ada).status, 201);
}
