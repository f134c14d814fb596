//! Exercise 9: does the cache reuse responses only for the clients, and only for the time, for
//! which it may?

mod answers;
mod many;

use std::collections::BTreeMap;
use std::io::Read;
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use flate2::read::GzDecoder;
use wire::exercise::{self, Answer, Check, Failure, Server, check};

use answers::{another, compared, count, hit, never, same};
use many::{
    changes_elsewhere_do_not_matter, eight_threads, nobody_waits_for_a_handler,
    the_oldest_of_large_ones_goes, the_oldest_of_many_goes,
};

fn main() -> ExitCode {
    exercise::main(CHECKS)
}

const CHECKS: &[Check] = &[
    check(
        "the second response is a HIT, with the status, fields and body of the first, and an Age",
        the_second_is_a_hit,
    )
    .rule("RFC 9111 section 5.1 (Age)"),
    check(
        "an entry is used until its max-age is over, or its s-maxage if it has one",
        entries_expire,
    )
    .rule("RFC 9111 section 4.2.1 (Calculating Freshness Lifetime)"),
    check(
        "an Age that a response has already counts, for its Age and for how long it is used",
        age_goes_on,
    )
    .rule("RFC 9111 section 4.2.3 (Calculating Age)"),
    check("another host, port, path or query is another entry", the_key_is_all_of_it)
        .rule("RFC 9111 section 2 (Overview of Cache Operation)"),
    check("Vary gives each variant its own entry", vary_separates)
        .rule("RFC 9111 section 4.1 (Calculating Cache Keys with the Vary Header Field)"),
    check("clients with and without gzip both get a body that they can read", gzip_and_plain)
        .rule("RFC 9111 section 4.1 (Calculating Cache Keys with the Vary Header Field)"),
    check("a response with Set-Cookie is not kept", cookies_are_not_kept)
        .rule("RFC 9111 section 7.3 (Caching of Sensitive Information)"),
    check(
        "only a 200 with a lifetime is kept, and only if Cache-Control allows it",
        only_what_may_be_kept,
    )
    .rule("RFC 9111 section 3 (Storing Responses in Caches)"),
    check("a response to Authorization is not shared, unless it is public", authorization)
        .rule("RFC 9111 section 3.5 (Storing Responses to Authenticated Requests)"),
    check(
        "no-cache and max-age=0 go to the handler, and the new response is kept",
        clients_may_refresh,
    )
    .rule("RFC 9111 section 5.2.1.4 (no-cache)"),
    check("requests with no-store, Range or content, and POST, bypass the cache", some_go_by)
        .rule("RFC 9111 section 5.2.1.5 (no-store)"),
    check(
        "If-Match and If-Unmodified-Since are for the handler, also if there is an entry",
        some_conditions_go_by,
    )
    .rule("RFC 9111 section 4.3.2 (Handling a Received Validation Request)"),
    check("only-if-cached never runs the handler, and is 504 if there is no entry", only_if_cached)
        .rule("RFC 9111 section 5.2.1.7 (only-if-cached)"),
    check("HEAD is served from the entry of GET, and makes no entry", head_is_served)
        .rule("RFC 9110 section 9.3.2 (HEAD)"),
    check("If-None-Match is served from the entry, with 304 if it matches", conditions_are_served)
        .rule("RFC 9111 section 4.3.2 (Handling a Received Validation Request)"),
    check(
        "a successful POST drops all entries of its path, and a failed POST drops none",
        changes_drop_entries,
    )
    .rule("RFC 9111 section 4.4 (Invalidating Stored Responses)"),
    check(
        "the Location and Content-Location of a POST are dropped too, on the same host",
        changes_drop_what_they_name,
    )
    .rule("RFC 9111 section 4.4 (Invalidating Stored Responses)"),
    check("request IDs and fields of one connection are not kept", some_fields_are_not_kept)
        .rule("RFC 9110 section 7.6.1 (Connection)"),
    check("a page of another origin gets its own CORS fields with a HIT", cors_is_not_kept)
        .rule("WHATWG Fetch section 3.2 (CORS protocol)"),
    check("of 129 entries the least recently used is gone", the_oldest_of_many_goes),
    check(
        "there are never more than 8 MiB, nor a body of more than 1 MiB",
        the_oldest_of_large_ones_goes,
    ),
    check("other requests are served while a handler runs", nobody_waits_for_a_handler),
    check(
        "a response is kept even if another path changes while it is made",
        changes_elsewhere_do_not_matter,
    )
    .rule("RFC 9111 section 4.4 (Invalidating Stored Responses)"),
    check("8 threads get the kept responses, each the right one", eight_threads),
];

