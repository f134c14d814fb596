//! The cache in the program, with the page `/counter`, whose response is different each time it is
//! generated.

use wire::{Client, Program, Reply, request};

fn start() -> (Program, Client) {
    let program =
        Program::start(env!("CARGO_BIN_EXE_httpserver"), &["--addr", "127.0.0.1:0"]).unwrap();
    let client = Client::connect(program.addr()).unwrap();
    (program, client)
}

fn get(client: &mut Client, target: &str, fields: &[(&str, &str)]) -> Reply {
    client.ask(request("GET", target, fields, b"")).unwrap()
}

/// A cache must not evaluate these conditions (RFC 9111 section 4.3.2), but the handler must (RFC 9110 section 13.1.1).
#[test]
fn conditions_that_are_not_for_a_cache_are_evaluated_by_the_handler() {
    let (_program, mut client) = start();
    let target = "/counter?ttl=60";
    assert_eq!(get(&mut client, target, &[]).field("X-Cache"), Some("MISS"));
    assert_eq!(get(&mut client, target, &[]).field("X-Cache"), Some("HIT"));
    for (fields, status) in [
        (&[("If-Match", "\"x\"")][..], 412),
        // The condition names the tag of the first response, and each response has another tag.
        (&[("If-Match", "\"1\"")], 412),
        (&[("If-Match", "*")], 200),
        (&[("If-Match", "*"), ("If-None-Match", "*")], 304),
    ] {
        let reply = get(&mut client, target, fields);
        assert_eq!(reply.status, status, "{fields:?}: {reply:?}");
        assert_eq!(reply.field("X-Cache"), Some("BYPASS"), "{fields:?}");
    }
    let failed = get(&mut client, "/counter?status=404", &[("If-Match", "\"x\"")]);
    assert_eq!(failed.status, 404, "it fails anyway: RFC 9110 section 13.2.1");
    let file = get(&mut client, "/static/hello.txt", &[("If-Match", "\"x\"")]);
    assert_eq!(file.status, 412, "{file:?}");
}
