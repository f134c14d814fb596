//! Cross-origin requests.

use super::super::tools::{Checked, status_in};
use crate::exercise::Server;

/// The allowed origin, whose pages may read responses.
const FRIEND: &str = "http://localhost:3000";

/// An origin that is not allowed.
const STRANGER: &str = "http://evil.example";

const PREFLIGHT: [(&str, &str); 2] =
    [("Access-Control-Request-Method", "PUT"), ("Access-Control-Request-Headers", "content-type")];

pub(super) fn preflight(server: &Server) -> Checked {
    let fields = [&[("Origin", FRIEND)][..], &PREFLIGHT].concat();
    let answer = server.ask("OPTIONS", "/users/1", &fields, b"")?;
    status_in(&answer, &[200, 204])?;
    answer.field("Access-Control-Allow-Origin", FRIEND)?;
    for (name, element) in
        [("Access-Control-Allow-Methods", "PUT"), ("Access-Control-Allow-Headers", "content-type")]
    {
        let is_listed = answer.reply.lists(name, element);
        let got = answer.reply.field(name).unwrap_or("no such field").to_string();
        answer.require(is_listed, format!("{name} lists {element}"), got)?;
    }
    Ok(())
}

pub(super) fn readable(server: &Server) -> Checked {
    for target in ["/", "/nowhere"] {
        let answer = server.ask("GET", target, &[("Origin", FRIEND)], b"")?;
        answer.field("Access-Control-Allow-Origin", FRIEND)?;
        let is_listed = answer.reply.lists("Vary", "Origin");
        let got = answer.reply.field("Vary").unwrap_or("no field Vary").to_string();
        answer.require(is_listed, "Vary lists Origin", got)?;
    }
    Ok(())
}

pub(super) fn strangers(server: &Server) -> Checked {
    for origin in [
        STRANGER,
        "http://localhost:3000.evil.example",
        "http://evil-localhost:3000",
        "https://localhost:3000",
        "http://localhost:30001",
        "null",
    ] {
        server
            .ask("GET", "/", &[("Origin", origin)], b"")?
            .no_field("Access-Control-Allow-Origin")?;
        let fields = [&[("Origin", origin)][..], &PREFLIGHT].concat();
        server.ask("OPTIONS", "/users/1", &fields, b"")?.no_field("Access-Control-Allow-Origin")?;
    }
    Ok(())
}