fn the_second_is_a_hit(server: &Server) -> Result<(), Failure> {
    let target = "/counter?ttl=60&field=X-Own:one&field=X-Own:two";
    let first = server.get(target)?;
    first.status(200)?.field("X-Cache", "MISS")?.no_field("Age")?;
    // Wait until a newly generated Date would differ.
    thread::sleep(Duration::from_millis(1100));
    let second = server.get(target)?;
    hit(&second)?.body(&first.body)?;
    let age = second.has("Age")?;
    second.require(
        ["1", "2", "3"].contains(&age),
        "Age: 1, in whole seconds",
        format!("Age: {age}"),
    )?;
    let (mut expected, mut got) = (compared(&first), compared(&second));
    expected.sort();
    got.sort();
    second.require(expected == got, expected.join(" | "), got.join(" | "))?;
    made_just_now(server)?;
    // The body of a file is not in memory.
    for target in ["/static/hello.txt", "/static/style.css"] {
        let first = server.get(target)?;
        first.status(200)?.field("X-Cache", "MISS")?;
        hit(&server.get(target)?)?.body(&first.body)?;
    }
    Ok(())
}

/// No response is a second old at once. Near the end of a second it may seem so, but not every
/// time.
fn made_just_now(server: &Server) -> Result<(), Failure> {
    for number in 0.. {
        let target = format!("/counter?ttl=60&now={number}");
        server.get(&target)?.status(200)?;
        let second = server.get(&target)?;
        hit(&second)?;
        let age = second.has("Age")?;
        if age == "0" {
            break;
        }
        second.require(number < 10, "Age: 0 right away", format!("Age: {age}"))?;
    }
    Ok(())
}

fn entries_expire(server: &Server) -> Result<(), Failure> {
    let short = ["/counter?ttl=1", "/counter?ttl=60&field=Cache-Control:s-maxage=1"];
    let long = ["/counter?ttl=60", "/counter?ttl=0&field=Cache-Control:s-maxage=60"];
    let mut counts = BTreeMap::new();
    for target in short.into_iter().chain(long) {
        let answer = server.get(target)?;
        counts.insert(target, count(answer.field("X-Cache", "MISS")?)?);
        same(&server.get(target)?, counts[target])?;
    }
    thread::sleep(Duration::from_millis(1100));
    for target in short {
        another(&server.get(target)?, counts[target])?.field("X-Cache", "MISS")?;
    }
    for target in long {
        same(&server.get(target)?, counts[target])?;
    }
    Ok(())
}

fn age_goes_on(server: &Server) -> Result<(), Failure> {
    let (long, short) = ("/counter?ttl=600&field=Age:59", "/counter?ttl=60&field=Age:59");
    for target in [long, short] {
        server.get(target)?.status(200)?.field("X-Cache", "MISS")?;
    }
    let second = server.get(long)?;
    hit(&second)?;
    let age = second.one("Age")?;
    let is_right = ["59", "60", "61"].contains(&age);
    second.require(is_right, "an Age of 59 seconds and what has passed", age)?;
    thread::sleep(Duration::from_millis(1100));
    server.get(short)?.status(200)?.field("X-Cache", "MISS")?;
    // A response that is already stale is not reused.
    let old = "/counter?ttl=60&field=Age:60";
    let first = server.get(old)?;
    never(&server.get(old)?, count(&first)?)
}

