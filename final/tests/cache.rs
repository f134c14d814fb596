//! Tests of the cache layer without a server: which responses a shared cache may store, for which requests, and for how
//! long (RFC 9111).

use std::io::Write;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use httpserver::http::date::imf_fixdate;
use httpserver::http::request::RequestBuilder;
use httpserver::http::{
    Handler, HeaderName, HeaderValue, Method, Request, Response, ResponseBody, Router, Status,
};
use httpserver::middleware::cache::Capacity;
use httpserver::middleware::{Chain, ResponseCache};

/// Field lines as a table writes them: `Name: value`.
type Lines = &'static [&'static str];

const MINUTE: Lines = &["Cache-Control: max-age=60"];

fn split(line: &str) -> (&str, &str) {
    line.split_once(": ").unwrap()
}

fn get(target: &str) -> RequestBuilder {
    Request::builder(Method::Get, target).header("Host", "a")
}

fn with(request: RequestBuilder, lines: &[&str]) -> Request {
    let add = |request: RequestBuilder, line: &&str| {
        let (name, value) = split(line);
        request.header(name, value)
    };
    lines.iter().fold(request, add).build()
}

fn response(status: Status, lines: &[&str]) -> Response {
    let add = |response: Response, line: &&str| {
        let (name, value) = split(line);
        response
            .with_header(HeaderName::try_from(name).unwrap(), HeaderValue::try_from(value).unwrap())
    };
    lines.iter().fold(Response::text("made").with_status(status), add)
}

fn cached(handler: impl Handler) -> Chain {
    Chain::around(handler).with(ResponseCache::new())
}

fn field(response: &Response, name: &str) -> String {
    let value = response.headers().get(name).and_then(HeaderValue::to_str);
    value.unwrap_or_default().to_string()
}

fn ask(chain: &Chain, mut request: Request) -> Response {
    chain.handle(&mut request)
}

/// The X-Cache field of the response: `HIT`, `MISS` or `BYPASS`.
fn word(chain: &Chain, request: Request) -> String {
    field(&ask(chain, request), "X-Cache")
}

/// The bytes of a body, read as the encoder would.
fn bytes(response: Response) -> Vec<u8> {
    let mut bytes = Vec::new();
    match response.into_parts().2 {
        ResponseBody::Empty => {}
        ResponseBody::Bytes(all) => bytes.extend_from_slice(&all),
        ResponseBody::Shared { bytes: all, range } => bytes.extend_from_slice(&all[range]),
        ResponseBody::File { .. } => unreachable!("a cache makes a stream of a file"),
        ResponseBody::Stream { mut reader, .. } => {
            reader.read_to_end(&mut bytes).unwrap();
        }
    }
    bytes
}

#[test]
fn a_response_is_stored_if_it_has_a_lifetime_and_is_public() {
    const NAMED: Lines = &["Authorization: Basic x"];
    let table: &[(Status, Lines, Lines, &str)] = &[
        (Status::OK, MINUTE, &[], "HIT"),
        (Status::OK, &[], &[], "MISS"),
        (Status::OK, &["Cache-Control: max-age=0"], &[], "MISS"),
        (Status::OK, &["Cache-Control: no-store, max-age=60"], &[], "MISS"),
        (Status::OK, &["Cache-Control: private, max-age=60"], &[], "MISS"),
        (Status::OK, &["Cache-Control: no-cache, max-age=60"], &[], "MISS"),
        (Status::OK, &["Cache-Control: s-maxage=60, max-age=0"], &[], "HIT"),
        (Status::OK, &["Cache-Control: max-age=60, s-maxage=0"], &[], "MISS"),
        (Status::OK, &["Cache-Control: max-age=60", "Set-Cookie: a=b"], &[], "MISS"),
        (Status::OK, &["Cache-Control: max-age=60", "Vary: *"], &[], "MISS"),
        (Status::OK, &["Cache-Control: max-age=60", "Vary: Accept, *"], &[], "MISS"),
        (Status::NOT_FOUND, MINUTE, &[], "MISS"),
        (Status::FOUND, MINUTE, &[], "MISS"),
        (Status::PARTIAL_CONTENT, MINUTE, &[], "MISS"),
        // A response to a request with credentials is only for that client (RFC 9111 section 3.5).
        (Status::OK, MINUTE, NAMED, "MISS"),
        (Status::OK, &["Cache-Control: public, max-age=60"], NAMED, "HIT"),
        (Status::OK, &["Cache-Control: s-maxage=60"], NAMED, "HIT"),
    ];
    for &(status, made, asked, expected) in table {
        let chain = cached(move |_: &mut Request| response(status, made));
        assert_eq!(word(&chain, with(get("/"), asked)), "MISS");
        let second = ask(&chain, with(get("/"), asked));
        assert_eq!(field(&second, "X-Cache"), expected, "{status:?} {made:?} to {asked:?}");
        assert_eq!((second.status(), bytes(second)), (status, b"made".to_vec()));
    }
}

