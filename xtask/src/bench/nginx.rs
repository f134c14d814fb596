//! nginx: its configuration, and how it is started.

use std::fs;
use std::net::SocketAddr;
use std::process::Command;

use super::files::Files;
use super::scenario::Scenario;

/// nginx in the foreground, with a worker per core. It does not print where it listens, so a shell does.
pub(super) fn command(
    files: &Files,
    address: SocketAddr,
    scenario: &Scenario,
) -> anyhow::Result<Command> {
    let folder = files.path().join("nginx");
    fs::create_dir_all(&folder)?;
    let path = folder.join(format!("{}.conf", address.port()));
    let public = files.public().display().to_string();
    let log = if scenario.logs {
        format!("{} combined", files.log("nginx").display())
    } else {
        "off".to_string()
    };
    fs::write(&path, configuration(address, &public, &log))?;
    let mut command = Command::new("sh");
    command.args([
        "-c",
        r#"echo "listening on http://$1"; exec nginx -p "$2" -c "$3" -e stderr"#,
        "nginx",
    ]);
    command.arg(address.to_string()).arg(&folder).arg(&path);
    Ok(command)
}

fn configuration(address: SocketAddr, public: &str, log: &str) -> String {
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
    gzip_comp_level 6;
    gzip_types text/plain;
    server {{
        listen {address} backlog=1024;
        location = / {{ return 200 "Hello, World!"; }}
        location ~ "^/json/([0-9]+)$" {{
            default_type application/json;
            return 200 '{{"id":$1,"name":"Ada","tags":["a","b"]}}';
        }}
        location /static/ {{ alias "{public}/"; }}
        location = /text {{ gzip on; alias "{public}/text100k.txt"; }}
    }}
}}
"#
    )
}
