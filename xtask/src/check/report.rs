//! The report of a run: a line for each check, the first failure in full, and the command to run next.

use wire::exercise::Failure;

use super::failure::{in_full, indented};
use super::result::{Checked, Ended, Results};
use crate::ui;

/// The line of a check that has run.
pub(crate) fn line(checked: &Checked, marks: ui::Marks) -> String {
    format!("{} {}\n", mark(checked.failure.is_none(), marks), checked.sentence)
}

/// The mark of a result.
pub(crate) fn mark(is_good: bool, marks: ui::Marks) -> String {
    if is_good { ui::paint(ui::GOOD, marks.good) } else { ui::paint(ui::BAD, marks.bad) }
}

/// The commands that the report suggests next.
#[derive(Debug, Clone)]
pub(crate) struct Next {
    /// The command for help: `cargo xtask hint 2`. Empty if there is none.
    pub stuck: String,
    /// The server that must run for the curl command; or, if it did not start, the command that starts it.
    pub running: String,
    /// The command that repeats the same checks.
    pub again: String,
    /// The suggestions after a solved exercise, one per line.
    pub solved: Vec<String>,
}

/// The text below the lines of the checks.
pub(crate) fn end(results: &Results, next: &Next) -> String {
    let (passed, total) = (results.passed(), results.checks.len());
    let stuck = match next.stuck.as_str() {
        "" => String::new(),
        command => format!(" Stuck? `{command}`"),
    };
    let before = format!("\nChecks passed before that: {passed}.{stuck}\n");
    let end = match &results.ended {
        // The compiler's own messages are above.
        Ended::NotBuilt(_) => String::new(),
        Ended::NoServer(failure) => no_server(failure, next),
        Ended::Done if passed == total => {
            let passed = match total {
                1 => "The check passed.".to_string(),
                _ => format!("All {total} checks passed."),
            };
            let solved = format!("{} {passed}", ui::paint(ui::GOOD, "Solved."));
            format!("\n{}\n", [vec![solved], next.solved.clone()].concat().join("\n"))
        }
        Ended::Done => format!("\n{passed} of {total} checks passed.{stuck}\n"),
        Ended::GaveUp { seconds } => format!(
            "\nStopped after {seconds} s: two checks have timed out, so the others would time out as well. Does the \
             server hang?\n{before}"
        ),
        Ended::TimedOut { seconds, during } => {
            format!("\nStopped after {seconds} s{}.\n{before}", within(during.as_deref()))
        }
        Ended::Early { status, during, said } => {
            let newline = if said.is_empty() || said.ends_with('\n') { "" } else { "\n" };
            let during = within(during.as_deref());
            format!("\nThe checks ended early ({status}){during}.\n{said}{newline}{before}")
        }
    };
    let failure = results
        .failures()
        .next()
        .map(|(checked, failure)| format!("\n{}", in_full(checked, failure, &next.running)));
    failure.unwrap_or_default() + &end
}

/// The arguments after the server's address at the first failure, or when it did not start.
pub(crate) fn arguments(results: &Results) -> &[String] {
    let failure = match &results.ended {
        Ended::NoServer(failure) => Some(failure),
        _ => results.failures().next().map(|(_, failure)| failure),
    };
    failure.map_or(&[], |failure| &failure.arguments)
}

/// The report when the server did not start.
fn no_server(failure: &Failure, next: &Next) -> String {
    format!(
        "{} The server did not start, so no check could run.\n\n  expected  {}\n  got       {}\n\n{}\
         Start it by hand and read its output: {}\n\
         Then again: `{}`\n",
        ui::paint(ui::BAD, "Stopped."),
        indented(&failure.expected),
        indented(&failure.got),
        port_is_taken(&failure.got),
        next.running,
        next.again
    )
}

/// Advice for a server whose port is in use: it does not listen on the port that it was given.
fn port_is_taken(said: &str) -> &'static str {
    // The messages of Unix and Windows, and common wordings of a server's own message.
    let said = said.to_lowercase();
    let words =
        ["address already in use", "address in use", "only one usage of each socket address"];
    if words.iter().any(|words| said.contains(words)) {
        "Another program uses this port. The check starts the server with `127.0.0.1:0`, where port 0 means any free \
         port: let\nit listen at the address in its first argument, and print the actual address.\n\n"
    } else {
        ""
    }
}

