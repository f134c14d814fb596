//! A whole connection, without a server: the responses are the same however the input is split.

use std::fs;
use std::path::Path;

use proptest::prelude::*;

mod steps;

use steps::{agree, limits, run};
use wire::tables::{self, Test};

fn statuses(bytes: &[u8]) -> Vec<u16> {
    let [limits, _] = limits();
    run(&limits, [bytes]).responses.iter().map(|reply| reply.status).collect()
}

/// Each row has its responses. The driver checks more: one response for each request, in order, and none after the
/// last.
#[test]
fn each_of_these_has_its_responses_in_whatever_pieces() {
    let table: &[(&[u8], &[u16])] = &[
        (b"", &[]),
        (b"GET / HTTP/1.1\r\nHost: a\r\n", &[]),
        (b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", &[200]),
        (b"GET / HTTP/1.1\r\nHost: a\r\n\r\nGET /empty HTTP/1.1\r\nHost: a\r\n\r\n", &[200, 204]),
        (b"HEAD / HTTP/1.1\r\nHost: a\r\n\r\nGET /stream HTTP/1.1\r\nHost: a\r\n\r\n", &[200, 200]),
        (b"GET /stream HTTP/1.0\r\n\r\nGET / HTTP/1.0\r\n\r\n", &[200]),
        (b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\nGET / HTTP/1.1\r\n", &[200]),
        (b"GET /panic HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", &[500, 200]),
        (b"GET / HTTP/1.1\r\nHost: a\r\n\r\n\0", &[200, 400]),
        (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabcGET", &[200]),
        (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nA: b\r\n\r\n", &[200]),
        (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", &[400]),
        (b"POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\nabc", &[200]),
        (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999\r\n\r\n", &[413]),
        (b"GET /large HTTP/1.1\r\nHost: a\r\n\r\nGET /large HTTP/1.1\r\nHost: a\r\n\r\n", &[200, 200]),
    ];
    for (bytes, expected) in table {
        let text = String::from_utf8_lossy(bytes);
        assert_eq!(&statuses(bytes), expected, "{text:?}");
        agree(bytes);
    }
}

#[test]
fn each_row_of_the_wire_tables_has_its_responses_in_whatever_pieces() {
    let mut count = 0;
    for row in tables::all() {
        // Longer rows test limits, and would take a long time byte by byte.
        if let Test::Exchange { bytes, .. } = &row.test
            && bytes.len() <= 4096
        {
            agree(bytes);
            count += 1;
        }
    }
    assert!(count > 100, "only {count} rows");
}

#[test]
fn what_the_fuzzer_found_worth_keeping_has_its_responses_in_whatever_pieces() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../xtask/fuzz/corpus/steps");
    let mut count = 0;
    for entry in fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        println!("{}", path.display());
        agree(&fs::read(&path).unwrap());
        count += 1;
    }
    assert!(count > 20, "{} has only {count} inputs", folder.display());
}

#[test]
fn a_thousand_requests_at_once_have_a_thousand_responses() {
    let bytes = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n".repeat(1000);
    let limits = httpserver::Limits { requests: 5_000, ..Default::default() };
    let outcome = run(&limits, [&bytes[..]]);
    assert_eq!((outcome.responses.len(), outcome.handled), (1000, 1000));
}

/// One request, valid or not.
fn request() -> impl Strategy<Value = Vec<u8>> {
    let target =
        prop::sample::select(vec!["/", "/empty", "/stream", "/panic", "/a?b=c", "/%41", "*", "/ "]);
    let method = prop::sample::select(vec!["GET", "HEAD", "POST", "PUT", "OPTIONS", "BREW", "get"]);
    let version =
        prop::sample::select(vec!["HTTP/1.1", "HTTP/1.1", "HTTP/1.1", "HTTP/1.0", "HTTP/2.0"]);
    let field = prop::sample::select(vec![
        "Host: b",
        "Connection: close",
        "Connection: keep-alive",
        "Expect: 100-continue",
        "Expect: a",
        "Content-Length: 4",
        "Content-Length: 5",
        "Transfer-Encoding: chunked",
        "X: y",
        "X : y",
        " folded",
    ]);
    let body = prop_oneof![
        4 => Just(Vec::new()),
        3 => Just(b"abcd".to_vec()),
        2 => Just(b"3;a=b\r\nabc\r\n0\r\n\r\n".to_vec()),
        1 => Just(b"1\r\na\r\n0\r\nTrailer: x\r\n\r\n".to_vec()),
        1 => prop::collection::vec(any::<u8>(), 0..20),
    ];
    // Most requests are valid, so that others follow the first.
    let fields = prop::collection::vec(field, 0..3);
    (method, target, version, prop::bool::weighted(0.9), fields, body).prop_map(
        |(method, target, version, has_host, fields, body)| {
            let mut text = format!("{method} {target} {version}\r\n");
            if has_host {
                text.push_str("Host: a\r\n");
            }
            for field in fields {
                text.push_str(field);
                text.push_str("\r\n");
            }
            text.push_str("\r\n");
            let mut bytes = text.into_bytes();
            bytes.extend(body);
            bytes
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    #[test]
    fn pieces_make_no_difference(
        requests in prop::collection::vec(request(), 1..6),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..8),
    ) {
        let bytes = requests.concat();
        let mut cuts: Vec<_> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
        cuts.sort_unstable();
        cuts.push(bytes.len());
        let mut from = 0;
        let pieces: Vec<&[u8]> = cuts.iter().map(|cut| &bytes[std::mem::replace(&mut from, *cut)..*cut]).collect();
        for limits in limits() {
            prop_assert_eq!(run(&limits, [&bytes[..]]), run(&limits, pieces.iter().copied()));
        }
    }
}
