//! Request IDs and log lines.

use std::collections::HashSet;

use super::super::tools::{Checked, require};
use crate::PATIENCE;
use crate::exercise::{Answer, Server};
use crate::output::Text;

pub(super) fn ids(server: &Server) -> Checked {
    let mut seen = HashSet::new();
    for _ in 0..3 {
        for (method, target) in [("GET", "/"), ("GET", "/nowhere"), ("DELETE", "/hello/Ada")] {
            let answer = server.ask(method, target, &[], b"")?;
            let id = answer.has("X-Request-ID")?;
            answer.require(seen.insert(id.to_string()), "another id for each request", id)?;
        }
    }
    Ok(())
}

/// Waits until standard output or standard error has a line that matches `wanted`.
fn logged(server: &Server, wanted: impl Fn(&str) -> bool) -> bool {
    let has_line =
        |text: &Text| text.stdout.text.lines().chain(text.stderr.text.lines()).any(&wanted);
    let output = server.program().output();
    let text = output.wait(PATIENCE, has_line);
    has_line(&text)
}

/// Requires a line in the log with all these words.
pub(super) fn is_logged(server: &Server, answer: &Answer, words: [&str; 3]) -> Checked {
    let [method, target, status] = words;
    answer.require(
        logged(server, |line| words.iter().all(|word| line.contains(word))),
        format!("a line with {method}, {target} and {status}"),
        format!("none in {} s, on standard output and standard error", PATIENCE.as_secs()),
    )
}

pub(super) fn log_line(server: &Server) -> Checked {
    for (target, status) in [("/hello/Ada", "200"), ("/nowhere-at-all", "404")] {
        is_logged(server, &server.get(target)?, ["GET", target, status])?;
    }
    Ok(())
}

pub(super) fn log_injection(server: &Server) -> Checked {
    let agent = [("User-Agent", "a\u{1b}[31mb\" 200 forged")];
    // A server may reject the escape character in the field, and then it has no path to log. So the path is first sent
    // without the field.
    for fields in [&[][..], &agent] {
        let bytes = crate::request("GET", "/first%0AGET%20/forged%20200", fields, b"");
        server.send(&bytes)?;
    }
    server.get("/marker-of-the-end")?;
    let is_logged = logged(server, |line| line.contains("/marker-of-the-end"));
    require(is_logged, "a line for each request", "none for the last one")?;
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
