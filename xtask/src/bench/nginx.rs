//! The configuration of nginx.

use std::net::SocketAddr;

use super::files::Files;
use super::scenario::Scenario;

/// A worker per core, in the foreground.
pub(super) fn configuration(files: &Files, address: SocketAddr, scenario: &Scenario) -> String {
    let public = files.public().display().to_string();
    let log = if scenario.logs {
        format!("{} combined", files.log("nginx").display())
    } else {
        "off".to_string()
    };
    format!(
        r#"daemon off;
worker_processes auto;
pid nginx.pid;
error_log stderr error;
events {{ worker_connections 16384; }}
http {{
    access_log {log};
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    default_type text/plain;
    keepalive_requests 1000000000;
    sendfile on;
    tcp_nopush on;
    open_file_cache max=1000;
    open_file_cache_valid 1s;
    server {{
        listen {address} backlog=1024;
        location = / {{ return 200 "Hello, World!"; }}
        location ~ "^/json/([0-9]+)$" {{
            default_type application/json;
            return 200 '{{"id":$1,"name":"Ada","tags":["a","b"]}}';
        }}
        location /static/ {{ alias "{public}/"; }}
    }}
}}
"#
    )
}
