//! The chunked transfer coding, for a body whose length is not known in advance (RFC 9112
//! section 7.1).

use super::body_error::BodyError;
use super::fields::parse_fields;
use super::limits::{KIB, Limits};
use super::line::{LineScanner, Scanned};
use super::{Headers, header};

/// The maximum length of a chunk's size line in bytes, with its extensions and CRLF.
const SIZE_LINE: usize = KIB;

/// The number of bytes of framing that a body may have beyond its normal need. Without this limit a
/// client could send megabytes of chunk extensions for a body of a few bytes.
const OVERHEAD: u64 = 16 * KIB as u64;

/// A decoder for a chunked body, which processes the bytes as they arrive.
///
/// It has no socket, so a test can split the input anywhere. [`Limits::body`] applies to the
/// decoded bytes.
#[derive(Debug)]
pub struct ChunkedDecoder {
    limits: Limits,
    step: Step,
    lines: LineScanner,
    /// The part of the current size line or trailer section that has arrived.
    text: Vec<u8>,
    decoded: u64,
    overhead: u64,
    trailers: Headers,
}

/// The part of the body that the next byte belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Size,
    Data { left: u64 },
    DataEnd,
    Trailers,
    Done,
}

impl ChunkedDecoder {
    /// Creates a decoder for one body.
    pub fn new(limits: &Limits) -> ChunkedDecoder {
        ChunkedDecoder {
            limits: *limits,
            step: Step::Size,
            lines: LineScanner::default(),
            text: Vec::new(),
            decoded: 0,
            overhead: 0,
            trailers: Headers::new(),
        }
    }

    /// Decodes `input`, appends the data to `out`, and returns the number of consumed bytes: all of
    /// `input`, unless the body ends earlier.
    ///
    /// # Errors
    /// Returns [`BodyError`] for a malformed or too large body. The caller must then close the
    /// connection.
    pub fn decode(&mut self, input: &[u8], out: &mut Vec<u8>) -> Result<usize, BodyError> {
        let mut used = 0;
        while used < input.len() && self.step != Step::Done {
            if let Step::Data { left } = self.step {
                let rest = &input[used..];
                let count = usize::try_from(left).map_or(rest.len(), |left| left.min(rest.len()));
                out.extend_from_slice(&rest[..count]);
                used += count;
                let left = left - count as u64;
                self.step = if left == 0 { Step::DataEnd } else { Step::Data { left } };
            } else {
                self.framing_byte(input[used])?;
                used += 1;
            }
        }
        Ok(used)
    }

    /// Returns whether the whole body has been decoded.
    pub fn is_done(&self) -> bool {
        self.step == Step::Done
    }

    /// Returns the trailer fields after the last chunk. They are kept apart from the header fields,
    /// because the header section was validated without them (RFC 9110 section 6.5.1).
    pub fn into_trailers(self) -> Headers {
        self.trailers
    }

    /// Consumes one byte of the framing, which is every byte that is not data.
    fn framing_byte(&mut self, byte: u8) -> Result<(), BodyError> {
        let at_start = self.lines.at_start();
        let (_, scanned) = self.lines.scan(&[byte]).map_err(|_| BodyError::BadChunk)?;
        match self.step {
            Step::Size => {
                self.text.push(byte);
                if self.text.len() > SIZE_LINE {
                    return Err(BodyError::BadChunk);
                }
                if matches!(scanned, Scanned::EndOfLine(_)) {
                    self.start_chunk()?;
                }
            }
            // After the data of a chunk, only CRLF is allowed.
            Step::DataEnd => match scanned {
                Scanned::EndOfLine(0) => self.step = Step::Size,
                _ if self.lines.length() > 0 => return Err(BodyError::BadChunk),
                _ => {}
            },
            Step::Trailers => {
                if at_start && matches!(byte, b' ' | b'\t') {
                    return Err(BodyError::BadTrailer);
                }
                self.text.push(byte);
                if self.text.len() > self.limits.trailers {
                    return Err(BodyError::TrailersTooLarge);
                }
                if scanned == Scanned::EndOfLine(0) {
                    self.end()?;
                }
            }
            Step::Data { .. } | Step::Done => {}
        }
        Ok(())
    }