#[test]
fn a_stored_response_is_reused_for_the_same_request() {
    use Method::{Get, Head, Post};
    let table: &[(Method, &str, Lines, &str)] = &[
        (Get, "/x?y", &["Host: a"], "HIT"),
        (Head, "/x?y", &["Host: a"], "HIT"),
        (Post, "/x?y", &["Host: a"], "BYPASS"),
        (Get, "/x?y", &["Host: A"], "HIT"),
        (Get, "/x?y", &["Host: b"], "MISS"),
        (Get, "/x", &["Host: a"], "MISS"),
        (Get, "/x?z", &["Host: a"], "MISS"),
        (Get, "/X?y", &["Host: a"], "MISS"),
        (Get, "/x?y", &["Host: a", "Cache-Control: only-if-cached"], "HIT"),
        (Get, "/x?y", &["Host: a", "Cache-Control: no-cache"], "MISS"),
        (Get, "/x?y", &["Host: a", "Cache-Control: no-store"], "BYPASS"),
        (Get, "/x?y", &["Host: a", "Range: bytes=0-1"], "BYPASS"),
        (Get, "/x?y", &["Host: a", "If-Range: \"a\""], "BYPASS"),
        (Get, "/x?y", &["Host: a", "If-Match: \"a\""], "BYPASS"),
        (Get, "/x?y", &["Host: a", "If-Unmodified-Since: x"], "BYPASS"),
        // The stored response was made for a client without the field, so this client could get another one.
        (Get, "/x?y", &["Host: a", "Authorization: Basic x"], "MISS"),
    ];
    for (method, target, lines, expected) in table {
        let chain = cached(|_: &mut Request| response(Status::OK, MINUTE));
        word(&chain, get("/x?y").build());
        let request = with(Request::builder(*method, target), lines);
        assert_eq!(word(&chain, request), *expected, "{method} {target} {lines:?}");
    }
}

#[test]
fn only_if_cached_gets_a_stored_response_or_504() {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let chain = cached(move |_: &mut Request| {
        count.fetch_add(1, Ordering::SeqCst);
        response(Status::OK, MINUTE)
    });
    for (lines, expected) in [
        (&["Cache-Control: only-if-cached"][..], "MISS"),
        (&["Cache-Control: only-if-cached", "Range: bytes=0-1"], "BYPASS"),
    ] {
        let refused = ask(&chain, with(get("/"), lines));
        assert_eq!(refused.status(), Status::GATEWAY_TIMEOUT, "{lines:?}");
        assert_eq!(field(&refused, "X-Cache"), expected);
    }
    assert_eq!(asked.load(Ordering::SeqCst), 0);
}

#[test]
fn a_change_invalidates_the_entries_of_its_path() {
    use Method::{Delete, Get, Head, Options, Post, Put};
    let table = [
        (Post, "/x", "a", Status::OK, "MISS"),
        (Put, "/x", "a", Status::NO_CONTENT, "MISS"),
        (Delete, "/x", "A", Status::OK, "MISS"),
        // Post/Redirect/Get: a redirect means that the change was made (RFC 9111 section 4.4).
        (Post, "/x", "a", Status::SEE_OTHER, "MISS"),
        (Post, "/x?other", "a", Status::OK, "MISS"),
        // Nothing has changed, or another resource has.
        (Post, "/x", "a", Status::BAD_REQUEST, "HIT"),
        (Post, "/x", "a", Status::INTERNAL_SERVER_ERROR, "HIT"),
        (Post, "/x/y", "a", Status::OK, "HIT"),
        (Post, "/x", "b", Status::OK, "HIT"),
        (Options, "/x", "a", Status::OK, "HIT"),
        (Head, "/x", "a", Status::OK, "HIT"),
        (Get, "/x?z", "a", Status::OK, "HIT"),
    ];
    for (method, target, host, status, expected) in table {
        let chain = cached(move |request: &mut Request| {
            let status = if request.method() == Get { Status::OK } else { status };
            response(status, MINUTE)
        });
        word(&chain, get("/x?y").build());
        let change = Request::builder(method, target).header("Host", host).build();
        word(&chain, change);
        assert_eq!(word(&chain, get("/x?y").build()), expected, "{method} {target} {status:?}");
    }
}

