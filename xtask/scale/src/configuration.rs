//! The configurations of `HAProxy` and nginx.

use std::net::SocketAddr;
use std::path::Path;

/// Which requests the load balancer sends to another replica after a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Retries {
    /// None, as with a load balancer for TCP connections (L4).
    Never,
    /// A request that was not sent at all, and GET. This is right.
    Idempotent,
    /// All requests, also after a timeout of 300 ms. This is wrong.
    All,
}

/// `HAProxy` polls the readiness probe of each replica. A replica gets no more requests after three failed probes in a
/// row, and gets requests again after one success. Idle connections are reused for any request. With one thread, events
/// are handled in the order in which they arrive, on any machine.
pub(crate) fn haproxy(listen: SocketAddr, replicas: &[SocketAddr], retries: Retries) -> String {
    let servers = (1..).zip(replicas);
    let servers = servers.map(|(number, it)| format!("    server replica{number} {it}\n"));
    let servers = servers.collect::<Vec<_>>().concat();
    let timeout = if retries == Retries::All { "300ms" } else { "30s" };
    let retries = match retries {
        Retries::Never => "    retries 0\n",
        Retries::Idempotent => {
            "    retries 3
    option redispatch 1
    retry-on conn-failure empty-response
    # METH_GET is GET and HEAD. A connection that failed is retried for all methods: nothing was sent.
    http-request disable-l7-retry unless METH_GET
"
        }
        Retries::All => {
            "    retries 3
    option redispatch 1
    retry-on conn-failure empty-response response-timeout
"
        }
    };
    format!(
        "global
    maxconn 256
    nbthread 1

defaults
    mode http
    timeout connect 1s
    timeout client 30s
    timeout server {timeout}
    timeout check 1s

listen web
    bind {listen}
    balance roundrobin
    http-reuse always
{retries}    option httpchk GET /health/ready
    default-server check inter 100ms fall 3 rise 1
{servers}"
    )
}

/// nginx keeps 32 idle connections to the replicas. It has no probes. With `max_fails=0` it tries every replica again
/// for each request, and moves to the next replica if nothing listens there.
pub(crate) fn nginx(
    directory: &Path,
    listen: SocketAddr,
    replicas: &[SocketAddr],
    retries: Retries,
) -> String {
    let directory = directory.display();
    let servers = replicas.iter().map(|it| format!("        server {it} max_fails=0;\n"));
    let servers = servers.collect::<Vec<_>>().concat();
    let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|kind| format!("    {kind}_temp_path \"{directory}/{kind}\";\n"))
        .concat();
    let retries = match retries {
        Retries::Never => "proxy_next_upstream off;",
        // Without `non_idempotent`, a POST is retried only if it was not sent.
        Retries::Idempotent => "proxy_next_upstream error timeout;",
        Retries::All => {
            "proxy_next_upstream error timeout non_idempotent;
            proxy_read_timeout 300ms;"
        }
    };
    format!(
        "daemon off;
master_process off;
pid \"{directory}/pid\";
error_log \"{directory}/nginx.errors\";
events {{ worker_connections 512; }}
http {{
    access_log off;
{temporary}    upstream replicas {{
{servers}        keepalive 32;
    }}
    server {{
        listen {listen};
        location / {{
            proxy_pass http://replicas;
            proxy_http_version 1.1;
            proxy_set_header Connection \"\";
            {retries}
        }}
    }}
}}
"
    )
}