    /// Parses a complete size line: `1*HEXDIG *( BWS ";" extension ) CRLF`. Extensions are ignored.
    fn start_chunk(&mut self) -> Result<(), BodyError> {
        let line = std::mem::take(&mut self.text);
        let digits = line.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
        let after = line[digits..].trim_ascii_start();
        // The digits must be followed by the end of the line, or by an extension with optional
        // white space before it.
        if digits == 0 || !(line[digits..] == *b"\r\n" || after.starts_with(b";")) {
            return Err(BodyError::BadChunk);
        }
        let size = line[..digits]
            .iter()
            .filter_map(|digit| char::from(*digit).to_digit(16))
            .try_fold(0u64, |size, digit| size.checked_mul(16)?.checked_add(u64::from(digit)))
            .ok_or(BodyError::TooLarge)?;
        self.decoded = self.decoded.checked_add(size).ok_or(BodyError::TooLarge)?;
        if self.decoded > self.limits.body {
            return Err(BodyError::TooLarge);
        }
        // The framing of a chunk normally needs about a dozen bytes. A larger chunk may have longer
        // extensions.
        let free = 16 + 2 * size;
        self.overhead = (self.overhead + line.len() as u64).saturating_sub(free);
        if self.overhead > OVERHEAD {
            return Err(BodyError::BadChunk);
        }
        self.step = if size == 0 { Step::Trailers } else { Step::Data { left: size } };
        Ok(())
    }

    fn end(&mut self) -> Result<(), BodyError> {
        let block = std::mem::take(&mut self.text);
        let trailers = parse_fields(&block, self.limits.fields).map_err(|error| match error {
            super::fields::FieldsError::TooMany => BodyError::TrailersTooLarge,
            super::fields::FieldsError::Malformed => BodyError::BadTrailer,
        })?;
        // Fields that affect framing or routing are not allowed in trailers (RFC 9110
        // section 6.5.1).
        let forbidden =
            [header::CONTENT_LENGTH, header::TRANSFER_ENCODING, header::HOST, header::TRAILER];
        if forbidden.iter().any(|name| trailers.contains(name)) {
            return Err(BodyError::BadTrailer);
        }
        self.trailers = trailers;
        self.step = Step::Done;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    type Decoded = (Vec<u8>, usize, bool, Vec<String>);

    /// Decodes the pieces of an input one after the other. Returns the data, the number of consumed
    /// bytes, whether the body has ended, and the trailers.
    fn decode<'a>(
        pieces: impl IntoIterator<Item = &'a [u8]>,
        limits: &Limits,
    ) -> Result<Decoded, BodyError> {
        let mut decoder = ChunkedDecoder::new(limits);
        let (mut out, mut used) = (Vec::new(), 0);
        for piece in pieces {
            used += decoder.decode(piece, &mut out)?;
        }
        let done = decoder.is_done();
        let names = decoder.into_trailers().iter().map(|(name, _)| name.to_string()).collect();
        Ok((out, used, done, names))
    }

    fn all(bytes: &[u8]) -> Result<Decoded, BodyError> {
        let limits = Limits { body: 1000, trailers: 100, fields: 2, ..Limits::default() };
        let at_once = decode([bytes], &limits);
        assert_eq!(decode(bytes.chunks(1), &limits), at_once, "{}", bytes.escape_ascii());
        at_once
    }

    #[test]
    fn chunks_are_joined_and_later_bytes_are_not_consumed() {
        let bytes = b"5\r\nhello\r\n6;a=\"b\"\r\n world\r\n0\r\nX-Sum: 1\r\n\r\nGET /";
        let (data, used, done, trailers) = all(bytes).unwrap();
        assert_eq!(
            (data.as_slice(), &bytes[used..], done),
            (&b"hello world"[..], &b"GET /"[..], true)
        );
        assert_eq!(trailers, ["X-Sum"]);
    }

    #[test]
    fn a_truncated_body_is_not_done() {
        let bytes = b"5\r\nhello\r\n0\r\n\r\n";
        for end in 0..bytes.len() {
            assert!(!all(&bytes[..end]).unwrap().2, "{}", bytes[..end].escape_ascii());
        }
        assert!(all(bytes).unwrap().2);
    }