fn the_key_is_all_of_it(server: &Server) -> Result<(), Failure> {
    let mut counts = BTreeMap::new();
    for target in
        ["/counter?ttl=60", "/counter?ttl=61", "/counter?ttl=60&x=1", "/counter?x=1&ttl=60"]
    {
        let answer = server.get(target)?;
        counts.insert(target, count(answer.field("X-Cache", "MISS")?)?);
    }
    server.get("/static/hello.txt")?.status(200)?.field("X-Cache", "MISS")?;
    for (target, count) in counts {
        same(&server.get(target)?, count)?;
    }
    let at = |host: &str| {
        let text = format!(
            "GET /counter?ttl=60&h=1 HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
        );
        server.send(text.as_bytes())
    };
    let here = count(&at("a.example")?)?;
    for host in ["b.example", "a.example:81"] {
        let there = at(host)?;
        another(&there, here)?.field("X-Cache", "MISS")?;
        same(&at("a.example")?, here)?;
        same(&at(host)?, count(&there)?)?;
    }
    Ok(())
}

fn vary_separates(server: &Server) -> Result<(), Failure> {
    for vary in
        ["Accept-Language", "X-Kind,%20accept-language", "X-Kind&field=Vary:accept-language"]
    {
        let target = format!("/counter?ttl=60&field=Vary:{vary}");
        let clients: [&[(&str, &str)]; 4] = [
            &[("Accept-Language", "de")],
            &[("Accept-Language", "en")],
            &[("accept-language", "en, de")],
            &[],
        ];
        let mut counts = Vec::new();
        for fields in clients {
            let answer = server.ask("GET", &target, fields, b"")?;
            counts.push(count(answer.status(200)?.field("X-Cache", "MISS")?)?);
        }
        for (fields, count) in clients.into_iter().zip(counts) {
            // A field that Vary does not list does not select a response.
            let fields = [fields, &[("User-Agent", "another")]].concat();
            same(&server.ask("GET", &target, &fields, b"")?, count)?;
        }
    }
    Ok(())
}

fn gzip_and_plain(server: &Server) -> Result<(), Failure> {
    let gzip = [("Accept-Encoding", "gzip")];
    for (target, fields) in
        [("/counter?ttl=60&kb=4", [&gzip[..], &[]]), ("/counter?ttl=60&kb=5", [&[], &gzip[..]])]
    {
        let mut plain = Vec::new();
        for fields in fields {
            let answer = server.ask("GET", target, fields, b"")?;
            answer.status(200)?.field("X-Cache", "MISS")?;
            plain.push(readable(&answer, fields)?);
        }
        for (fields, plain) in fields.into_iter().zip(plain) {
            let answer = server.ask("GET", target, fields, b"")?;
            hit(&answer)?;
            let again = readable(&answer, fields)?;
            let expected = "the content that this client got before";
            answer.require(again == plain, expected, "other content")?;
        }
    }
    Ok(())
}

/// The decoded content, if a client that has sent these fields can decode it.
fn readable(answer: &Answer, fields: &[(&str, &str)]) -> Result<Vec<u8>, Failure> {
    if fields.is_empty() {
        answer.no_field("Content-Encoding")?;
        return Ok(answer.body.clone());
    }
    answer.field("Content-Encoding", "gzip")?;
    let mut content = Vec::new();
    GzDecoder::new(&answer.body[..])
        .read_to_end(&mut content)
        .map_err(|error| answer.failure("a body compressed with gzip", error))?;
    Ok(content)
}

fn cookies_are_not_kept(server: &Server) -> Result<(), Failure> {
    for control in ["", "&field=Cache-Control:public,s-maxage=60"] {
        let target = format!("/counter?ttl=60{control}&field=Set-Cookie:session=secret");
        let first = server.get(&target)?;
        first.status(200)?.field("Set-Cookie", "session=secret")?;
        never(&server.get(&target)?, count(&first)?)?;
    }
    Ok(())
}

