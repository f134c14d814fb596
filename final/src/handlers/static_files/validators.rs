//! Validators: how a client can ask "is what I have still what you have?" (RFC 9110 section 8.8).

use std::fmt;
use std::fs::Metadata;
use std::time::{Duration, SystemTime};

use crate::http::date::imf_fixdate;
use crate::http::{HeaderValue, Headers, header};

/// As long as a file can change twice and keep its timestamp: the resolution of the coarsest file system (FAT).
const RESOLUTION: Duration = Duration::from_secs(2);

/// An entity tag. The opaque part is bytes: it may hold obs-text, in whatever encoding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntityTag {
    /// Two representations with this tag mean the same, but may differ in bytes.
    pub is_weak: bool,
    /// What stands between the quotes.
    pub opaque: Vec<u8>,
}

impl EntityTag {
    /// Strong comparison: the bytes are the same (RFC 9110 section 8.8.3.2).
    pub fn is_same(&self, other: &EntityTag) -> bool {
        !self.is_weak && !other.is_weak && self.opaque == other.opaque
    }

    /// Weak comparison: one is as good as the other (RFC 9110 section 8.8.3.2).
    pub fn is_equivalent(&self, other: &EntityTag) -> bool {
        self.opaque == other.opaque
    }
}

/// As it is written in a field, but that bytes which cannot be in a tag of ours are escaped.
impl fmt::Display for EntityTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let prefix = if self.is_weak { "W/" } else { "" };
        write!(f, "{prefix}\"{}\"", self.opaque.escape_ascii())
    }
}

/// What tells one state of a file from another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Validators {
    /// Made of the file's length and time.
    pub etag: EntityTag,
    /// When the file changed last; `None` if the system does not know.
    pub modified: Option<SystemTime>,
}

impl Validators {
    /// The validators of an open file, looked at `now`.
    ///
    /// The tag is no hash of the content, since that would mean reading all of it for every answer. It says "same
    /// length, same time of change", and that identifies the bytes only once the time lies so far back that a
    /// second change would have got another one. Until then the tag is weak and, as what it stands for may
    /// still change, another one than the strong tag that follows. Without any time it stays weak.
    pub fn of(metadata: &Metadata, now: SystemTime) -> Validators {
        Validators::new(metadata.len(), metadata.modified().ok(), now)
    }

    fn new(length: u64, modified: Option<SystemTime>, now: SystemTime) -> Validators {
        let is_settled = modified
            .and_then(|modified| now.duration_since(modified).ok())
            .is_some_and(|age| age >= RESOLUTION);
        let since_1970 =
            modified.map(|modified| match modified.duration_since(SystemTime::UNIX_EPOCH) {
                Ok(after) => format!("{:x}", after.as_nanos()),
                Err(before) => format!("-{:x}", before.duration().as_nanos()),
            });
        let time = since_1970.unwrap_or_default();
        let suffix = if is_settled { "" } else { "-new" };
        let opaque = format!("{length:x}-{time}{suffix}").into_bytes();
        // A date from the future is no news to anyone: the field must not be later than Date (section 8.8.2.1).
        let modified = modified.map(|modified| modified.min(now));
        Validators { etag: EntityTag { is_weak: !is_settled, opaque }, modified }
    }

    /// Says them in the fields of an answer.
    pub fn add_to(&self, headers: &mut Headers) {
        if let Ok(etag) = HeaderValue::try_from(self.etag.to_string()) {
            headers.set(header::ETAG, etag);
        }
        if let Some(modified) = self.modified
            && let Ok(modified) = HeaderValue::try_from(imf_fixdate(modified))
        {
            headers.set(header::LAST_MODIFIED, modified);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
    }

    fn tag(length: u64, modified: Option<SystemTime>, now: SystemTime) -> String {
        Validators::new(length, modified, now).etag.to_string()
    }

    #[test]
    fn a_tag_is_strong_once_a_second_change_would_have_another_time() {
        assert_eq!(tag(16, Some(at(1)), at(3)), "\"10-3b9aca00\"");
        assert_eq!(tag(16, Some(at(2)), at(3)), "W/\"10-77359400-new\"");
        assert_eq!(tag(16, Some(at(9)), at(3)), "W/\"10-218711a00-new\"");
        assert_eq!(tag(16, None, at(3)), "W/\"10--new\"");
        let before_1970 = SystemTime::UNIX_EPOCH - Duration::from_secs(1);
        assert_eq!(tag(16, Some(before_1970), at(3)), "\"10--3b9aca00\"");
    }

    #[test]
    fn what_a_client_got_from_a_fresh_file_is_asked_for_again() {
        let fresh = Validators::new(16, Some(at(2)), at(3)).etag;
        let settled = Validators::new(16, Some(at(2)), at(4)).etag;
        assert!(!fresh.is_equivalent(&settled));
    }

    #[test]
    fn no_file_is_from_the_future() {
        assert_eq!(Validators::new(1, Some(at(9)), at(3)).modified, Some(at(3)));
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
