//! The report of a run: a line for each check, the first failure in full, and the command to run next.

use std::fmt::Write;

use wire::escape::escape;
use wire::exercise::{Conversation, Failure, Piece};

use super::curl;
use crate::ui;

/// The maximum number of lines of a response that are shown. Further lines are counted. The lines around the wrong byte
/// are always shown.
const MAX_LINES: usize = 24;
/// The maximum length of a line. A longer line is cut.
const MAX_LINE: usize = 160;
/// The maximum number of connections that are shown. These are the last ones: the earlier connections have passed, and
/// would push the failure off the screen. `--json` reports them all.
const MAX_CONNECTIONS: usize = 4;
/// The maximum number of bytes of a request that is shown as a command. A longer command would fill the screen.
const MAX_COMMAND: usize = 4096;

/// The result of one check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Checked {
    pub sentence: String,
    /// The rule it checks, or nothing.
    pub rule: String,
    pub failure: Option<Failure>,
    /// The bytes of all its connections, if it failed.
    pub conversations: Vec<Conversation>,
}

/// How the program with the checks ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Ended {
    /// All checks have run.
    Done,
    /// Two checks timed out, so the remaining checks did not run.
    GaveUp { seconds: u64 },
    /// The run was stopped after this many seconds, during a check or between two checks.
    TimedOut { seconds: u64, during: Option<String> },
    /// The server did not start for the first check, so no check could run.
    NoServer(Failure),
    /// The program crashed, with this output.
    Early { status: String, during: Option<String>, said: String },
}

