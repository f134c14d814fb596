//! Writes the exchanges of a failed check as a script that the reader can run and change.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use anyhow::Context;
use wire::escape::escape;
use wire::exercise::Conversation;

use crate::check::{Checked, curl, first_failure};

/// Writes the script of the first failed check. Returns whether a failed check with exchanges was
/// found.
pub(super) fn write(file: &Path, all: &[Checked]) -> anyhow::Result<bool> {
    let Some((checked, _)) = first_failure(all) else { return Ok(false) };
    if checked.conversations.is_empty() {
        return Ok(false);
    }
    fs::write(file, script(&checked.sentence, &checked.conversations))
        .with_context(|| file.display().to_string())?;
    Ok(true)
}

/// Replays one connection after the other with nc. The received bytes follow as comments.
fn script(sentence: &str, conversations: &[Conversation]) -> String {
    let mut text = format!(
        "#!/bin/sh\n# {sentence}\n# Start the server at {} first, or set ADDRESS.\nADDRESS=${{ADDRESS:-{}}}\n",
        curl::ADDRESS,
        curl::ADDRESS.replace(':', " ")
    );
    for Conversation { number, pieces } in conversations {
        let _ = writeln!(text, "\n# connection {number}");
        let mut sending = String::new();
        for piece in pieces {
            if piece.sent {
                let bytes = escape(&piece.bytes).replace('\'', "\\047").replace('%', "%%");
                let bytes = octal(&bytes);
                let _ = writeln!(sending, "  printf '{bytes}'; sleep 0.1");
                if piece.length > piece.bytes.len() {
                    let more = piece.length - piece.bytes.len();
                    let _ = writeln!(sending, "  # … and {more} bytes more");
                }
            } else {
                for line in piece.bytes.split_inclusive(|&byte| byte == b'\n').take(20) {
                    let _ = writeln!(sending, "  # < {}", escape(line));
                }
            }
        }
        let _ = writeln!(text, "{{\n{sending}}} | nc -q 2 $ADDRESS");
    }
    text
}

/// printf(1) of POSIX supports `\ooo`, but not `\xhh`.
fn octal(escaped: &str) -> String {
    let mut text = String::new();
    let mut rest = escaped;
    while let Some(at) = rest.find("\\x") {
        text.push_str(&rest[..at]);
        let byte = rest.get(at + 2..at + 4).and_then(|digits| u8::from_str_radix(digits, 16).ok());
        if let Some(byte) = byte {
            let _ = write!(text, "\\{byte:03o}");
            rest = &rest[at + 4..];
        } else {
            text.push_str("\\x");
            rest = &rest[at + 2..];
        }
    }
    text + rest
}

#[cfg(test)]
mod tests {
    use wire::exercise::Piece;

    use super::*;

    #[test]
    fn a_script_sends_the_same_bytes() {
        let piece =
            |sent: bool, bytes: &[u8]| Piece { sent, bytes: bytes.into(), length: bytes.len() };
        let pieces =
            vec![piece(true, b"GET / 100%\r\n'\xff"), piece(false, b"HTTP/1.1 400\r\n\r\n")];
        let text = script("a sentence", &[Conversation { number: 2, pieces }]);
        assert!(text.contains("# a sentence\n"), "{text}");
        assert!(text.contains(r"printf 'GET / 100%%\r\n\047\377'; sleep 0.1"), "{text}");
        assert!(text.contains("# < HTTP/1.1 400\\r\\n\n"), "{text}");
        assert!(text.ends_with("} | nc -q 2 $ADDRESS\n"), "{text}");
    }
}
