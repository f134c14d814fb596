//! Which part of a chunked body each byte is (RFC 9112 section 7.1).

use crate::label::Labels;
use crate::part::Part;

impl Labels<'_> {
    /// `chunk-size [ chunk-ext ] CRLF chunk-data CRLF`, again and again, then the trailers.
    pub(crate) fn chunks(&mut self, to: usize) {
        while self.at() < to {
            let (end, next) = self.line(to);
            let digits = self.rest(end).iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
            let size = size(&self.rest(end)[..digits]);
            self.take(self.at() + digits, Part::ChunkSize);
            self.take(end, Part::ChunkExtension);
            self.take(next, Part::Crlf);
            if size == 0 {
                let parts = [Part::TrailerName, Part::TrailerValue, Part::TrailerEnd];
                self.fields(to, parts);
                break;
            }
            self.take(to.min(self.at().saturating_add(size)), Part::ChunkData);
            let (end, next) = self.line(to);
            self.take(end, Part::Garbage);
            self.take(next, Part::Crlf);
        }
        self.take(to, Part::Garbage);
    }
}

/// What the digits say. Zero for none: the parser has refused that line.
fn size(digits: &[u8]) -> usize {
    let digit = |byte: &u8| char::from(*byte).to_digit(16).unwrap_or(0) as usize;
    digits.iter().fold(0usize, |size, byte| size.saturating_mul(16).saturating_add(digit(byte)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chunked_body_has_sizes_data_and_trailers() {
        let input = b"5;a=b\r\nhello\r\n0\r\nA: b\r\n\r\n";
        let mut labels = Labels::new(input);
        labels.chunks(input.len());
        let names: Vec<_> =
            labels.spans().iter().map(|span| (span.part.description().0, span.to)).collect();
        let expected = [
            ("chunk-size", 1),
            ("chunk-extension", 5),
            ("crlf", 7),
            ("chunk-data", 12),
            ("crlf", 14),
            ("chunk-size", 15),
            ("crlf", 17),
            ("trailer-name", 18),
            ("colon", 19),
            ("ows", 20),
            ("trailer-value", 21),
            ("crlf", 23),
            ("trailer-end", 25),
        ];
        assert_eq!(names, expected);
    }

    #[test]
    fn a_size_beyond_all_memory_is_a_large_one() {
        assert_eq!(size(b"fffffffffffffffffffffff"), usize::MAX);
        assert_eq!((size(b""), size(b"1A")), (0, 26));
    }
}