fn only_what_may_be_kept(server: &Server) -> Result<(), Failure> {
    for query in [
        "",
        "ttl=0",
        "field=Cache-Control:public",
        "field=Cache-Control:max-age=soon",
        "field=Cache-Control:max-age=-1",
        "ttl=60&field=Cache-Control:no-store",
        "ttl=60&field=Cache-Control:NO-STORE",
        "ttl=60&field=Cache-Control:private",
        "ttl=60&field=Cache-Control:private=%22X-Own%22",
        "ttl=60&field=Cache-Control:no-cache",
        "ttl=60&field=Cache-Control:s-maxage=0",
        "ttl=60&field=Vary:*",
        "ttl=60&field=Vary:Accept,*",
        "ttl=60&field=Vary:Accept&field=Vary:*",
        "ttl=60&field=Cache-Control:s-maxage=abc",
        "ttl=60&field=Cache-Control:s-maxage",
        "ttl=60&status=201",
        "ttl=60&status=203",
        "ttl=60&status=301",
        "ttl=60&status=308",
        "ttl=60&status=410",
        "ttl=60&status=404",
        "ttl=60&status=500",
    ] {
        let target = format!("/counter?{query}");
        let first = server.get(&target)?;
        never(&first, 0)?;
        never(&server.get(&target)?, count(&first)?)?;
    }
    Ok(())
}

fn authorization(server: &Server) -> Result<(), Failure> {
    let ask = |target: &str, who: &str| {
        server.ask("GET", target, &[("Authorization", &format!("Bearer {who}"))], b"")
    };
    // Requests of one user, of another user, of the first user again, and without credentials.
    let target = "/counter?ttl=60";
    let ada = count(ask(target, "ada")?.status(200)?)?;
    let bob = ask(target, "bob")?;
    never(&bob, ada)?;
    never(&ask(target, "ada")?, ada)?;
    let nobody = server.get(target)?;
    another(&nobody, count(&bob)?)?.field("X-Cache", "MISS")?;
    // The response without credentials may differ from ada's.
    never(&ask(target, "ada")?, count(&nobody)?)?;
    same(&server.get(target)?, count(&nobody)?)?;
    for control in ["public", "s-maxage=60"] {
        let target = format!("/counter?ttl=60&field=Cache-Control:{control}");
        let ada = ask(&target, "ada")?;
        ada.status(200)?;
        same(&ask(&target, "bob")?, count(&ada)?)?;
        same(&server.get(&target)?, count(&ada)?)?;
    }
    Ok(())
}

fn clients_may_refresh(server: &Server) -> Result<(), Failure> {
    for directive in ["no-cache", "max-age=0", "No-Cache, x=1"] {
        let target = "/counter?ttl=60";
        server.get(target)?.status(200)?;
        let old = server.get(target)?;
        hit(&old)?;
        let new = server.ask("GET", target, &[("Cache-Control", directive)], b"")?;
        another(&new, count(&old)?)?;
        same(&server.get(target)?, count(&new)?)?;
    }
    Ok(())
}

