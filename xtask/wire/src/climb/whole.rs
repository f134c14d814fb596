//! Stages 27 to 29: many clients, overload, and a graceful shutdown under load.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::core::{exits, terminate};
use super::stage::{Phase, Scheme, Stage};
use super::tools::{Checked, require};
use crate::exercise::{Connection, Failure, Server, check};
use crate::{PATIENCE, request};

const PHASE: Phase = Phase { name: "The whole server", scheme: Scheme::Http };

const SLOW: usize = 500;
const IDLE: usize = 5_000;

/// How long a request may take beside the slow and idle clients, which use no CPU time.
const SOON: Duration = Duration::from_secs(2);

pub(super) const STAGES: &[Stage] = &[
    PHASE.stage(27, "slow-and-idle", "serves others beside 500 slow and 5,000 idle clients", "part6/event-loop.md")
        .contract("500 clients that have sent half a header section and 5,000 that have sent nothing do not delay \
                   other clients: a request gets its response within 2 seconds. Raise the limit of open files \
                   (RLIMIT_NOFILE) if it is lower.")
        .hint("A thread for each connection is too many threads, and a pool is blocked by as many clients as it has \
               workers. Wait for all sockets at once (epoll, kqueue), and use a thread only for a complete request.")
        .checks(&[
            check("beside 500 incomplete requests, a request is served within 2 s",
                  |server| among(server, SLOW, b"GET / HTTP/1.1\r\nHost: a\r\n")),
            check("beside 5,000 idle connections, a request is served within 2 s",
                  |server| among(server, IDLE, b"")),
        ]),
    PHASE.stage(28, "overload", "rejects overload instead of suffering it", "part6/overload.md")
        .contract("`GET /slow?ms=N` gets its response after N milliseconds, and no other request waits for it. 300 \
                   requests for `/slow?ms=3000` at the same time are more than the server has threads. Meanwhile each \
                   further request gets a response within 2 seconds: its own, or 503 with Retry-After. Afterwards \
                   everything is served as before.")
        .hint("An unbounded queue turns overload into waiting. When no thread has become free for some hundred \
               milliseconds, send 503 from a thread that runs no handlers (load shedding).")
        .checks(&[
            check("one slow handler does not delay other requests", beside_a_slow_handler),
            check("while all threads are busy, each request gets a response within 2 s", overload)
                .rule("RFC 9110 section 15.6.4 (503 Service Unavailable)"),
        ]),
    PHASE.stage(29, "drain", "loses nothing when it stops under load", "part6/graceful-shutdown.md")
        .contract("SIGTERM arrives while 20 requests are in their handlers (`/slow?ms=1000`) and 20 clients send one \
                   request after another. Each request in a handler gets its complete response, no response is \
                   truncated, no new client is accepted, and the server exits with status 0.")
        .hint("Stop accepting, mark each remaining response with Connection: close, close idle connections, and wait \
               for the other connections, up to a limit.")
        .checks(&[
            check("every request in a handler gets its complete response", drains)
                .rule("RFC 9112 section 9.6 (Tear-down)"),
            check("no response is truncated", truncates_nothing)
                .rule("RFC 9112 section 8 (Handling Incomplete Messages)"),
        ]),
];

/// Raises the limit of open files of this process: each connection needs one descriptor here, and one in the server.
fn raise_limit(needed: u64) -> Checked {
    let most = open_files(needed);
    require(
        most >= needed,
        format!("a limit of {needed} open files for the check itself (`ulimit -n`)"),
        format!("{most}, which is the hard limit of this shell"),
    )
}

/// Raises the limit of open files to `needed`, if the hard limit allows it. Returns the limit.
#[cfg(unix)]
fn open_files(needed: u64) -> u64 {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let current = limit.current.unwrap_or(u64::MAX);
    let raised = needed.min(limit.maximum.unwrap_or(u64::MAX));
    let raise = || setrlimit(Resource::Nofile, Rlimit { current: Some(raised), ..limit });
    if current >= needed || raise().is_err() { current } else { raised }
}

/// There is no such limit for sockets on this platform.
#[cfg(not(unix))]
fn open_files(needed: u64) -> u64 {
    needed
}

/// Requires that a request is served soon, beside `others`.
fn served_soon(server: &Server, others: &str) -> Checked {
    let mut connection = server.connect()?;
    connection.client().set_patience(SOON);
    let bytes = request("GET", "/", &[("Connection", "close")], b"");
    let got = match connection.send(&bytes) {
        Ok(answer) if answer.reply.status == 200 => return Ok(()),
        Ok(answer) => format!("status {}", answer.reply.status),
        Err(failure) if failure.timed_out => "nothing".to_string(),
        Err(failure) => return Err(failure),
    };
    let seconds = SOON.as_secs();
    Err(Failure::new(format!("status 200 within {seconds} s beside {others}"), got))
}