/// The line of a check that has run.
pub(crate) fn line(checked: &Checked, marks: ui::Marks) -> String {
    let (style, mark) = match checked.failure {
        None => (ui::GOOD, marks.good),
        Some(_) => (ui::BAD, marks.bad),
    };
    format!("{} {}\n", ui::paint(style, mark), checked.sentence)
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
pub(crate) fn end(all: &[Checked], ended: &Ended, next: &Next) -> String {
    if let Ended::NoServer(failure) = ended {
        return no_server(failure, next);
    }
    let stuck = match next.stuck.as_str() {
        "" => String::new(),
        command => format!(" Stuck? `{command}`"),
    };
    let mut text = String::new();
    let first = all.iter().find_map(|checked| Some((checked, checked.failure.as_ref()?)));
    if let Some((checked, failure)) = first {
        text.push('\n');
        text += &in_full(checked, failure, &next.running);
    }
    text += &early_end(ended);
    let passed = all.iter().filter(|checked| checked.failure.is_none()).count();
    let total = all.len();
    text.push('\n');
    let _ = match ended {
        Ended::Done if passed == total => {
            let solved = ui::paint(ui::GOOD, "Solved.");
            let passed = match total {
                1 => "The check passed.".to_string(),
                _ => format!("All {total} checks passed."),
            };
            let lines = [vec![format!("{solved} {passed}")], next.solved.clone()].concat();
            writeln!(text, "{}", lines.join("\n"))
        }
        Ended::Done => {
            writeln!(text, "{passed} of {total} checks passed.{stuck}")
        }
        _ => writeln!(text, "Checks passed before that: {passed}.{stuck}"),
    };
    text
}

/// The reason why not all checks have run; empty if they have.
fn early_end(ended: &Ended) -> String {
    let mut text = String::new();
    match ended {
        Ended::Done | Ended::NoServer(_) => {}
        Ended::GaveUp { seconds } => {
            let _ = writeln!(
                text,
                "\nStopped after {seconds} s: two checks have timed out, so the others would time out as well. Does \
                 the server hang?"
            );
        }
        Ended::TimedOut { seconds, during } => {
            let _ = writeln!(text, "\nStopped after {seconds} s{}.", within(during.as_deref()));
        }
        Ended::Early { status, during, said } => {
            let _ =
                writeln!(text, "\nThe checks ended early ({status}){}.", within(during.as_deref()));
            text += said;
            if !said.is_empty() && !said.ends_with('\n') {
                text.push('\n');
            }
        }
    }
    text
}

/// The arguments after the server's address at the first failure.
pub(crate) fn arguments(all: &[Checked]) -> &[String] {
    let first = all.iter().find_map(|checked| checked.failure.as_ref());
    first.map_or(&[], |failure| &failure.arguments)
}

/// A note for users without curl, if the report shows a curl command.
pub(crate) fn without_curl(all: &[Checked]) -> &'static str {
    let first = all.iter().find_map(|checked| checked.failure.as_ref());
    if first.is_some_and(|failure| !failure.sent.is_empty()) {
        "The command needs curl, which is not installed: `cargo xtask doctor` shows how to get it. \
         The check itself does not need it.\n"
    } else {
        ""
    }
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
pub(crate) fn port_is_taken(said: &str) -> &'static str {
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

/// A failure with the request, the expected result, the actual result, and the rule, in this order.
fn in_full(checked: &Checked, failure: &Failure, running: &str) -> String {
    let mut text = format!("{}\n", ui::paint(ui::TITLE, &checked.sentence));
    // First, so that the failure itself is at the end of a long text.
    text += &exchanges(&checked.conversations);
    if !failure.sent.is_empty() {
        text.push('\n');
        if failure.sent.len() <= MAX_COMMAND {
            let _ = writeln!(text, "  {}", ui::paint(ui::DIM, &format!("with {running}:")));
            let _ = writeln!(text, "  {}\n", curl::command(&failure.sent));
        }
        text += &bytes('>', &failure.sent, None);
    }
    let _ = writeln!(text, "\n  expected  {}\n", indented(&failure.expected));
    if !failure.received.is_empty() {
        text += &bytes('<', &failure.received, failure.wrong_at);
        text.push('\n');
    }
    let _ = writeln!(text, "  got       {}", indented(&failure.got));
    let rule = failure.rule.as_deref().unwrap_or(&checked.rule);
    if !rule.is_empty() {
        let _ = writeln!(text, "  see       {rule}");
    }
    text
}

/// The bytes of all connections of the check, if there is more than one request.
fn exchanges(conversations: &[Conversation]) -> String {
    let pieces: usize = conversations.iter().map(|conversation| conversation.pieces.len()).sum();
    if pieces <= 2 {
        return String::new();
    }
    let mut text =
        format!("\n  {}\n", ui::paint(ui::DIM, "what this check sent (>) and received (<):"));
    let (mut before, skipped) = (0, conversations.len().saturating_sub(MAX_CONNECTIONS));
    for Conversation { number, pieces } in &conversations[skipped..] {
        if *number > before + 1 {
            let _ = writeln!(text, "  … ({} connections more)", number - before - 1);
        }
        before = *number;
        let _ = writeln!(text, "  {}", ui::paint(ui::PLACE, &format!("connection {number}")));
        for Piece { sent, bytes: shown, length } in pieces {
            let sign = if *sent { '>' } else { '<' };
            text += &bytes(sign, shown, None);
            if *length > shown.len() {
                let _ = writeln!(text, "  {sign} … ({length} bytes in all)");
            }
        }
    }
    text
}

/// Further lines below the first.
fn indented(text: &str) -> String {
    text.trim_end().replace('\n', "\n            ")
}

/// The bytes line by line, each after `sign`, with a mark under the byte at `wrong_at`.
fn bytes(sign: char, bytes: &[u8], wrong_at: Option<usize>) -> String {
    let mut text = String::new();
    let mut start = 0;
    let lines: Vec<&[u8]> = bytes.split_inclusive(|&byte| byte == b'\n').collect();
    for (number, line) in lines.iter().enumerate() {
        let end = start + line.len();
        // A byte that is missing at the very end is marked after the last line.
        let is_last = number + 1 == lines.len();
        let place = wrong_at.filter(|&at| start <= at && (at < end || (at == end && is_last)));
        let near = wrong_at.is_some_and(|at| at + 200 >= start && at <= end + 200);
        if number < MAX_LINES || place.is_some() || near {
            text += &one_line(sign, line, place.map(|at| at - start));
        } else if number == MAX_LINES {
            let _ = writeln!(text, "  {sign} … ({} lines in all)", lines.len());
        }
        start = end;
    }
    text
}

fn one_line(sign: char, line: &[u8], wrong_at: Option<usize>) -> String {
    // A long line is shown around the wrong byte.
    let from = wrong_at.map_or(0, |at| if at < MAX_LINE { 0 } else { at - MAX_LINE / 2 });
    let to = line.len().min(from + MAX_LINE);
    let front = if from > 0 { format!("… ({from} bytes) ") } else { String::new() };
    let back = if to < line.len() {
        format!(" … ({} bytes more)", line.len() - to)
    } else {
        String::new()
    };
    let mut text = format!("  {sign} {front}{}{back}\n", escape(&line[from..to]));
    if let Some(at) = wrong_at {
        let before = front.chars().count() + escape(&line[from..at]).len();
        let width = line.get(at).map_or(1, |&byte| escape(&[byte]).len());
        let _ =
            writeln!(text, "    {}{}", " ".repeat(before), ui::paint(ui::BAD, &"^".repeat(width)));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::tests::plain;

    const REQUEST: &[u8] = b"GET /api/time HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n";

    fn checked(sentence: &str, failure: Option<Failure>) -> Checked {
        let rule = "RFC 9110 section 15.3.1 (200 OK)".to_string();
        Checked { sentence: sentence.to_string(), rule, failure, conversations: Vec::new() }
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
    fn report(all: &[Checked], ended: &Ended) -> String {
        let lines: String = all.iter().map(|checked| line(checked, ui::UNICODE)).collect();
        plain(&(lines + &end(all, ended, &next("`cargo run -p ch04_router` running"))))
    }

    #[test]
    fn golden_all_passed() {
        let all = [checked("the response is 200", None), checked("HEAD has the same fields", None)];
        let golden = include_str!("golden/pass.txt");
        assert_eq!(report(&all, &Ended::Done), golden);
    }

    #[test]
    fn one_check_is_not_all_checks() {
        let all = [checked("the response is 200", None)];
        let nothing = Next { solved: Vec::new(), ..next("") };
        assert_eq!(plain(&end(&all, &Ended::Done, &nothing)), "\nSolved. The check passed.\n");
    }

    #[test]
    fn of_many_connections_the_last_are_shown() {
        let piece =
            |sent: bool, bytes: &[u8]| Piece { sent, bytes: bytes.into(), length: bytes.len() };
        let conversation = |number: usize| Conversation {
            number,
            pieces: vec![piece(true, b"a\r\n"), piece(false, b"b")],
        };
        let all: Vec<Conversation> = (1..=6).map(conversation).collect();
        let shown = plain(&exchanges(&all));
        assert!(shown.contains("  … (2 connections more)\n  connection 3\n"), "{shown}");
        assert!(shown.contains("connection 6\n"), "{shown}");
    }

    #[test]
    fn the_arguments_are_those_of_the_first_failure() {
        let failure = |argument: &str| Failure {
            arguments: [argument.into()].into(),
            ..Failure::new("a", "b")
        };
        let all = [
            checked("x", None),
            checked("y", Some(failure("folder"))),
            checked("z", Some(failure("other"))),
        ];
        assert_eq!(arguments(&all), ["folder"]);
        assert_eq!(arguments(&all[..1]), [""; 0]);
    }

    #[test]
    fn golden_a_wrong_status() {
        let received = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n";
        let failure =
            Failure::new("status 200", "status 404").with_bytes(REQUEST, received).with_wrong_at(9);
        let all = [
            checked("the response is 200", Some(failure)),
            checked("HEAD has the same fields", Some(Failure::new("x", "y"))),
            checked("POST is 405", None),
        ];
        let golden = include_str!("golden/fail.txt");
        assert_eq!(report(&all, &Ended::Done), golden);
    }

    #[test]
    fn golden_one_byte_too_many() {
        let received = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi\n";
        let failure = Failure::new("nothing after the 2 bytes of the body", "1 byte more: \\n")
            .with_bytes(REQUEST, received)
            .with_wrong_at(received.len() - 1)
            .with_rule("RFC 9112 section 6.3 (Message Body Length)");
        let golden = include_str!("golden/one_byte_too_many.txt");
        assert_eq!(report(&[checked("the response is 200", Some(failure))], &Ended::Done), golden);
    }

    #[test]
    fn golden_too_slow() {
        let ended = Ended::TimedOut { seconds: 120, during: Some("two calls differ".to_string()) };
        let golden = include_str!("golden/timeout.txt");
        assert_eq!(report(&[checked("the response is 200", None)], &ended), golden);
    }

    #[test]
    fn golden_gave_up() {
        let failure = Failure::new(
            "a complete response in time",
            "waited 5s for the end of a header section",
        );
        let all = [
            checked("the response is 200", None),
            checked("HEAD has the same fields", Some(failure.clone().with_timeout())),
            checked("POST is 405", Some(failure.with_timeout())),
        ];
        assert_eq!(
            report(&all, &Ended::GaveUp { seconds: 10 }),
            include_str!("golden/gave_up.txt")
        );
    }

    #[test]
    fn all_exchanges_are_shown_if_there_was_more_than_one() {
        let piece =
            |sent: bool, bytes: &[u8]| Piece { sent, bytes: bytes.into(), length: bytes.len() };
        let conversation =
            |number: usize, pieces: &[Piece]| Conversation { number, pieces: pieces.to_vec() };
        let one = [piece(true, b"a\r\n"), piece(false, b"b")];
        assert_eq!(exchanges(&[conversation(1, &one)]), "");
        let cut = Piece { length: 5000, ..piece(true, b"c") };
        let shown = plain(&exchanges(&[conversation(1, &one), conversation(9, &[cut])]));
        let expected = "  connection 1\n  > a\\r\\n\n  < b\n  … (7 connections more)\n  connection 9\n  > c\n  > … (5000 bytes in all)\n";
        assert!(shown.ends_with(expected), "{shown}");
    }

    #[test]
    fn golden_broken_off() {
        let ended = Ended::Early {
            status: "exit status: 101".to_string(),
            during: Some("two calls differ".to_string()),
            said: "thread 'main' panicked at check.rs:7:5".to_string(),
        };
        let golden = include_str!("golden/early_exit.txt");
        assert_eq!(report(&[checked("the response is 200", None)], &ended), golden);
    }

    #[test]
    fn who_has_no_curl_is_told_when_a_command_is_shown() {
        let sent = Failure::new("a", "b").with_bytes(REQUEST, b"");
        assert!(without_curl(&[checked("x", Some(sent))]).contains("cargo xtask doctor"));
        assert_eq!(without_curl(&[checked("x", Some(Failure::new("a", "b")))]), "");
        assert_eq!(without_curl(&[checked("x", None)]), "");
    }

    #[test]
    fn golden_no_server() {
        let got = "waited for `listening on http://ADDRESS:PORT` as the first line, but the program has \
                   ended (exit status: 1)\nits standard error:\nAddress already in use";
        let ended = Ended::NoServer(Failure::new(wire::exercise::STARTS, got));
        let golden = include_str!("golden/no_server.txt");
        let shown = plain(&end(&[], &ended, &next("`python3 server.py 127.0.0.1:0`")));
        assert_eq!(shown, golden);
    }

    #[test]
    fn the_mark_stands_under_the_byte_however_it_is_written() {
        assert_eq!(plain(&bytes('<', b"a\tb\r\n", Some(1))), "  < a\\tb\\r\\n\n     ^^\n");
        assert_eq!(plain(&bytes('<', b"ab", Some(2))), "  < ab\n      ^\n");
        assert_eq!(plain(&bytes('<', b"a\nb", Some(2))), "  < a\\n\n  < b\n    ^\n");
    }

    #[test]
    fn a_long_answer_is_cut_but_not_around_the_wrong_byte() {
        let long = [b'x'; 1000];
        let shown = plain(&bytes('<', &long, Some(500)));
        assert!(shown.starts_with("  < … (420 bytes) xxx"), "{shown}");
        let mark = shown.lines().nth(1).unwrap();
        assert_eq!(
            mark.chars().position(|c| c == '^'),
            Some(4 + "… (420 bytes) ".chars().count() + 80)
        );
        let many = b"line\n".repeat(1000);
        let shown = bytes('<', &many, Some(4000));
        assert!(shown.lines().count() < 150);
        assert!(shown.contains("(1000 lines in all)") && plain(&shown).contains("\n    ^\n"));
    }
}
