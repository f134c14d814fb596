//! Cross-origin requests.

use super::super::tools::Checked;
use crate::exercise::Server;

/// The allowed origin, whose pages may read responses.
const FRIEND: &str = "http://localhost:3000";

const PREFLIGHT: [(&str, &str); 2] =
    [("Access-Control-Request-Method", "PUT"), ("Access-Control-Request-Headers", "content-type")];

pub(super) fn preflight(server: &Server) -> Checked {
    let fields = [&[("Origin", FRIEND)][..], &PREFLIGHT].concat();
    let answer = server.ask("OPTIONS", "/users/1", &fields, b"")?;
    answer.status_in(&[200, 204])?.field("Access-Control-Allow-Origin", FRIEND)?;
    answer.lists("Access-Control-Allow-Methods", "PUT")?;
    answer.lists("Access-Control-Allow-Headers", "content-type").map(drop)
}

pub(super) fn readable(server: &Server) -> Checked {
    for target in ["/", "/nowhere"] {
        let answer = server.ask("GET", target, &[("Origin", FRIEND)], b"")?;
        answer.field("Access-Control-Allow-Origin", FRIEND)?.lists("Vary", "Origin")?;
    }
    Ok(())
}

pub(super) fn strangers(server: &Server) -> Checked {
    for origin in [
        "http://evil.example",
        "http://localhost:3000.evil.example",
        "http://evil-localhost:3000",
        "https://localhost:3000",
        "http://localhost:30001",
        "null",
    ] {
        let fields = [&[("Origin", origin)][..], &PREFLIGHT].concat();
        for (method, target, fields) in
            [("GET", "/", &fields[..1]), ("OPTIONS", "/users/1", &fields)]
        {
            server.ask(method, target, fields, b"")?.no_field("Access-Control-Allow-Origin")?;
        }
    }
    Ok(())
}