/// Changes the resource after the handler has read it and before the response is stored.
#[test]
fn a_response_overtaken_by_a_change_is_not_stored() {
    let outside: Arc<OnceLock<Chain>> = Arc::default();
    let inside = Arc::clone(&outside);
    let chain = cached(move |request: &mut Request| {
        if request.method() == Method::Get
            && let Some(chain) = inside.get()
        {
            ask(chain, Request::builder(Method::Post, "/").header("Host", "a").build());
        }
        response(Status::OK, MINUTE)
    });
    let _ = outside.set(chain);
    let chain = outside.get().unwrap();
    assert_eq!([word(chain, get("/").build()), word(chain, get("/").build())], ["MISS", "MISS"]);
}

/// Writes to other resources, however frequent, must not prevent this response from being stored.
#[test]
fn a_change_of_another_resource_overtakes_nothing() {
    for (target, host) in [("/other", "a"), ("/x/y", "a"), ("/x", "b")] {
        let outside: Arc<OnceLock<Chain>> = Arc::default();
        let inside = Arc::clone(&outside);
        let chain = cached(move |request: &mut Request| {
            if request.method() == Method::Get
                && let Some(chain) = inside.get()
            {
                ask(chain, Request::builder(Method::Post, target).header("Host", host).build());
            }
            response(Status::OK, MINUTE)
        });
        let _ = outside.set(chain);
        let chain = outside.get().unwrap();
        let words = [(); 2].map(|()| word(chain, get("/x").build()));
        assert_eq!(words, ["MISS", "HIT"], "{host}{target}");
    }
}

/// RFC 9111 section 4.4: the resources in Location and Content-Location have changed too, if they are of the same
/// origin.
#[test]
fn a_change_invalidates_the_resources_in_its_response_on_the_same_host() {
    let table = [
        ("Location", "/x", "MISS"),
        ("Location", "/x?page=2", "MISS"),
        ("Location", "/%78#top", "MISS"),
        ("Location", "http://a/x", "MISS"),
        ("Location", "http://A/x", "MISS"),
        ("Content-Location", "/x", "MISS"),
        ("Location", "/x/y", "HIT"),
        ("Location", "http://b/x", "HIT"),
        ("Location", "http://a:8080/x", "HIT"),
        ("Content-Location", "http://b/x", "HIT"),
        ("Content-Location", "%", "HIT"),
        ("Link", "/x", "HIT"),
    ];
    for (name, value, expected) in table {
        let chain = cached(move |request: &mut Request| {
            if request.method() == Method::Get {
                return response(Status::OK, MINUTE);
            }
            let name = HeaderName::try_from(name).unwrap();
            let value = HeaderValue::try_from(value).unwrap();
            response(Status::CREATED, &[]).with_header(name, value)
        });
        word(&chain, get("/x?y").build());
        word(&chain, Request::builder(Method::Post, "/list").header("Host", "a").build());
        assert_eq!(word(&chain, get("/x?y").build()), expected, "{name}: {value}");
    }
}

/// The meaning of content in a GET is up to the server, and the key does not cover it.
#[test]
fn a_get_with_content_bypasses_the_cache() {
    let chain = cached(|_: &mut Request| response(Status::OK, MINUTE));
    let with_content = || get("/").body("x").build();
    assert_eq!(word(&chain, with_content()), "BYPASS");
    assert_eq!(word(&chain, get("/").build()), "MISS");
    assert_eq!(word(&chain, with_content()), "BYPASS");
    assert_eq!(word(&chain, get("/").body("").build()), "HIT");
}