fn some_go_by(server: &Server) -> Result<(), Failure> {
    let target = "/counter?ttl=60";
    let secret = server.ask("GET", target, &[("Cache-Control", "no-store")], b"")?;
    secret.status(200)?.field("X-Cache", "BYPASS")?;
    let first = server.get(target)?;
    another(&first, count(&secret)?)?.field("X-Cache", "MISS")?;
    let again = server.ask("GET", target, &[("Cache-Control", "no-store")], b"")?;
    another(&again, count(&first)?)?.field("X-Cache", "BYPASS")?;
    same(&server.get(target)?, count(&first)?)?;
    // The handler may send a part or the whole, and the cache stores neither.
    let part = [("Range", "bytes=0-3")];
    let file = "/static/hello.txt";
    server.ask("GET", file, &part, b"")?.field("X-Cache", "BYPASS")?;
    server.get(file)?.status(200)?.field("X-Cache", "MISS")?;
    server.ask("GET", file, &part, b"")?.field("X-Cache", "BYPASS")?;
    // Content in a GET has no defined semantics, and the key does not cover it.
    let content = "/counter?ttl=60&c=1";
    let first = server.ask("GET", content, &[], b"x")?;
    first.status(200)?.field("X-Cache", "BYPASS")?;
    let plain = server.get(content)?;
    another(&plain, count(&first)?)?.field("X-Cache", "MISS")?;
    another(&server.ask("GET", content, &[], b"x")?, count(&plain)?)?.field("X-Cache", "BYPASS")?;
    // The response to a POST must not be reused for a GET.
    let post = server.ask("POST", "/counter?ttl=60&p=1", &[], b"")?;
    post.status(200)?.field("X-Cache", "BYPASS")?;
    another(&server.get("/counter?ttl=60&p=1")?, count(&post)?)?;
    Ok(())
}

fn some_conditions_go_by(server: &Server) -> Result<(), Failure> {
    let long_ago = ("If-Unmodified-Since", "Thu, 01 Jan 1970 00:00:00 GMT");
    let other = ("If-Match", "\"other\"");
    for (target, condition) in
        [("/counter?ttl=60", other), ("/static/hello.txt", other), ("/static/style.css", long_ago)]
    {
        server.get(target)?.status(200)?.field("X-Cache", "MISS")?;
        hit(&server.get(target)?)?;
        let answer = server.ask("GET", target, &[condition], b"")?;
        answer.status(412)?.field("X-Cache", "BYPASS")?;
        hit(&server.get(target)?)?;
    }
    Ok(())
}

fn only_if_cached(server: &Server) -> Result<(), Failure> {
    let target = "/counter?ttl=60";
    let only = [("Cache-Control", "only-if-cached")];
    server.ask("GET", target, &only, b"")?.error(504, "not_cached")?;
    let first = server.get(target)?;
    let counted = count(first.status(200)?.field("X-Cache", "MISS")?)?;
    let expected = "a count of 1: the handler has not run before";
    first.require(counted == 1, expected, format!("a count of {counted}"))?;
    same(&server.ask("GET", target, &only, b"")?, counted)
}

fn head_is_served(server: &Server) -> Result<(), Failure> {
    let target = "/counter?ttl=60&kb=1";
    server.ask("HEAD", target, &[], b"")?.status(200)?.field("X-Cache", "MISS")?.body(b"")?;
    let get = server.get(target)?;
    get.status(200)?.field("X-Cache", "MISS")?;
    let head = server.ask("HEAD", target, &[], b"")?;
    hit(&head)?.body(b"")?;
    for name in ["ETag", "Content-Type", "Content-Length", "Cache-Control"] {
        head.field(name, get.has(name)?)?;
    }
    same(&server.get(target)?, count(&get)?)
}

fn conditions_are_served(server: &Server) -> Result<(), Failure> {
    let target = "/counter?ttl=60";
    let first = server.get(target)?;
    first.status(200)?;
    let etag = first.has("ETag")?;
    let list = format!("\"x\", W/{etag}");
    for tags in [etag, &list, "*"] {
        let answer = server.ask("GET", target, &[("If-None-Match", tags)], b"")?;
        answer.status(304)?.field("X-Cache", "HIT")?.field("ETag", etag)?.body(b"")?;
        answer.field("Cache-Control", "max-age=60")?;
    }
    // A list may be sent in several lines.
    let lines = [("If-None-Match", "\"x\""), ("If-None-Match", etag)];
    server.ask("GET", target, &lines, b"")?.status(304)?.field("X-Cache", "HIT")?;
    for tags in ["\"x\"", "\"11\""] {
        same(&server.ask("GET", target, &[("If-None-Match", tags)], b"")?, count(&first)?)?;
    }
    same(&server.get(target)?, count(&first)?)
}

