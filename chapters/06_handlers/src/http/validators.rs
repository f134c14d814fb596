//! Validators, which a client sends back to find out whether its copy is still the current version
//! (RFC 9110 section 8.8).

use std::fmt::{self, Write};
use std::fs::Metadata;
use std::time::{Duration, SystemTime};

use super::date::imf_fixdate;
use super::{HeaderValue, Headers, header};

/// The latest modification time that is regarded as a constant: image builders and package stores
/// write 0 or 1, so that equal content gives equal images. Such a time does not identify the
/// content.
const CONSTANT: Duration = Duration::from_secs(1);

/// The coarsest resolution of file times (FAT). A file can change twice within this time and
/// keep its timestamp.
const RESOLUTION: Duration = Duration::from_secs(2);

/// An entity tag. The opaque part consists of bytes, because it may contain obs-text in any
/// encoding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntityTag {
    /// Whether the tag is weak: two representations with it are equivalent, but may differ in their
    /// bytes.
    pub is_weak: bool,
    /// The bytes between the quotation marks.
    pub opaque: Vec<u8>,
}

impl EntityTag {
    /// Returns whether the bytes are the same, by strong comparison (RFC 9110 section 8.8.3.2).
    pub fn is_same(&self, other: &EntityTag) -> bool {
        !self.is_weak && !other.is_weak && self.opaque == other.opaque
    }

    /// Returns whether one can replace the other, by weak comparison (RFC 9110 section 8.8.3.2).
    pub fn is_equivalent(&self, other: &EntityTag) -> bool {
        self.opaque == other.opaque
    }
}

/// The form of the tag in a field. Bytes that never occur in a tag of this server are escaped.
impl fmt::Display for EntityTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let prefix = if self.is_weak { "W/" } else { "" };
        write!(f, "{prefix}\"{}\"", self.opaque.escape_ascii())
    }
}

/// The validators of one version of a representation: both, one of them, or none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Validators {
    /// The entity tag, or `None` if nothing identifies the content.
    pub etag: Option<EntityTag>,
    /// The time of the last change of the content, or `None` if it is not known.
    pub modified: Option<SystemTime>,
}

impl Validators {
    /// Returns the validators of an open file whose metadata was read at `now`.
    ///
    /// The tag is not a hash of the content, since that would mean reading the whole file for every
    /// response. It identifies the bytes once both times are so old that a further change would
    /// have given the file another time. Until then the tag is weak, because the content may still
    /// change, and it differs from the strong tag that follows.
    pub fn of(metadata: &Metadata, now: SystemTime) -> Validators {
        Version::of(metadata).validators(now)
    }

    /// Adds the validators to the header fields of a response.
    pub fn add_to(&self, headers: &mut Headers) {
        if let Some(etag) = &self.etag
            && let Ok(etag) = HeaderValue::try_from(etag.to_string())
        {
            headers.set(header::ETAG, etag);
        }
        if let Some(modified) = self.modified
            && let Ok(modified) = HeaderValue::try_from(imf_fixdate(modified))
        {
            headers.set(header::LAST_MODIFIED, modified);
        }
    }
}

/// The version of a file, as the file system records it.
///
/// A program can set `modified` to any time, and programs that copy files do. It cannot set
/// `changed` (ctime, the status change time): the kernel updates it with every write, and when
/// `modified` is set. A file that is moved to this name may keep both times, but has its own inode
/// number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Version {
    length: u64,
    modified: Option<SystemTime>,
    /// The status change time, or `None` on Windows, where the standard library does not have it.
    changed: Option<SystemTime>,
    number: u64,
}

impl Version {
    /// Returns the version from the metadata of an open file.
    pub fn of(metadata: &Metadata) -> Version {
        let (changed, number) = changed_and_number(metadata);
        Version { length: metadata.len(), modified: metadata.modified().ok(), changed, number }
    }

    /// Returns whether a change after `now` is certain to change a timestamp, and so to give
    /// another version.
    pub fn is_settled(&self, now: SystemTime) -> bool {
        let is_old = |time| now.duration_since(time).is_ok_and(|age| age >= RESOLUTION);
        [self.modified, self.changed].into_iter().flatten().all(is_old)
    }

