//! Three replicas behind a proxy, restarted one after the other while clients send requests: no request fails. The
//! proxies are common ones for such a server. A proxy that is not installed is skipped, with a message.
#![cfg(target_os = "linux")]

mod proxies;

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, Builder, JoinHandle};
use std::time::{Duration, Instant};

use proxies::{LONG, Proxy, address};
use wire::{Client, Program, Reply, Signal, request};

const PROGRAM: &str = env!("CARGO_BIN_EXE_httpserver");

const CLIENTS: u64 = 24;

/// Longer than the proxies need to see that a replica is no longer ready.
const STOP_DELAY: &str = "2s";

fn replica(address: SocketAddr) -> Program {
    let address = address.to_string();
    let arguments = ["--addr", &address, "--log", "off", "--stop-delay", STOP_DELAY];
    Program::start(PROGRAM, &arguments).unwrap()
}

/// A line for each replica.
fn lines(replicas: &[SocketAddr], line: impl Fn(usize, &SocketAddr) -> String) -> String {
    let lines: Vec<String> = replicas.iter().enumerate().map(|(n, it)| line(n, it)).collect();
    lines.join("\n    ")
}

/// nginx keeps 32 idle connections to the replicas. It has no probes; `max_fails=0` means that it tries a replica again
/// for each request, and takes the next one if nothing listens there.
fn nginx(folder: &Path, listen: SocketAddr, replicas: &[SocketAddr]) -> (&'static str, String) {
    let place = folder.display();
    let servers = lines(replicas, |_, replica| format!("server {replica} max_fails=0;"));
    let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|kind| format!("{kind}_temp_path {place}/{kind}; "))
        .concat();
    let config = format!(
        "daemon off; master_process off; pid {place}/pid; error_log {place}/errors;
events {{ worker_connections 512; }}
http {{
    access_log off; {temporary}
    upstream replicas {{ {servers} keepalive 32; }}
    server {{
        listen {listen};
        location / {{
            proxy_pass http://replicas;
            proxy_http_version 1.1;
            proxy_set_header Connection \"\";
        }}
    }}
}}
"
    );
    ("-c", config)
}

/// `HAProxy` polls the readiness probe, and reuses an idle connection for any request. On a busy machine a probe may
/// take long, and only three that fail in a row count: otherwise all replicas would be considered down.
fn haproxy(_: &Path, listen: SocketAddr, replicas: &[SocketAddr]) -> (&'static str, String) {
    let servers = lines(replicas, |number, replica| format!("server replica{number} {replica}"));
    let config = format!(
        "global
    maxconn 256
defaults
    mode http
    timeout connect 5s
    timeout client 30s
    timeout server 30s
    timeout check 5s
    option redispatch
listen web
    bind {listen}
    balance roundrobin
    http-reuse always
    option httpchk GET /health/ready
    default-server check inter 200ms fall 3 rise 1
    {servers}
"
    );
    ("-f", config)
}

/// The state that the clients share.
#[derive(Default)]
struct Shared {
    is_over: AtomicBool,
    /// Requests that got a response.
    answered: AtomicU64,
}

/// A client that sends requests without a pause on one connection. Returns the number of requests, and the failures.
fn client(index: u64, proxy: SocketAddr, shared: &Arc<Shared>) -> JoinHandle<(u64, Vec<String>)> {
    let shared = Arc::clone(shared);
    let ask = move || {
        let (mut count, mut failed) = (0, Vec::new());
        let mut kept: Option<Client> = None;
        while !shared.is_over.load(Ordering::Acquire) {
            count += 1;
            let body = format!("client {index}, request {count}");
            match exchange(&mut kept, proxy, index.is_multiple_of(2), &body) {
                Ok(reply) if reply.status == 200 && reply.text().contains(&body) => {}
                other => {
                    failed.push(format!("{body}: {other:?}"));
                    kept = None;
                }
            }
            shared.answered.fetch_add(1, Ordering::AcqRel);
        }
        (count, failed)
    };
    Builder::new().name(format!("client {index}")).spawn(ask).unwrap()
}

/// One request and its response. Nothing is sent twice.
fn exchange(
    kept: &mut Option<Client>,
    proxy: SocketAddr,
    is_get: bool,
    body: &str,
) -> Result<Reply, wire::WireError> {
    let mut client = match kept.take() {
        Some(client) => client,
        None => Client::connect(proxy)?.with_patience(LONG),
    };
    let path = format!("/hello/{}", body.replace(' ', "%20").replace(',', "%2C"));
    let whole = if is_get {
        request("GET", &path, &[], b"")
    } else {
        request("POST", "/echo", &[("Content-Type", "text/plain")], body.as_bytes())
    };
    let reply = client.ask(whole)?;
    if !reply.lists("Connection", "close") {
        *kept = Some(client);
    }
    Ok(reply)
}

/// Waits until all clients have received several more responses.
fn several_more(shared: &Shared) {
    let enough = shared.answered.load(Ordering::Acquire) + 20 * CLIENTS;
    let deadline = Instant::now() + LONG;
    while shared.answered.load(Ordering::Acquire) < enough {
        assert!(Instant::now() < deadline, "the clients get no responses");
        thread::sleep(Duration::from_millis(5));
    }
}

fn no_request_fails_behind(
    name: &str,
    configuration: fn(&Path, SocketAddr, &[SocketAddr]) -> (&'static str, String),
) {
    let mut replicas = [11, 12, 13].map(|last| replica(address(last)));
    let addresses = replicas.each_ref().map(Program::addr);
    let configuration = |folder: &Path, listen| configuration(folder, listen, &addresses);
    let Some(proxy) = Proxy::start(name, configuration) else { return };
    let shared = Arc::new(Shared::default());
    let clients: Vec<_> = (0..CLIENTS).map(|index| client(index, proxy.address, &shared)).collect();
    for program in &mut replicas {
        several_more(&shared);
        program.signal(Signal::Terminate).unwrap();
        assert!(program.wait(LONG).unwrap().success());
        let last_words = program.stderr_so_far();
        assert!(last_words.contains("stopped: 0 cut off"), "{last_words}");
        // Its address is free now. For a moment the clients have two replicas.
        several_more(&shared);
        *program = replica(program.addr());
    }
    several_more(&shared);
    shared.is_over.store(true, Ordering::Release);
    let (mut gets, mut posts, mut failed) = (0, 0, Vec::new());
    for (index, client) in clients.into_iter().enumerate() {
        let (count, failures) = client.join().unwrap();
        *if index.is_multiple_of(2) { &mut gets } else { &mut posts } += count;
        failed.extend(failures);
    }
    println!("{name}: {gets} GET and {posts} POST, {} failed", failed.len());
    assert!(failed.is_empty(), "{name}: {failed:#?}\n{}", proxy.errors());
}

#[test]
fn no_request_fails_when_the_replicas_behind_nginx_are_restarted() {
    no_request_fails_behind("nginx", nginx);
}

#[test]
fn no_request_fails_when_the_replicas_behind_haproxy_are_restarted() {
    no_request_fails_behind("haproxy", haproxy);
}
