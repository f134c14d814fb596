//! Formats bytes as readable text: each control byte is visible, and each line stays on one line.

use std::fmt::Write;

/// The maximum number of lines that are shown. Further lines are only counted.
const MAX_LINES: usize = 40;
/// The maximum length of a line. A longer line is truncated, and its length is shown.
const MAX_LINE: usize = 300;

/// Writes `bytes` on one line, as a Rust byte string would: `GET / HTTP/1.1\r\n`.
pub fn escape(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for &byte in bytes {
        match byte {
            b'\r' => text.push_str("\\r"),
            b'\n' => text.push_str("\\n"),
            b'\t' => text.push_str("\\t"),
            b'\\' => text.push_str("\\\\"),
            0 => text.push_str("\\0"),
            b' '..=b'~' => text.push(char::from(byte)),
            _ => {
                // Writing to a string cannot fail.
                let _ = write!(text, "\\x{byte:02x}");
            }
        }
    }
    text
}

/// The first `most` characters of a text, and then `mark` if there are more.
pub(crate) fn shortened(text: &str, most: usize, mark: &str) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}{mark}", &text[..end]),
        None => text.to_string(),
    }
}

/// Writes `bytes` line by line, each escaped and after `mark`: `>` for sent bytes, `<` for received
/// bytes.
///
/// Long output is truncated, and the text states how much is missing.
pub fn lines(mark: char, bytes: &[u8]) -> String {
    let mut text = String::new();
    let all: Vec<&[u8]> = bytes.split_inclusive(|&byte| byte == b'\n').collect();
    for line in all.iter().take(MAX_LINES) {
        let shown = &line[..line.len().min(MAX_LINE)];
        let _ = write!(text, "{mark} {}", escape(shown));
        if shown.len() < line.len() {
            let _ = write!(text, " … ({} bytes in this line)", line.len());
        }
        text.push('\n');
    }
    if all.len() > MAX_LINES {
        let _ = writeln!(text, "{mark} … ({} lines more)", all.len() - MAX_LINES);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_bytes_are_visible() {
        assert_eq!(escape(b"a\t\0\x0b\xff\\\r\n"), "a\\t\\0\\x0b\\xff\\\\\\r\\n");
    }

    #[test]
    fn each_line_has_its_mark() {
        assert_eq!(lines('<', b"a\r\nb"), "< a\\r\\n\n< b\n");
        assert_eq!(lines('<', b""), "");
    }

    #[test]
    fn what_is_too_much_is_cut_and_counted() {
        let long = [b'x'; MAX_LINE + 1];
        assert!(lines('>', &long).ends_with("x … (301 bytes in this line)\n"));
        let many = b"\n".repeat(MAX_LINES + 2);
        assert!(lines('>', &many).ends_with("> … (2 lines more)\n"));
    }
}
