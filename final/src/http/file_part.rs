//! Reads a part of an open file. Many readers can read the same file at the same time.

use std::fs::File;
use std::io::{self, Read};
use std::ops::Range;
use std::sync::Arc;

use crate::core::files::read_at;

/// A reader for a part of a file. It has its own offset, and does not change the position of the
/// open file.
#[derive(Debug)]
pub struct FilePart {
    file: Arc<File>,
    range: Range<u64>,
}

impl FilePart {
    /// Creates a reader of the bytes in `range`.
    pub fn new(file: Arc<File>, range: Range<u64>) -> FilePart {
        FilePart { file, range }
    }
}

impl Read for FilePart {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.range.end.saturating_sub(self.range.start);
        let most = usize::try_from(left).map_or(buffer.len(), |left| left.min(buffer.len()));
        let count = read_at(&self.file, &mut buffer[..most], self.range.start)?;
        self.range.start += count as u64;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_readers_of_a_file_do_not_disturb_each_other() {
        let mut file = tempfile::tempfile().unwrap();
        io::Write::write_all(&mut file, b"0123456789").unwrap();
        let file = Arc::new(file);
        let mut one = FilePart::new(Arc::clone(&file), 2..5);
        let mut other = FilePart::new(file, 4..99);
        let mut text = String::new();
        one.read_to_string(&mut text).unwrap();
        other.read_to_string(&mut text).unwrap();
        assert_eq!(text, "234456789");
    }
}
