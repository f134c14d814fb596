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
    fs::write(&path, configuration(address, &public, &log, scenario.routes))?;
    let mut command = Command::new("sh");
    command.args([
        "-c",
        r#"echo "listening on http://$1"; exec nginx -p "$2" -c "$3" -e stderr"#,
        "nginx",
    ]);
    command.arg(address.to_string()).arg(&folder).arg(&path);
    Ok(command)
}

fn configuration(address: SocketAddr, public: &str, log: &str, routes: u16) -> String {
    let locations = locations(routes);
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
{locations}        location /static/ {{ alias "{public}/"; }}
        location = /text {{ gzip on; alias "{public}/text100k.txt"; }}
    }}
}}
"#
    )
}

/// The route with a parameter in the middle of the list, because regular expressions are tried in order.
fn locations(routes: u16) -> String {
    let item = |path: &str| {
        format!(
            r#"        location ~ "^{path}/([0-9]+)$" {{
            default_type application/json;
            return 200 '{{"id":$1,"name":"Ada","tags":["a","b"]}}';
        }}
"#
        )
    };
    let other = |number: u16| match number % 2 {
        0 => item(&format!("/json{number}")),
        _ => format!("        location = /json{number} {{ return 200 \"Hello, World!\"; }}\n"),
    };
    let mut locations: Vec<String> = (1..routes.max(1)).map(other).collect();
    locations.insert(locations.len() / 2, item("/json"));
    locations.concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nginx_has_as_many_routes_as_the_others_and_the_requested_one_once() {
        for (routes, count) in [(0, 1), (10, 10), (1_000, 1_000)] {
            let text = locations(routes);
            assert_eq!(text.matches("location").count(), count, "{routes}");
            assert_eq!(text.matches("\"^/json/([0-9]+)$\"").count(), 1, "{routes}");
        }
    }
}
