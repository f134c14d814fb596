//! The address of a client behind real proxies. A proxy that is not installed is skipped, with a message.
#![cfg(target_os = "linux")]

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use scale::Front;
use wire::{Client, Program, request};

const PROGRAM: &str = env!("CARGO_BIN_EXE_httpserver");

/// Far longer than any step here takes, even on a busy machine.
const LONG: Duration = Duration::from_secs(20);

/// The server, the proxy and the clients have different loopback addresses.
fn address(last: u8) -> SocketAddr {
    SocketAddr::new(IpAddr::V4(Ipv4Addr::new(127, 0, 17, last)), 0)
}

/// nginx appends the client's address to the field as the client sent it.
fn nginx(folder: &Path, listen: SocketAddr, server: SocketAddr) -> String {
    let place = folder.display();
    let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|kind| format!("{kind}_temp_path {place}/{kind}; "))
        .concat();
    format!(
        "daemon off; master_process off; pid {place}/pid; error_log stderr;
events {{ worker_connections 64; }}
http {{
    access_log off; {temporary}
    upstream app {{ server {server}; keepalive 4; }}
    server {{
        listen {listen};
        location / {{
            proxy_pass http://app;
            proxy_http_version 1.1;
            proxy_set_header Connection \"\";
            proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
            proxy_set_header Forwarded \"\";
        }}
    }}
}}
"
    )
}

/// `HAProxy` adds a line with the client's address after the lines that the client has sent.
fn haproxy(_: &Path, listen: SocketAddr, server: SocketAddr) -> String {
    format!(
        "global
    maxconn 64
defaults
    mode http
    timeout connect 5s
    timeout client 30s
    timeout server 30s
listen web
    bind {listen}
    http-reuse always
    option forwardfor
    http-request del-header Forwarded
    server app {server}
"
    )
}

/// Sends a request for the route with a rate limit from the address that ends with `last`. Returns the status and the
/// number of tokens that are left in the bucket.
fn ask(proxy: SocketAddr, last: u8, fields: &[(&str, &str)]) -> (u16, u32) {
    let mut client = Client::connect_from(address(last).ip(), proxy).unwrap().with_patience(LONG);
    let reply = client.ask(request("GET", "/limited", fields, b"")).unwrap();
    (reply.status, reply.field("RateLimit-Remaining").unwrap().parse().unwrap())
}

fn clients_have_their_own_addresses_behind(
    front: Front,
    configuration: fn(&Path, SocketAddr, SocketAddr) -> String,
) {
    let name = front.program();
    if front.find().is_none() {
        println!("skipped: {name} is not installed");
        return;
    }
    // The kernel gives the proxy's connections the address 127.0.0.1.
    let server = address(10).to_string();
    let arguments = ["--addr", &server, "--trusted-proxies", "127.0.0.1"];
    let program = Program::start(PROGRAM, &arguments).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let configuration = |listen| configuration(directory.path(), listen, program.addr());
    let proxy = front.start(directory.path(), address(1).ip(), configuration).unwrap();
    let mut rejected = 0;
    for _ in 0..20 {
        let pretended = address(102).ip().to_string();
        let forwarded = format!("for={pretended}");
        let forged = [("X-Forwarded-For", &*pretended), ("Forwarded", &*forwarded)];
        rejected += u32::from(ask(proxy.addr(), 101, &forged).0 == 429);
    }
    // The burst allows five at once, and one more is allowed for each second that these twenty take.
    assert!(rejected >= 1, "{name}: the 20 requests were all within the limit");
    assert_eq!(ask(proxy.addr(), 102, &[]), (200, 4), "{name}: its bucket is full");
    // The log has the 21 requests with the addresses of their clients, and the proxy's address in no line.
    let count = |text: &str, last| {
        let begin = format!("{} - - [", address(last).ip());
        text.lines().filter(|line| line.starts_with(&begin)).count()
    };
    let is_complete = |text: &str| count(text, 101) == 20 && count(text, 102) == 1;
    let log = program.wait_for_stdout("21 lines", LONG, is_complete).unwrap();
    assert!(!log.contains("127.0.0.1 - - ["), "{log}\n{}", proxy.stderr_so_far());
}

#[test]
fn clients_behind_nginx_have_their_own_addresses() {
    clients_have_their_own_addresses_behind(Front::Nginx, nginx);
}

#[test]
fn clients_behind_haproxy_have_their_own_addresses() {
    clients_have_their_own_addresses_behind(Front::Haproxy, haproxy);
}