    fn validators(&self, now: SystemTime) -> Validators {
        let whole_seconds = |time| Duration::from_secs(since_1970(time).as_secs());
        let Some(modified) = self.modified.filter(|it| whole_seconds(*it) > CONSTANT) else {
            return Validators { etag: None, modified: None };
        };
        let is_settled = self.is_settled(now);
        let mut opaque = format!("{:x}-{:x}", self.length, since_1970(modified).as_nanos());
        if let Some(changed) = self.changed {
            let _ = write!(opaque, "-{:x}-{:x}", since_1970(changed).as_nanos(), self.number);
        }
        if !is_settled {
            opaque.push_str("-new");
        }
        let etag = EntityTag { is_weak: !is_settled, opaque: opaque.into_bytes() };
        // Last-Modified must not be later than Date (section 8.8.2.1).
        Validators { etag: Some(etag), modified: Some(modified.min(now)) }
    }
}

/// Returns the time since 1970. An earlier time becomes 0, since no file is that old.
fn since_1970(time: SystemTime) -> Duration {
    time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()
}

#[cfg(unix)]
fn changed_and_number(metadata: &Metadata) -> (Option<SystemTime>, u64) {
    use std::os::unix::fs::MetadataExt;
    let (seconds, nanoseconds) = (metadata.ctime(), metadata.ctime_nsec());
    let since_1970 = Duration::from_secs(seconds.try_into().unwrap_or(0))
        + Duration::from_nanos(nanoseconds.try_into().unwrap_or(0));
    (Some(SystemTime::UNIX_EPOCH + since_1970), metadata.ino())
}

#[cfg(not(unix))]
fn changed_and_number(_: &Metadata) -> (Option<SystemTime>, u64) {
    (None, 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
    }

    /// Returns a file of 16 bytes with times in seconds since 1970.
    fn file(modified: u64, changed: u64) -> Version {
        Version { length: 16, modified: Some(at(modified)), changed: Some(at(changed)), number: 7 }
    }

    fn tag(version: Version, now: u64) -> String {
        version.validators(at(now)).etag.unwrap().to_string()
    }

    #[test]
    fn a_tag_is_strong_once_a_change_would_get_another_time() {
        assert_eq!(tag(file(2, 2), 4), "\"10-77359400-77359400-7\"");
        assert_eq!(tag(file(3, 3), 4), "W/\"10-b2d05e00-b2d05e00-7-new\"");
        assert_eq!(tag(file(9, 3), 4), "W/\"10-218711a00-b2d05e00-7-new\"", "from the future");
        // `touch -r`, tar and rsync set the modification time, and may do so twice within a moment.
        assert_eq!(tag(file(2, 3), 4), "W/\"10-77359400-b2d05e00-7-new\"");
        let on_windows = Version { changed: None, ..file(2, 2) };
        assert_eq!(tag(on_windows, 4), "\"10-77359400\"");
    }

    #[test]
    fn a_tag_from_a_fresh_file_does_not_match_later() {
        assert_ne!(tag(file(2, 2), 3).trim_start_matches("W/"), tag(file(2, 2), 4));
    }

    /// Regression test: a package store gives every file the time 1, so after an update of the same
    /// length clients got 304 forever.
    #[test]
    fn a_constant_time_identifies_nothing() {
        let none = Validators { etag: None, modified: None };
        for modified in [0, 1] {
            assert_eq!(file(modified, 2).validators(at(9)), none, "{modified}");
        }
        let before_1970 = Some(SystemTime::UNIX_EPOCH - Duration::from_secs(1));
        assert_eq!(Version { modified: before_1970, ..file(0, 2) }.validators(at(9)), none);
        assert_eq!(Version { modified: None, ..file(0, 2) }.validators(at(9)), none);
        assert_ne!(file(2, 2).validators(at(9)), none);
    }

    #[test]
    fn last_modified_is_never_in_the_future() {
        assert_eq!(file(9, 2).validators(at(3)).modified, Some(at(3)));
    }

    #[test]
    fn the_two_comparisons_are_those_of_the_rfc() {
        let tag = |is_weak, text: &str| EntityTag { is_weak, opaque: text.into() };
        let table = [
            (tag(true, "1"), tag(true, "1"), false, true),
            (tag(true, "1"), tag(true, "2"), false, false),
            (tag(true, "1"), tag(false, "1"), false, true),
            (tag(false, "1"), tag(false, "1"), true, true),
            (tag(false, "1"), tag(false, "2"), false, false),
        ];
        for (a, b, strong, weak) in table {
            assert_eq!((a.is_same(&b), a.is_equivalent(&b)), (strong, weak), "{a} {b}");
        }
    }
}
