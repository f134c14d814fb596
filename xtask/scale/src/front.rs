//! The load balancer in front of the replicas, `HAProxy` or nginx, and its configuration.

use std::fs;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use anyhow::Context;
use wire::Program;

use crate::process::{self, find};

/// Which program is the load balancer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Front {
    /// `HAProxy`, which probes the replicas.
    Haproxy,
    /// nginx, which has no probes, and finds out when a connection fails.
    Nginx,
}

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

impl Front {
    /// Both, in order of preference.
    pub const ALL: [Front; 2] = [Front::Haproxy, Front::Nginx];

    /// The name of its program.
    pub fn program(self) -> &'static str {
        match self {
            Front::Haproxy => "haproxy",
            Front::Nginx => "nginx",
        }
    }

    /// The program's path, or `None` if it is not installed.
    pub fn find(self) -> Option<PathBuf> {
        find(self.program())
    }

    /// Starts it at a free port of `host`. `configuration` is called with this address, and its result is written to
    /// `directory`.
    ///
    /// # Errors
    /// Returns an error with the load balancer's message when it is not installed or does not start.
    pub fn start(
        self,
        directory: &Path,
        host: IpAddr,
        configuration: impl FnOnce(SocketAddr) -> String,
    ) -> anyhow::Result<Program> {
        let name = self.program();
        process::start(name, host, |command, address| {
            let file = directory.join(format!("{name}.conf"));
            let cannot = || format!("cannot write {}", file.display());
            fs::write(&file, configuration(address)).with_context(cannot)?;
            match self {
                Front::Haproxy => command.arg("-f").arg(file),
                Front::Nginx => {
                    command.arg("-p").arg(directory).args(["-e", "stderr", "-c"]).arg(file)
                }
            };
            Ok(())
        })
    }
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
/// for each request, and moves to the next replica if nothing listens there. Its paths are relative to the directory of
/// the configuration.
pub(crate) fn nginx(listen: SocketAddr, replicas: &[SocketAddr], retries: Retries) -> String {
    let servers = replicas.iter().map(|it| format!("        server {it} max_fails=0;\n"));
    let servers = servers.collect::<Vec<_>>().concat();
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
pid pid;
error_log stderr;
events {{ worker_connections 512; }}
http {{
    access_log off;
    client_body_temp_path client_body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    upstream replicas {{
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_configuration_with_a_mistake_is_reported() {
        for front in Front::ALL {
            if front.find().is_none() {
                println!("skipped: {} is not installed", front.program());
                continue;
            }
            let folder = tempfile::tempdir().unwrap();
            let name = front.program();
            let mistake = |_| "no_such_option yes;\n".to_string();
            let started = front.start(folder.path(), [127, 0, 0, 1].into(), mistake);
            let error = started.unwrap_err().to_string();
            assert!(error.starts_with(&format!("{name} has ended (exit status: 1): ")), "{error}");
            assert!(error.contains("no_such_option"), "{error}");
        }
    }
}
