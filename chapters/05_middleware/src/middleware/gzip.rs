//! A reader that compresses with gzip (RFC 1952).

use std::io::{self, Read, Write};

use flate2::Compression;
use flate2::write::GzEncoder;

/// The maximum number of bytes that are read and compressed at a time.
const INPUT_CHUNK: usize = 16 * 1024;

/// A reader that compresses the bytes of another reader, chunk by chunk, so that neither the whole
/// input nor the whole output has to be in memory.
///
/// flate2 has such a reader, but it waits until the compressor has enough data for an efficient
/// block. For a stream with one line a minute, that could delay the output by an hour. This reader
/// flushes the compressor after each chunk, which costs a few bytes per chunk.
pub struct GzipReader<R> {
    source: R,
    /// The number of bytes that the source still has to return, if its length is known.
    missing: Option<u64>,
    /// The compressor, or `None` at the end of the stream. It writes into a vector, which is taken
    /// out after each chunk.
    encoder: Option<GzEncoder<Vec<u8>>>,
    /// The compressed bytes. The first `given` of them have been returned.
    ready: Vec<u8>,
    given: usize,
}

impl<R: Read> GzipReader<R> {
    /// Creates a reader that compresses `source`, which returns `length` bytes if that is known. If
    /// it ends earlier, reading fails, because a truncated file must not look complete.
    pub fn new(source: R, length: Option<u64>) -> GzipReader<R> {
        let encoder = Some(GzEncoder::new(Vec::new(), Compression::default()));
        GzipReader { source, missing: length, encoder, ready: Vec::new(), given: 0 }
    }

    /// Compresses the next chunk.
    fn refill(&mut self) -> io::Result<()> {
        let Some(mut encoder) = self.encoder.take() else { return Ok(()) };
        let mut piece = [0; INPUT_CHUNK];
        let count = match self.source.read(&mut piece) {
            Ok(count) => count,
            Err(error) => {
                self.encoder = Some(encoder);
                return Err(error);
            }
        };
        if let Some(missing) = &mut self.missing {
            if count == 0 && *missing > 0 {
                // Without the encoder, the next call would return the end of the stream.
                self.encoder = Some(encoder);
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            *missing = missing.saturating_sub(count as u64);
        }
        self.given = 0;
        if count == 0 {
            self.ready = encoder.finish()?;
            return Ok(());
        }
        encoder.write_all(&piece[..count])?;
        encoder.flush()?;
        self.ready = std::mem::take(encoder.get_mut());
        self.encoder = Some(encoder);
        Ok(())
    }
}

impl<R: Read> Read for GzipReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.given == self.ready.len() {
            self.refill()?;
        }
        let rest = &self.ready[self.given..];
        let count = rest.len().min(buffer.len());
        buffer[..count].copy_from_slice(&rest[..count]);
        self.given += count;
        Ok(count)
    }
}

/// Compresses bytes in memory.
///
/// # Errors
/// Returns an error from flate2. None is expected, because writing to memory does not fail.
pub fn compress(bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes)?;
    encoder.finish()
}

#[cfg(test)]
mod tests {
    use flate2::read::GzDecoder;
    use proptest::prelude::*;

    use super::*;

    fn decompress(bytes: &[u8]) -> Vec<u8> {
        let mut plain = Vec::new();
        GzDecoder::new(bytes).read_to_end(&mut plain).unwrap();
        plain
    }

    /// A reader that returns one chunk per read, like a network connection.
    struct Pieces(Vec<Vec<u8>>);

    impl Read for Pieces {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let Some(piece) = self.0.first_mut() else { return Ok(0) };
            let count = piece.len().min(buffer.len());
            buffer[..count].copy_from_slice(&piece[..count]);
            piece.drain(..count);
            if piece.is_empty() {
                self.0.remove(0);
            }
            Ok(count)
        }
    }

    #[test]
    fn data_can_be_read_before_the_stream_ends() {
        let mut gzip = GzipReader::new(Pieces(vec![b"first".to_vec(), b"second".to_vec()]), None);
        gzip.refill().unwrap();
        let mut plain = [0; 5];
        GzDecoder::new(&gzip.ready[..]).read_exact(&mut plain).unwrap();
        assert_eq!(&plain, b"first");
    }

    #[test]
    fn a_failed_read_does_not_end_the_stream() {
        struct Fails(bool);
        impl Read for Fails {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                self.0 = !self.0;
                if self.0 { Err(io::ErrorKind::Interrupted.into()) } else { Ok(0) }
            }
        }
        let source = Fails(false).chain(&b"after it"[..]);
        let mut out = Vec::new();
        GzipReader::new(source, None).read_to_end(&mut out).unwrap();
        assert_eq!(decompress(&out), b"after it");
    }

    #[test]
    fn a_source_that_ends_too_soon_is_an_error() {
        let mut out = Vec::new();
        let mut gzip = GzipReader::new(&b"four"[..], Some(5));
        let error = gzip.read_to_end(&mut out).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
        // Regression test: the truncated stream looked complete to a caller that read again.
        let error = gzip.read(&mut [0; 8]).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
    }

    #[test]
    fn an_empty_source_is_an_empty_member_and_not_nothing() {
        let mut out = Vec::new();
        GzipReader::new(io::empty(), Some(0)).read_to_end(&mut out).unwrap();
        assert_eq!((out.len() > 10, decompress(&out)), (true, vec![]));
    }

    /// A repeated short text, which compresses well, or noise, which does not. Generating each byte separately took
    /// four seconds.
    fn piece() -> impl Strategy<Value = Vec<u8>> {
        let text = (proptest::collection::vec(any::<u8>(), 1..400), 1..100_usize);
        prop_oneof![
            text.prop_map(|(text, times)| text.repeat(times)),
            (any::<u64>(), 1..40_000_usize).prop_map(|(seed, length)| noise(seed, length)),
        ]
    }

    /// Pseudo-random bytes: Marsaglia's xorshift.
    fn noise(seed: u64, length: usize) -> Vec<u8> {
        let mut state = seed | 1;
        let byte = |_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state.to_be_bytes()[0]
        };
        (0..length).map(byte).collect()
    }

    proptest! {
        #[test]
        fn compressed_data_decompresses_to_itself(
            pieces in proptest::collection::vec(piece(), 0..4),
        ) {
            let plain = pieces.concat();
            let mut out = Vec::new();
            let length = Some(plain.len() as u64);
            GzipReader::new(Pieces(pieces), length).read_to_end(&mut out).unwrap();
            prop_assert_eq!(&decompress(&out), &plain);
            prop_assert_eq!(&decompress(&compress(&plain).unwrap()), &plain);
        }
    }
}
