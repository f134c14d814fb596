//! Request IDs and log lines.

use std::thread;
use std::time::Duration;

use super::super::tools::{Checked, require};
use crate::PATIENCE;
use crate::exercise::{Answer, Server};

pub(super) fn id_of(answer: &Answer) -> Result<String, crate::exercise::Failure> {
    match answer.reply.field("X-Request-ID") {
        Some(id) if !id.is_empty() => Ok(id.to_string()),
        _ => Err(answer.failure("a field X-Request-ID", "none")),
    }
}

pub(super) fn ids(server: &Server) -> Checked {
    let mut seen = std::collections::HashSet::new();
    for _ in 0..3 {
        for (method, target) in [("GET", "/"), ("GET", "/nowhere"), ("DELETE", "/hello/Ada")] {
            let answer = server.ask(method, target, &[], b"")?;
            let id = id_of(&answer)?;
            answer.require(seen.insert(id.clone()), "another id for each request", id)?;
        }
    }
    Ok(())
}

/// Waits until standard output or standard error has a line that matches `wanted`.
pub(super) fn logged(server: &Server, wanted: impl Fn(&str) -> bool) -> bool {
    let deadline = std::time::Instant::now() + PATIENCE;
    loop {
        let program = server.program();
        let (out, err) = (program.stdout_so_far(), program.stderr_so_far());
        if out.lines().chain(err.lines()).any(&wanted) {
            return true;
        }
        if std::time::Instant::now() > deadline {
            return false;
        }
        thread::sleep(Duration::from_millis(20));
    }
}

pub(super) fn log_line(server: &Server) -> Checked {
    for (target, status) in [("/hello/Ada", "200"), ("/nowhere-at-all", "404")] {
        let answer = server.get(target)?;
        let has_all = |line: &str| ["GET", target, status].iter().all(|word| line.contains(word));
        answer.require(
            logged(server, has_all),
            format!("a line with GET, {target} and {status}"),
            format!("none in {} s, on standard output and standard error", PATIENCE.as_secs()),
        )?;
    }
    Ok(())
}

pub(super) fn log_injection(server: &Server) -> Checked {
    let agent = [("User-Agent", "a\u{1b}[31mb\" 200 forged")];
    // A server may reject the escape character in the field, and then it has no path to log. So the path is first sent
    // without the field.
    for fields in [&[][..], &agent] {
        let bytes = crate::request("GET", "/first%0AGET%20/forged%20200", fields, b"");
        server.connect()?.send(&bytes)?;
    }
    server.get("/marker-of-the-end")?;
    require(
        logged(server, |line| line.contains("/marker-of-the-end")),
        "a line for each request",
        "none for the last one",
    )?;
    let program = server.program();
    let all = format!("{}{}", program.stdout_so_far(), program.stderr_so_far());
    let forged =
        all.lines().find(|line| line.starts_with("GET /forged") || line.contains('\u{1b}'));
    require(
        forged.is_none(),
        "client data is escaped in the log",
        format!("this line: {:?}", forged.unwrap_or_default()),
    )
}