/// RFC 9111 section 4.2.3: a response that another cache has stored for 59 seconds is 59 seconds old in
/// this cache.
#[test]
fn an_age_field_counts_for_the_age() {
    let now = || std::time::SystemTime::now();
    let ago = |seconds| imf_fixdate(now() - Duration::from_secs(seconds));
    let table: [(&[(&str, String)], &str, &[&str]); 9] = [
        (&[("Age", "0".to_string())], "HIT", &["0"]),
        (&[("Age", "59".to_string())], "HIT", &["59", "60"]),
        (&[("Age", "60".to_string())], "MISS", &["60"]),
        (&[("Age", "99999999999999999999".to_string())], "MISS", &["99999999999999999999"]),
        // The first element of a list counts, and an invalid number is ignored (section 5.1).
        (&[("Age", "7, 60".to_string())], "HIT", &["7", "8"]),
        (&[("Age", "old".to_string())], "HIT", &["0", "1"]),
        (&[("Date", ago(30))], "HIT", &["30", "31"]),
        (&[("Date", ago(60))], "MISS", &[""]),
        (&[("Date", ago(5)), ("Age", "20".to_string())], "HIT", &["20", "21"]),
    ];
    for (fields, expected, ages) in table {
        let fields = fields.to_vec();
        let shown = format!("{fields:?}");
        let chain = cached(move |_: &mut Request| {
            let mut response = response(Status::OK, MINUTE);
            for (name, value) in &fields {
                let name = HeaderName::try_from(*name).unwrap();
                response.headers_mut().append(name, HeaderValue::try_from(value.as_str()).unwrap());
            }
            response
        });
        word(&chain, get("/").build());
        let second = ask(&chain, get("/").build());
        assert_eq!(field(&second, "X-Cache"), expected, "{shown}");
        assert!(second.headers().get_all("Age").count() <= 1, "{shown}");
        assert!(ages.contains(&&*field(&second, "Age")), "{shown}: {}", field(&second, "Age"));
    }
}

#[test]
fn paths_can_be_excluded_with_everything_below_them() {
    let cache = ResponseCache::new().except("/static");
    let chain = Chain::around(|_: &mut Request| response(Status::OK, MINUTE)).with(cache);
    for (target, expected) in [
        ("/static", "BYPASS"),
        ("/static?x", "BYPASS"),
        ("/static/a", "BYPASS"),
        ("/statics", "HIT"),
        ("/a/static", "HIT"),
    ] {
        word(&chain, get(target).build());
        assert_eq!(word(&chain, get(target).build()), expected, "{target}");
    }
}

#[test]
fn fields_of_one_request_or_connection_are_not_stored() {
    let chain = cached(|_: &mut Request| {
        let lines = ["X-Request-ID: one", "Connection: X-Hop", "X-Hop: 1", "X-Own: 1"];
        response(Status::OK, &[MINUTE, &lines].concat())
    });
    let own = |response: &Response| {
        ["X-Request-ID", "Connection", "X-Hop", "X-Own"].map(|name| field(response, name))
    };
    let first = ask(&chain, get("/").build());
    assert_eq!(own(&first), ["one", "X-Hop", "1", "1"]);
    assert_eq!(own(&ask(&chain, get("/").build())), ["", "", "", "1"]);
}

#[test]
fn a_stored_response_keeps_its_date() {
    let seven_seconds_ago = imf_fixdate(std::time::SystemTime::now() - Duration::from_secs(7));
    for made in [Some(seven_seconds_ago), None] {
        let date = made.clone();
        let chain = cached(move |_: &mut Request| match &date {
            None => response(Status::OK, MINUTE),
            Some(date) => response(Status::OK, MINUTE).with_header(
                HeaderName::from_static("Date"),
                HeaderValue::try_from(date.as_str()).unwrap(),
            ),
        });
        let [first, second] = [(); 2].map(|()| ask(&chain, get("/").build()));
        assert_eq!((&*field(&first, "Age"), &*field(&second, "X-Cache")), ("", "HIT"));
        let dates: Vec<_> = second.headers().get_all("Date").collect();
        assert_eq!(dates, first.headers().get_all("Date").collect::<Vec<_>>());
        assert_eq!(dates.len(), 1);
        assert!(made.is_none_or(|made| dates[0].to_str() == Some(&*made)));
    }
}

#[test]
fn a_client_with_the_current_version_gets_304() {
    const KEPT_FIELDS: Lines = &[
        "Cache-Control: max-age=60",
        "ETag: \"a\"",
        "Last-Modified: Thu, 01 Jan 1970 00:01:00 GMT",
        "Content-Encoding: identity",
    ];
    let chain = cached(|_: &mut Request| response(Status::OK, KEPT_FIELDS));
    word(&chain, get("/").build());
    let table: &[(Lines, Status)] = &[
        (&["If-None-Match: \"b\", \"a\""], Status::NOT_MODIFIED),
        (&["If-None-Match: \"b\""], Status::OK),
        (&["If-Modified-Since: Thu, 01 Jan 1970 00:01:00 GMT"], Status::NOT_MODIFIED),
        (&["If-Modified-Since: Thu, 01 Jan 1970 00:00:59 GMT"], Status::OK),
        (&[], Status::OK),
    ];
    for (lines, expected) in table {
        let answer = ask(&chain, with(get("/"), lines));
        assert_eq!((answer.status(), &*field(&answer, "X-Cache")), (*expected, "HIT"), "{lines:?}");
        assert_eq!(field(&answer, "ETag"), "\"a\"");
        // Fields that describe a body are only sent with the body.
        let described = ["Content-Type", "Content-Encoding"].map(|name| field(&answer, name));
        let body = bytes(answer);
        if *expected == Status::OK {
            assert_eq!(described, ["text/plain; charset=utf-8", "identity"]);
            assert_eq!(body, b"made");
        } else {
            assert_eq!((described, body), ([String::new(), String::new()], Vec::new()));
        }
    }
}