    #[test]
    fn invalid_chunks_are_rejected() {
        use BodyError::{BadChunk, BadTrailer, TooLarge, TrailersTooLarge};
        let huge_line = format!("5;{}\r\n", "x".repeat(1100));
        let many_extensions = format!("1;{}\r\nx\r\n", "e".repeat(1000)).repeat(20);
        let table: [(&str, BodyError); 25] = [
            ("\r\n", BadChunk),
            (";a\r\n", BadChunk),
            ("-1\r\n", BadChunk),
            ("+1\r\n", BadChunk),
            ("0x5\r\n", BadChunk),
            (" 5\r\n", BadChunk),
            ("5 \r\n", BadChunk),
            ("5 x\r\n", BadChunk),
            ("5\n", BadChunk),
            ("5\rx", BadChunk),
            ("5;\0", BadChunk),
            ("1\r\nxy", BadChunk),
            ("1\r\nx\n", BadChunk),
            ("1\r\nx\r\r", BadChunk),
            (&huge_line, BadChunk),
            (&many_extensions, BadChunk),
            ("fffffffffffffffff\r\n", TooLarge),
            ("3e9\r\n", TooLarge),
            ("0\r\nno colon\r\n\r\n", BadTrailer),
            ("0\r\na: b\r\n c\r\n", BadTrailer),
            ("0\r\nContent-Length: 3\r\n\r\n", BadTrailer),
            ("0\r\nTransfer-Encoding: chunked\r\n\r\n", BadTrailer),
            ("0\r\nHost: a\r\n\r\n", BadTrailer),
            ("0\r\nTrailer: X-Sum\r\n\r\n", BadTrailer),
            ("0\r\na:\r\nb:\r\nc:\r\n\r\n", TrailersTooLarge),
        ];
        for (bytes, expected) in table {
            assert_eq!(all(bytes.as_bytes()), Err(expected), "{bytes:?}");
        }
        assert!(all(b"3E8 ; ext\r\n").is_ok());
    }

    #[test]
    fn a_size_line_may_have_at_most_1024_bytes() {
        let line = |bytes: usize| format!("0;{}\r\n", "x".repeat(bytes - 4));
        assert!(all(line(1024).as_bytes()).is_ok());
        assert_eq!(all(line(1025).as_bytes()), Err(BodyError::BadChunk));
    }

    #[test]
    fn a_trailer_section_may_fill_its_limit_and_no_more() {
        let section = |bytes: usize| format!("0\r\na: {}\r\n\r\n", "x".repeat(bytes - 7));
        assert!(all(section(100).as_bytes()).unwrap().2);
        assert_eq!(all(section(101).as_bytes()), Err(BodyError::TrailersTooLarge));
    }

    #[test]
    fn framing_may_exceed_the_need_of_its_chunks_by_16_kib() {
        // A chunk of one byte with a size line of `line` bytes, 18 of which (16 + 2 * 1) do not
        // count as overhead.
        let chunk = |line: usize| format!("1;{}\r\nx\r\n", "e".repeat(line - 4));
        assert_eq!(16 * (1024 - 18) + (306 - 18), 16 * 1024);
        // A large chunk before the small chunks does not raise their limit.
        for front in [String::new(), format!("190\r\n{}\r\n", "x".repeat(400))] {
            let many = format!("{front}{}", chunk(1024).repeat(16));
            assert!(all(format!("{many}{}", chunk(306)).as_bytes()).is_ok());
            let more = format!("{many}{}", chunk(307));
            assert_eq!(all(more.as_bytes()), Err(BodyError::BadChunk));
        }
    }

    proptest! {
        #[test]
        fn the_result_does_not_depend_on_how_the_bytes_are_split(
            bytes in "([0-9a-fA-F]{1,3}( ?;[ -~]{0,8})?\r\n[a-z\r\n]{0,12}\r\n){0,4}0\r\n([a-zA-Z-]{1,4}: [a-z]{0,3}\r\n){0,3}\r\n"
        ) {
            let _ = all(bytes.as_bytes());
        }

        #[test]
        fn encoded_data_decodes_to_itself(data: Vec<u8>, cuts: Vec<u8>) {
            let mut encoded = Vec::new();
            let mut rest = data.as_slice();
            for cut in cuts {
                let (chunk, after) = rest.split_at(rest.len().min(usize::from(cut)));
                if !chunk.is_empty() {
                    encoded.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
                    encoded.extend_from_slice(chunk);
                    encoded.extend_from_slice(b"\r\n");
                }
                rest = after;
            }
            encoded.extend_from_slice(b"0\r\n\r\n");
            let expected = &data[..data.len() - rest.len()];
            let (decoded, used, done, _) = decode([encoded.as_slice()], &Limits::default()).unwrap();
            prop_assert_eq!((decoded.as_slice(), used, done), (expected, encoded.len(), true));
        }
    }
}
