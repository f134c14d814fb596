//! Lines that end in CRLF, judged one byte at a time.

use std::fmt;

/// Watches bytes go by and says where lines end.
///
/// It looks at every byte once, so a head that arrives a byte at a time costs no more than one that
/// arrives whole, and both get the same verdict at the same byte.
///
/// RFC 9112 section 2.2 lets a server take a lone LF for a line's end. We do not: where one parser sees
/// two lines and another sees one, an attacker has a place to hide a second request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LineScanner {
    length: usize,
    after_cr: bool,
}

/// What a byte meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scanned {
    /// It belongs to a line that goes on.
    Inside,
    /// It ended a line of this many bytes, CRLF not counted.
    EndOfLine(usize),
}

impl LineScanner {
    /// Takes the next byte.
    ///
    /// # Errors
    /// [`LineError`] for a byte that may not stand where it stands. The message is beyond repair then.
    pub fn push(&mut self, byte: u8) -> Result<Scanned, LineError> {
        if self.after_cr {
            if byte != b'\n' {
                return Err(LineError::BareCarriageReturn);
            }
            self.after_cr = false;
            return Ok(Scanned::EndOfLine(std::mem::take(&mut self.length)));
        }
        match byte {
            b'\r' => self.after_cr = true,
            b'\n' => return Err(LineError::BareLineFeed),
            b'\t' | b' '..=b'~' | 0x80.. => self.length += 1,
            _ => return Err(LineError::ControlByte(byte)),
        }
        Ok(Scanned::Inside)
    }

    /// Bytes of the current line so far.
    pub fn length(&self) -> usize {
        self.length
    }

    /// Whether the next byte is the first of a line.
    pub fn at_start(&self) -> bool {
        self.length == 0 && !self.after_cr
    }
}

/// A byte that may not stand where it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LineError {
    /// LF without CR before it.
    BareLineFeed,
    /// CR without LF behind it.
    BareCarriageReturn,
    /// NUL or another control byte.
    ControlByte(u8),
}

impl fmt::Display for LineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BareLineFeed => f.write_str("a line must end in CRLF, not in LF alone"),
            Self::BareCarriageReturn => f.write_str("CR may only stand in front of LF"),
            Self::ControlByte(byte) => write!(f, "control byte {byte:#04x} is not allowed here"),
        }
    }
}

impl std::error::Error for LineError {}

#[cfg(test)]
mod tests {
    use super::*;

    fn lengths(bytes: &[u8]) -> Result<Vec<usize>, LineError> {
        let mut scanner = LineScanner::default();
        let mut lengths = Vec::new();
        for byte in bytes {
            if let Scanned::EndOfLine(length) = scanner.push(*byte)? {
                lengths.push(length);
            }
        }
        Ok(lengths)
    }

    #[test]
    fn lines_end_in_crlf_and_in_nothing_else() {
        let table: [(&[u8], Result<Vec<usize>, LineError>); 8] = [
            (b"ab\r\n\r\nc", Ok(vec![2, 0])),
            (b"tab\there\r\n", Ok(vec![8])),
            (b"caf\xc3\xa9\r\n", Ok(vec![5])),
            (b"a\nb", Err(LineError::BareLineFeed)),
            (b"a\rb", Err(LineError::BareCarriageReturn)),
            (b"a\r\r\n", Err(LineError::BareCarriageReturn)),
            (b"a\0", Err(LineError::ControlByte(0))),
            (b"\x7f", Err(LineError::ControlByte(0x7f))),
        ];
        for (bytes, expected) in table {
            assert_eq!(lengths(bytes), expected, "{}", bytes.escape_ascii());
        }
    }
}
