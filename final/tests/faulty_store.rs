//! A store of rate limits that does not respond as Redis does. A stand-in takes its place, so these tests need no
//! Redis.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::num::NonZeroU32;
use std::sync::Arc;
use std::thread::Builder;
use std::time::Duration;

use httpserver::middleware::limit_store::{LimitStore, StoreConfig, WhenDown};
use httpserver::middleware::redis_limit::RedisStore;
use httpserver::middleware::token_bucket::Limit;
use wire::{Client, Program, get, request};

const PROGRAM: &str = env!("CARGO_BIN_EXE_httpserver");

/// Far longer than anything here takes.
const LONG: Duration = Duration::from_secs(20);

const LIMIT: Limit =
    Limit { burst: NonZeroU32::MIN, rate: NonZeroU32::MIN, per: Duration::from_secs(1) };

/// Starts a stand-in that sends `response` after the first command on a connection and then closes it.
fn stand_in(response: &[u8]) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let response = Arc::new(response.to_vec());
    let serve = move || {
        for stream in listener.incoming() {
            let response = Arc::clone(&response);
            let respond = move || {
                let _ = stream.and_then(|stream| respond(stream, &response));
            };
            Builder::new().name("connection".to_string()).spawn(respond).unwrap();
        }
    };
    Builder::new().name("store".to_string()).spawn(serve).unwrap();
    address
}

fn respond(mut stream: TcpStream, response: &[u8]) -> io::Result<()> {
    read_command(&mut BufReader::new(&stream))?;
    stream.write_all(response)
}

/// Reads a command: an array of strings, each after its length.
fn read_command(input: &mut impl BufRead) -> io::Result<()> {
    for _ in 0..read_number(input)? {
        let length = read_number(input)? + "\r\n".len() as u64;
        io::copy(&mut input.by_ref().take(length), &mut io::sink())?;
    }
    Ok(())
}

/// Reads a line such as `*3` or `$12`.
fn read_number(input: &mut impl BufRead) -> io::Result<u64> {
    let mut line = String::new();
    input.read_line(&mut line)?;
    line.get(1..)
        .and_then(|line| line.trim_end().parse().ok())
        .ok_or(io::ErrorKind::InvalidData.into())
}

#[test]
fn a_response_that_is_not_a_decision_counts_as_a_failure() {
    let deep = "*1\r\n".repeat(1_000);
    for response in [
        "",
        "HTTP/1.1 400 Bad Request\r\n\r\n",
        "\0\0\0\0",
        "+OK\r\n",
        ":1\r\n",
        "$-1\r\n",
        "*-1\r\n",
        "*0\r\n",
        "*1\r\n:1\r\n",
        "*2\r\n:1\r\n",
        "*2\r\n:1\r\n$3\r\nabc\r\n",
        "*2\r\n:1\r\n:99999999999999999999\r\n",
        "*3\r\n:1\r\n:1\r\n:1\r\n",
        "*9223372036854775807\r\n:1\r\n",
        "$9223372036854775807\r\nab",
        "%9223372036854775807\r\n:1\r\n",
        "|4611686018427387903\r\n:1\r\n",
        "=-1\r\nab",
        &deep,
        "-MOVED 866 127.0.0.1:7001\r\n",
        "-ASK 866 127.0.0.1:7001\r\n",
        "-READONLY You can't write against a read only replica.\r\n",
        "-LOADING Redis is loading the dataset in memory\r\n",
        "-NOSCRIPT No matching script. Please use EVAL.\r\n",
        "-NOAUTH Authentication required.\r\n",
        "-\r\n",
    ] {
        let url = format!("redis://{}", stand_in(response.as_bytes()));
        let prefix = "test".to_string();
        let store =
            RedisStore::open(&StoreConfig { url, prefix, when_down: WhenDown::Closed }).unwrap();
        let buckets = store.limit::<u8>("/", LIMIT).unwrap();
        assert!(buckets.take(1).is_err(), "{response:.60}");
        let metrics = store.metrics();
        assert!(metrics.contains("http_rate_limit_store_failures_total 1\n"), "{response:.60}");
        assert!(metrics.contains("{bucket=\"none\"} 1\n"), "{response:.60}");
    }
}

#[test]
fn a_rejection_by_the_store_has_the_fields_of_all_responses_and_its_reason_is_one_line_of_the_log()
{
    let store = stand_in(b"-ERR first\nsecond \x1b[31m\r\n");
    let url = format!("redis://{store}");
    let arguments = [
        ["--addr", "127.0.0.1:0"],
        ["--rate-limit-store", &url],
        ["--rate-limit-store-down", "closed"],
    ];
    let program = Program::start(PROGRAM, arguments.as_flattened()).unwrap();
    let mut client = Client::connect(program.addr()).unwrap();
    let fields = [("Origin", "http://localhost:3000")];
    let reply = client.ask(request("GET", "/limited", &fields, b"")).unwrap();
    assert_eq!((reply.status, reply.field("Retry-After")), (503, Some("1")), "{reply:?}");
    assert_eq!(reply.field("Access-Control-Allow-Origin"), Some("http://localhost:3000"));
    assert!(reply.field("X-Request-Id").is_some(), "{reply:?}");
    let metrics = get(program.addr(), "/metrics").unwrap().text();
    assert!(metrics.contains("http_rate_limit_decisions_total{bucket=\"none\"} 1\n"), "{metrics}");
    assert!(
        metrics.lines().any(|line| line.contains("/limited") && line.contains("503")),
        "{metrics}"
    );
    program.wait_for_stderr("the failure", LONG, |text| text.contains("are rejected")).unwrap();
    let said = program.stderr_so_far();
    let line = said.lines().find(|line| line.contains("first")).unwrap();
    assert!(line.contains("second") && line.ends_with("limited requests are rejected"), "{said:?}");
    assert!(!said.contains('\x1b'), "{said:?}");
}