fn among(server: &Server, count: usize, bytes: &[u8]) -> Checked {
    raise_limit(count as u64 + 200)?;
    let _others = sent(server, count, bytes)?;
    (0..5).try_for_each(|_| served_soon(server, &format!("{count} others")))
}

/// Opens `count` connections, and sends these bytes on each.
fn sent<'a>(
    server: &'a Server,
    count: usize,
    bytes: &[u8],
) -> Result<Vec<Connection<'a>>, Failure> {
    let open = |number| {
        let connection = server.connect().and_then(|mut connection| {
            connection.write(bytes)?;
            Ok(connection)
        });
        connection.map_err(|failure| failure.expecting(format!("connection {number} of {count}")))
    };
    (1..=count).map(open).collect()
}

/// A blocked handler must not block the thread that waits for all sockets.
fn beside_a_slow_handler(server: &Server) -> Checked {
    let bytes = request("GET", "/slow?ms=3000", &[("Connection", "close")], b"");
    let mut slow = server.connect()?;
    slow.write(&bytes)?;
    // The request must have reached its handler. No event reports that, so the check waits.
    thread::sleep(Duration::from_millis(300));
    served_soon(server, "one slow request")?;
    slow.read(&bytes)?.status(200).map(drop)
}

fn overload(server: &Server) -> Checked {
    let busy =
        sent(server, 300, &request("GET", "/slow?ms=3000", &[("Connection", "close")], b""))?;
    // A server may need this long to detect the overload.
    thread::sleep(Duration::from_secs(1));
    let probe = request("GET", "/", &[("Connection", "close")], b"");
    for _ in 0..10 {
        let mut connection = server.connect()?;
        connection.client().set_patience(SOON);
        let expected = format!("a response within {} s, 503 if need be", SOON.as_secs());
        let answer = connection.send(&probe).map_err(|failure| failure.expecting(expected))?;
        if answer.reply.status != 200 {
            let expected = "status 200, or 503 beside so many slow requests";
            answer.status(503).map_err(|failure| failure.expecting(expected))?;
            let has_time = answer.reply.field("Retry-After").is_some();
            answer.require(has_time, "a field Retry-After in a 503", "no such field")?;
        }
    }
    drop(busy);
    // The running handlers return within three seconds.
    let deadline = Instant::now() + 4 * PATIENCE;
    loop {
        let last = server.get("/").and_then(|answer| answer.status(200).map(|_| ()));
        if last.is_ok() || Instant::now() >= deadline {
            let expected = "status 200 after the overload, within 20 s";
            return last.map_err(|failure| failure.expecting(expected));
        }
        thread::sleep(Duration::from_millis(100));
    }
}

fn drains(server: &Server) -> Checked {
    let bytes = request("GET", "/slow?ms=1000", &[], b"");
    let mut waiting = sent(server, 20, &bytes)?;
    thread::sleep(Duration::from_millis(300));
    terminate(server)?;
    for connection in &mut waiting {
        connection.read(&bytes)?.status(200)?;
    }
    drop(waiting);
    exits(server)
}

/// Sends one request after another until the server disconnects or the check is over, because a server that does not
/// stop never disconnects. Returns the number of responses.
fn until_disconnected(server: &Server, over: &AtomicBool) -> Result<usize, Failure> {
    let bytes = request("GET", "/hello/Ada", &[], b"");
    let mut served = 0;
    // After the shutdown, the server rejects new connections.
    while let Ok(mut connection) = server.connect() {
        loop {
            if over.load(Ordering::Relaxed) {
                return Ok(served);
            }
            if connection.client().send(&bytes).is_err() {
                break;
            }
            match connection.client().read_reply() {
                Ok(reply) => {
                    served += 1;
                    if reply.lists("Connection", "close") {
                        break;
                    }
                }
                // The connection closed before the first byte of a response, so the client may retry the request
                // elsewhere.
                Err(error) if error.arrived().is_empty() => break,
                Err(error) => {
                    return Err(server.failure(&error, &bytes).expecting("complete responses"));
                }
            }
        }
    }
    Ok(served)
}

fn truncates_nothing(server: &Server) -> Checked {
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        let clients: Vec<_> =
            (0..20).map(|_| scope.spawn(|| until_disconnected(server, &over))).collect();
        thread::sleep(Duration::from_millis(500));
        let stopped = terminate(server).and_then(|()| exits(server));
        over.store(true, Ordering::Relaxed);
        let mut served = 0;
        for client in clients {
            served += client.join().unwrap_or(Ok(0))?;
        }
        stopped?;
        require(served >= 20, "requests that are served before the signal", served)
    })
}
