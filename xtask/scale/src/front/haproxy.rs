//! The configuration of `HAProxy`.

use super::configuration::{Configuration, Retries, lines};

/// `HAProxy` polls the readiness probe of each replica. A replica gets no more requests after three failed probes in a
/// row, and gets requests again after one success. Idle connections are reused for any request. With one thread, events
/// are handled in the order in which they arrive, on any machine.
pub(super) fn text(configuration: &Configuration<'_>) -> String {
    let Configuration { listen, replicas, retries, .. } = configuration;
    let servers =
        lines(replicas, |number, replica| format!("    server replica{number} {replica}\n"));
    let timeout = if *retries == Retries::All { "300ms" } else { "30s" };
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

#[cfg(test)]
mod tests {
    use super::super::Front;
    use super::super::tests::with;
    use super::*;

    #[test]
    fn every_replica_has_a_line_and_is_probed() {
        let text = with(Front::Haproxy, Retries::Idempotent);
        assert!(
            text.contains("    server replica1 127.0.0.2:80\n    server replica2 127.0.0.3:80\n")
        );
        assert!(text.contains("option httpchk GET /health/ready\n"), "{text}");
    }

    #[test]
    fn post_is_retried_only_where_that_is_the_mistake() {
        assert!(with(Front::Haproxy, Retries::Never).contains("retries 0\n"));
        let right = with(Front::Haproxy, Retries::Idempotent);
        assert!(right.contains("disable-l7-retry unless METH_GET"), "{right}");
        let all = with(Front::Haproxy, Retries::All);
        assert!(!all.contains("disable-l7-retry") && all.contains("response-timeout"), "{all}");
    }
}
