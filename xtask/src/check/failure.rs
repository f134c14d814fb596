//! A failure in full: the request, the expected and the actual result, and the rule.

use std::fmt::Write;

use wire::escape::escape;
use wire::exercise::{Conversation, Failure, Piece};

use super::curl;
use super::result::Checked;
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

/// A failure with the request, the expected result, the actual result, and the rule, in this order.
pub(super) fn in_full(checked: &Checked, failure: &Failure, running: &str) -> String {
    let mut text = format!("{}\n", ui::paint(ui::TITLE, &checked.sentence));
    // First, so that the failure itself is at the end of a long text.
    text += &exchanges(&checked.conversations);
    if !failure.sent.is_empty() {
        text.push('\n');
        if failure.sent.len() <= MAX_COMMAND {
            let with = ui::paint(ui::DIM, &format!("with {running}:"));
            let _ = writeln!(text, "  {with}\n  {}\n", curl::command(&failure.sent));
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
pub(super) fn indented(text: &str) -> String {
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
        if number < MAX_LINES || near {
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
    let from = wrong_at.filter(|at| *at >= MAX_LINE).map_or(0, |at| at - MAX_LINE / 2);
    let to = line.len().min(from + MAX_LINE);
    let cut = |count: usize, text: String| if count > 0 { text } else { String::new() };
    let front = cut(from, format!("… ({from} bytes) "));
    let more = line.len() - to;
    let back = cut(more, format!(" … ({more} bytes more)"));
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
    use crate::ui::plain;

    fn piece(sent: bool, bytes: &[u8]) -> Piece {
        Piece { sent, bytes: bytes.to_vec(), length: bytes.len() }
    }

    #[test]
    fn all_exchanges_are_shown_if_there_was_more_than_one_and_of_many_the_last() {
        let one = |number| Conversation {
            number,
            pieces: vec![piece(true, b"a\r\n"), piece(false, b"b")],
        };
        assert_eq!(exchanges(&[one(1)]), "");
        let cut = Piece { length: 5000, ..piece(true, b"c") };
        let shown = plain(&exchanges(&[one(1), Conversation { number: 9, pieces: vec![cut] }]));
        let expected = "  connection 1\n  > a\\r\\n\n  < b\n  … (7 connections more)\n  connection 9\n  > c\n  > … (5000 bytes in all)\n";
        assert!(shown.ends_with(expected), "{shown}");
        let shown = plain(&exchanges(&(1..=6).map(one).collect::<Vec<_>>()));
        assert!(shown.contains("  … (2 connections more)\n  connection 3\n"), "{shown}");
        assert!(shown.contains("connection 6\n"), "{shown}");
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
