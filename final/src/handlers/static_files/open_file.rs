//! An open file, with its version and the header fields of its responses.

use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::ops::Range;
use std::sync::Arc;

use super::caching::Caching;
use super::open::Opened;
use super::range::ACCEPT_RANGES;
use crate::core::files::{self, Stat};
use crate::http::date::now;
use crate::http::validators::{Validators, Version};
use crate::http::{HeaderValue, Headers, ResponseBody, SharedBytes, header, mime};

/// The maximum size in bytes of a file whose content is kept in memory as well. If all files are
/// small, this is 4 MiB in total.
pub const SMALL: u64 = 16 * 1024;

/// A file that can be served.
#[derive(Debug)]
pub struct OpenFile {
    /// The open file. All responses that send it share it, and each has its own position.
    pub file: Arc<File>,
    /// The content of a small file, so that one system call can send it together with the header
    /// section.
    pub bytes: Option<SharedBytes>,
    /// The file's metadata when the fields below were built.
    pub stat: Stat,
    /// Whether every later change to the file will change its `stat`. If a file changed a moment
    /// ago, it may change again with the same timestamps.
    pub is_settled: bool,
    /// The length of the file in bytes.
    pub length: u64,
    /// The validators of this version.
    pub validators: Validators,
    /// The header fields that identify the version. A 304 has no other fields of the file.
    pub state: Headers,
    /// The header fields of a response with the whole file or with a part of it.
    pub whole: Headers,
}

impl OpenFile {
    /// Describes a file that has just been opened. The extension of `name` determines the media
    /// type.
    ///
    /// # Errors
    /// Returns an error when the file cannot be read.
    pub fn new(opened: Opened, name: &str, caching: &Caching) -> io::Result<OpenFile> {
        // The open file stays the same, even if another file gets its name.
        let Opened { file, metadata, .. } = opened;
        let stat = files::stat(&file)?;
        // A file that changes while it is read is not kept in memory.
        let bytes = if metadata.len() <= SMALL { read(&file, &metadata)? } else { None };
        let (version, now) = (Version::of(&metadata), now());
        let is_settled = version.is_settled(now) && Version::of(&file.metadata()?) == version;
        let validators = Validators::of(&metadata, now);
        let content_type = mime::content_type(name);
        let state = state(caching.value(&content_type), &validators);
        let whole = whole(content_type, mime::content_encoding(name), &state);
        let (file, length) = (Arc::new(file), metadata.len());
        Ok(OpenFile { file, bytes, stat, is_settled, length, validators, state, whole })
    }

    /// Returns whether the file is still the same version. A strong tag must not be sent with the
    /// bytes of another version.
    pub fn is_unchanged(&self) -> bool {
        files::stat(&self.file).is_ok_and(|now| files::is_unchanged(&self.stat, &now))
    }

    /// Returns the response body for this range of the file.
    pub fn body(&self, range: Range<u64>) -> ResponseBody {
        let in_memory = |bytes: &SharedBytes| {
            let start = usize::try_from(range.start).ok()?;
            let range = start..usize::try_from(range.end).ok()?;
            Some(ResponseBody::Shared { bytes: bytes.clone(), range })
        };
        self.bytes.as_ref().and_then(in_memory).unwrap_or_else(|| ResponseBody::File {
            file: Arc::clone(&self.file),
            range: range.clone(),
        })
    }
}

/// Returns the header fields that identify the version of a file. They are the same in a 200 and a
/// 304 (RFC 9110 section 15.4.5).
fn state(cache_control: HeaderValue, validators: &Validators) -> Headers {
    let mut fields = Headers::new();
    fields.append(header::CACHE_CONTROL, cache_control);
    // A proxy in front of the client may compress the response.
    fields.append(header::VARY, HeaderValue::from_static("Accept-Encoding"));
    validators.add_to(&mut fields);
    fields
}

/// Returns the header fields of a response with the whole file or with a part of it.
fn whole(content_type: HeaderValue, encoding: Option<HeaderValue>, state: &Headers) -> Headers {
    let mut fields = Headers::new();
    fields.append(header::CONTENT_TYPE, content_type);
    if let Some(encoding) = encoding {
        fields.append(header::CONTENT_ENCODING, encoding);
    }
    // A browser must not treat a text file as a script because of its content.
    fields.append(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    fields.append(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    state.iter().for_each(|(name, value)| fields.append(name.clone(), value.clone()));
    fields
}

/// Reads a small file. Returns `None` if it is no longer the version that `metadata` describes.
fn read(file: &File, metadata: &Metadata) -> io::Result<Option<SharedBytes>> {
    let mut bytes = Vec::new();
    file.take(metadata.len() + 1).read_to_end(&mut bytes)?;
    let is_whole = bytes.len() as u64 == metadata.len();
    let is_same = Version::of(&file.metadata()?) == Version::of(metadata);
    Ok((is_whole && is_same).then(|| bytes.into()))
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::time::SystemTime;

    use super::*;

    #[test]
    fn a_file_that_changes_while_it_is_read_is_not_kept_in_memory() {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(b"old").unwrap();
        let read_from_start = |file: &File, metadata: &Metadata| {
            io::Seek::rewind(&mut &*file).unwrap();
            read(file, metadata).unwrap()
        };
        let metadata = file.metadata().unwrap();
        assert_eq!(read_from_start(&file, &metadata).as_deref(), Some(&b"old"[..]));
        file.set_modified(SystemTime::UNIX_EPOCH).unwrap();
        assert_eq!(read_from_start(&file, &metadata).as_deref(), None, "it has another time");
        let metadata = file.metadata().unwrap();
        file.write_all(b"er").unwrap();
        file.set_modified(SystemTime::UNIX_EPOCH).unwrap();
        assert_eq!(read_from_start(&file, &metadata).as_deref(), None, "it is longer");
    }
}