fn within(check: Option<&str>) -> String {
    check.map(|check| format!(" while checking: {check}")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::plain;

    const REQUEST: &[u8] = b"GET /api/time HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n";

    fn checked(sentence: &str, failure: Option<Failure>) -> Checked {
        let rule = "RFC 9110 section 15.3.1 (200 OK)".to_string();
        Checked { rule, ..Checked::of(sentence, failure) }
    }

    fn next(running: &str) -> Next {
        let again = "cargo xtask check-exercise 2".to_string();
        let solved = [
            "Compare: `cargo xtask solution 2`".to_string(),
            "Next: `cargo xtask check-exercise 3`".to_string(),
        ];
        let stuck = "cargo xtask hint 2".to_string();
        Next { stuck, running: running.to_string(), again, solved: solved.into() }
    }

    /// The complete report.
    fn report(results: &Results) -> String {
        let running = match results.ended {
            Ended::NoServer(_) => "`python3 server.py 127.0.0.1:0`",
            _ => "`cargo run -p ch04_router` running",
        };
        let lines = results.checks.iter().map(|checked| line(checked, ui::UNICODE));
        let end = end(results, &next(running));
        plain(&(lines.collect::<String>() + &end))
    }

    #[test]
    fn one_check_is_not_all_checks() {
        let checks = vec![checked("the response is 200", None)];
        let nothing = Next { solved: Vec::new(), ..next("") };
        let results = Results { checks, ended: Ended::Done };
        assert_eq!(plain(&end(&results, &nothing)), "\nSolved. The check passed.\n");
    }

    fn wrong() -> Failure {
        Failure::new("status 200", "status 404")
            .with_bytes(REQUEST, b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
            .with_wrong_at(9)
    }

    fn one_more() -> Failure {
        let received = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi\n";
        Failure::new("nothing after the 2 bytes of the body", "1 byte more: \\n")
            .with_bytes(REQUEST, received)
            .with_wrong_at(received.len() - 1)
            .with_rule("RFC 9112 section 6.3 (Message Body Length)")
    }

    #[test]
    fn reports_are_golden_files() {
        let passes = || checked("the response is 200", None);
        let late = || {
            let got = "waited 5s for the end of a header section";
            Some(Failure::new("a complete response in time", got).with_timeout())
        };
        let during = Some("two calls differ".to_string());
        let early = Ended::Early {
            status: "exit status: 101".to_string(),
            during: during.clone(),
            said: "thread 'main' panicked at check.rs:7:5".to_string(),
        };
        let got = "waited for `listening on http://ADDRESS:PORT` as the first line, but the program has \
                   ended (exit status: 1)\nits standard error:\nAddress already in use";
        let no_server = Failure::new(wire::exercise::STARTS, got);
        let head = |failure| checked("HEAD has the same fields", failure);
        let post = |failure| checked("POST is 405", failure);
        let of_wrong = vec![
            checked("the response is 200", Some(wrong())),
            head(Some(Failure::new("x", "y"))),
            post(None),
        ];
        for (checks, ended, golden) in [
            (vec![passes(), head(None)], Ended::Done, include_str!("golden/pass.txt")),
            (of_wrong, Ended::Done, include_str!("golden/fail.txt")),
            (
                vec![checked("the response is 200", Some(one_more()))],
                Ended::Done,
                include_str!("golden/one_byte_too_many.txt"),
            ),
            (
                vec![passes()],
                Ended::TimedOut { seconds: 120, during },
                include_str!("golden/timeout.txt"),
            ),
            (
                vec![passes(), head(late()), post(late())],
                Ended::GaveUp { seconds: 10 },
                include_str!("golden/gave_up.txt"),
            ),
            (vec![passes()], early, include_str!("golden/early_exit.txt")),
            (vec![], Ended::NoServer(no_server), include_str!("golden/no_server.txt")),
        ] {
            assert_eq!(report(&Results { checks, ended }), golden);
        }
    }
}