#[test]
fn the_route_of_a_stored_response_is_known_to_the_outer_layers() {
    let mut router = Router::new();
    router.get("/users/:id", |_: &mut Request| response(Status::OK, MINUTE));
    let chain = cached(router.build().unwrap());
    for expected in ["MISS", "HIT"] {
        let mut request = get("/users/7").build();
        assert_eq!(field(&chain.handle(&mut request), "X-Cache"), expected);
        assert_eq!((request.route(), request.param("id")), (Some("/users/:id"), Some("7")));
    }
}

/// The part that was sent is kept, wherever the bytes come from.
#[test]
fn a_range_of_a_file_or_of_shared_bytes_is_stored_as_that_range() {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(b"0123456789").unwrap();
    let file = Arc::new(file);
    let bodies: [Box<dyn Fn() -> ResponseBody + Send + Sync>; 3] = [
        Box::new(|| ResponseBody::Shared { bytes: b"0123456789".to_vec().into(), range: 2..5 }),
        Box::new(move || ResponseBody::File { file: Arc::clone(&file), range: 2..5 }),
        Box::new(|| ResponseBody::Stream { reader: Box::new(&b"234"[..]), length: None }),
    ];
    for body in bodies {
        let chain = cached(move |_: &mut Request| response(Status::OK, MINUTE).with_body(body()));
        for expected in ["MISS", "HIT"] {
            let answer = ask(&chain, get("/").build());
            assert_eq!(field(&answer, "X-Cache"), expected);
            assert_eq!(bytes(answer), b"234");
        }
    }
}

#[test]
fn a_response_may_have_the_maximum_size_and_no_more() {
    let capacity = Capacity { max_entries: 10, max_bytes: 10_000, max_object: 5 };
    for (length, expected) in [(0, "HIT"), (5, "HIT"), (6, "MISS")] {
        for is_announced in [true, false] {
            let cache = ResponseCache::with_capacity(capacity);
            let chain = Chain::around(move |_: &mut Request| {
                let text = "x".repeat(length);
                let response = response(Status::OK, MINUTE);
                if is_announced {
                    return response.with_body(ResponseBody::Bytes(text.into_bytes().into()));
                }
                let reader = Box::new(std::io::Cursor::new(text));
                response.with_body(ResponseBody::Stream { reader, length: None })
            });
            let chain = chain.with(cache);
            bytes(ask(&chain, get("/").build()));
            let second = ask(&chain, get("/").build());
            assert_eq!(field(&second, "X-Cache"), expected, "{length} {is_announced}");
            assert_eq!(bytes(second).len(), length);
        }
    }
}

/// For a stream of unknown length, a read of zero bytes into an empty buffer is not the end.
#[test]
fn a_stream_is_not_complete_when_a_read_had_no_room() {
    let chain = cached(|_: &mut Request| {
        let body = ResponseBody::Stream { reader: Box::new(&b"all"[..]), length: None };
        response(Status::OK, MINUTE).with_body(body)
    });
    let ResponseBody::Stream { mut reader, .. } = ask(&chain, get("/").build()).into_parts().2
    else {
        unreachable!("it is recorded while it is sent")
    };
    assert_eq!(reader.read(&mut []).unwrap(), 0);
    drop(reader);
    assert_eq!(word(&chain, get("/").build()), "MISS");
}

#[test]
fn a_response_for_one_client_or_for_head_is_not_reused_for_the_next_get() {
    for first in [
        with(get("/"), &["Authorization: Basic x"]),
        Request::builder(Method::Head, "/").header("Host", "a").build(),
    ] {
        let chain = cached(|_: &mut Request| response(Status::OK, MINUTE));
        assert_eq!(word(&chain, first), "MISS");
        assert_eq!(word(&chain, get("/").build()), "MISS");
    }
}
