//! The configuration of nginx.

use super::configuration::{Configuration, Retries, lines};

/// nginx keeps 32 idle connections to the replicas. It has no probes. With `max_fails=0` it tries every replica again
/// for each request, and moves to the next replica if nothing listens there.
pub(super) fn text(configuration: &Configuration<'_>) -> String {
    let Configuration { directory, listen, replicas, retries } = configuration;
    let directory = directory.display();
    let servers = lines(replicas, |_, replica| format!("        server {replica} max_fails=0;\n"));
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

#[cfg(test)]
mod tests {
    use super::super::Front;
    use super::super::tests::with;
    use super::*;

    #[test]
    fn every_replica_has_a_line() {
        let text = with(Front::Nginx, Retries::Idempotent);
        let expected =
            "server 127.0.0.2:80 max_fails=0;\n        server 127.0.0.3:80 max_fails=0;\n";
        assert!(text.contains(expected), "{text}");
    }

    #[test]
    fn post_is_retried_only_where_that_is_the_mistake() {
        assert!(with(Front::Nginx, Retries::Never).contains("proxy_next_upstream off;"));
        assert!(!with(Front::Nginx, Retries::Idempotent).contains("non_idempotent"));
        assert!(with(Front::Nginx, Retries::All).contains("non_idempotent"));
    }
}
