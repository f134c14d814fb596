//! Labels each byte of a chunked body with its part (RFC 9112 section 7.1).

use crate::label::Labeler;
use crate::part::Part;

impl Labeler<'_> {
    /// Labels chunks, each `chunk-size [ chunk-ext ] CRLF chunk-data CRLF`, and then the trailer section.
    pub(crate) fn chunks(&mut self, to: usize) {
        while self.at() < to {
            let (end, next) = self.line(to);
            let digits =
                self.unlabeled(end).iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
            let size = size(&self.unlabeled(end)[..digits]);
            self.label(self.at() + digits, Part::ChunkSize);
            self.label(end, Part::ChunkExtension);
            self.label(next, Part::Crlf);
            if size == 0 {
                let parts = [Part::TrailerName, Part::TrailerValue, Part::TrailerEnd];
                self.fields(to, parts);
                break;
            }
            self.label(to.min(self.at().saturating_add(size)), Part::ChunkData);
            let (end, next) = self.line(to);
            self.label(end, Part::Garbage);
            self.label(next, Part::Crlf);
        }
        self.label(to, Part::Garbage);
    }
}

/// The value of the digits. Without digits it is zero: the parser has rejected that line, so nothing follows it.
fn size(digits: &[u8]) -> usize {
    let digit = |byte: &u8| char::from(*byte).to_digit(16).unwrap_or(0) as usize;
    digits.iter().fold(0usize, |size, byte| size.saturating_mul(16).saturating_add(digit(byte)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_beyond_all_memory_is_a_large_one() {
        assert_eq!(size(b"fffffffffffffffffffffff"), usize::MAX);
        assert_eq!((size(b""), size(b"1A")), (0, 26));
    }
}