fn changes_drop_entries(server: &Server) -> Result<(), Failure> {
    let targets = ["/counter?ttl=60", "/counter?ttl=61", "/counter?ttl=62&field=Vary:X-Kind"];
    let mut counts = Vec::new();
    for target in targets {
        counts.push(count(server.get(target)?.status(200)?)?);
    }
    server.get("/static/hello.txt")?.status(200)?;
    for status in [400, 404, 500] {
        let target = format!("/counter?status={status}");
        server.ask("POST", &target, &[], b"")?.status(status)?;
    }
    server.ask("DELETE", "/counter", &[], b"")?.status(405)?;
    for (target, count) in targets.into_iter().zip(&counts) {
        same(&server.get(target)?, *count)?;
    }
    for status in [200, 303] {
        server.ask("POST", &format!("/counter?status={status}"), &[], b"")?.status(status)?;
        for target in targets {
            server.get(target)?.status(200)?.field("X-Cache", "MISS")?;
        }
    }
    // Another path is not affected.
    hit(&server.get("/static/hello.txt")?)?;
    Ok(())
}

fn changes_drop_what_they_name(server: &Server) -> Result<(), Failure> {
    let file = "/static/hello.txt";
    for (field, is_dropped) in [
        ("Location:/static/hello.txt", true),
        ("Content-Location:/static/hello.txt", true),
        ("Location:http://other.example/static/hello.txt", false),
        ("Location:/static/style.css", false),
    ] {
        server.get(file)?.status(200)?;
        hit(&server.get(file)?)?;
        let target = format!("/counter?status=201&field={field}");
        server.ask("POST", &target, &[], b"")?.status(201)?;
        let expected = if is_dropped { "MISS" } else { "HIT" };
        server.get(file)?.status(200)?.field("X-Cache", expected)?;
    }
    Ok(())
}

fn some_fields_are_not_kept(server: &Server) -> Result<(), Failure> {
    let named = "/counter?ttl=60&field=Connection:X-Hop&field=X-Hop:1&field=X-Own:kept";
    server.get(named)?.status(200)?;
    hit(&server.get(named)?)?.no_field("X-Hop")?.field("X-Own", "kept")?;
    let target = "/counter?ttl=60&field=Keep-Alive:timeout=5&field=X-Own:kept";
    let first = server.get(target)?;
    first.status(200)?;
    let mut ids = vec![first.has("X-Request-ID")?.to_string()];
    for _ in 0..2 {
        let answer = server.get(target)?;
        hit(&answer)?.no_field("Keep-Alive")?.field("X-Own", "kept")?;
        let id = answer.one("X-Request-ID")?.to_string();
        let expected = "an X-Request-ID that no other response has";
        answer.require(!ids.contains(&id), expected, &id)?;
        ids.push(id);
    }
    let answer = server.ask("GET", target, &[("X-Request-ID", "my-own-id")], b"")?;
    hit(&answer)?.field("X-Request-ID", "my-own-id")?;
    Ok(())
}

fn cors_is_not_kept(server: &Server) -> Result<(), Failure> {
    const ALLOWED: [&str; 2] = ["http://localhost:3000", "http://127.0.0.1:3000"];
    let target = "/counter?ttl=60";
    let ask = |origin: &str| server.ask("GET", target, &[("Origin", origin)], b"");
    let first = ask(ALLOWED[0])?;
    first.status(200)?.field("Access-Control-Allow-Origin", ALLOWED[0])?;
    for origin in ALLOWED {
        let answer = ask(origin)?;
        answer.status(200)?.field("Access-Control-Allow-Origin", origin)?;
    }
    ask("http://evil.example")?.status(200)?.no_field("Access-Control-Allow-Origin")?;
    let plain = server.get(target)?;
    plain.no_field("Access-Control-Allow-Origin")?;
    hit(&plain)?;
    Ok(())
}
