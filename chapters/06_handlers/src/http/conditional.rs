//! Conditional requests, which are handled only if the resource has changed, or only if it has not
//! (RFC 9110 section 13).
//!
//! A conditional read saves the transfer of an unchanged file, and a conditional write prevents
//! lost updates.

use std::time::{Duration, SystemTime};

use super::date::parse_http_date;
use super::validators::{EntityTag, Validators};
use super::{HeaderName, HeaderValue, Headers, Method};

/// The condition that the current version is one of the listed versions (RFC 9110 section 13.1.1).
pub const IF_MATCH: HeaderName = HeaderName::from_static("If-Match");
/// The condition that the current version is none of the listed versions (RFC 9110 section 13.1.2).
pub const IF_NONE_MATCH: HeaderName = HeaderName::from_static("If-None-Match");
/// The condition that the current version is later than this date (RFC 9110 section 13.1.3).
pub const IF_MODIFIED_SINCE: HeaderName = HeaderName::from_static("If-Modified-Since");
/// The condition that the current version is not later than this date (RFC 9110 section 13.1.4).
pub const IF_UNMODIFIED_SINCE: HeaderName = HeaderName::from_static("If-Unmodified-Since");

/// The result of evaluating a request's conditions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Evaluation {
    /// The request is handled as if it had no conditions.
    Proceed,
    /// The response is 304, for GET and HEAD only: the client already has this version.
    NotModified,
    /// The response is 412: the client requires a version that is not the current one. Nothing may
    /// be changed.
    Failed,
}

/// Evaluates the conditions of a request against the `current` version, in the order of RFC 9110
/// section 13.2.2. `current` is `None` if the resource does not exist, as before a PUT that creates
/// it.
///
/// The caller must check everything else first: a request that fails without its conditions must
/// fail the same way with them (section 13.2.1), so a 404 or a redirect stays the same. A handler
/// that writes must hold its lock from this call until it has written.
///
/// A tag takes precedence over a date: if a client sends both, the date is for servers without
/// tags. An invalid date is ignored, and so is a date field with two lines. A list of tags that
/// cannot be parsed has the safe outcome: the full response for GET and HEAD with If-None-Match,
/// and 412 in all other cases.
pub fn evaluate(method: Method, headers: &Headers, current: Option<&Validators>) -> Evaluation {
    let is_read = matches!(method, Method::Get | Method::Head);
    // 1. and 2. The request fails (412) unless the current version is the version that the client
    //    expects.
    let still = if headers.contains(IF_MATCH) {
        names(headers, &IF_MATCH, current, EntityTag::is_same)
    } else {
        match dates(headers, &IF_UNMODIFIED_SINCE, current) {
            Some((asked, modified)) => modified <= asked,
            None => true,
        }
    };
    if !still {
        return Evaluation::Failed;
    }
    // 3. and 4. A read ends with 304 if the client already has the current version. A write ends
    //    with 412 if it would overwrite a version that the client excludes.
    let has_it = if headers.contains(IF_NONE_MATCH) {
        let is_unreadable = !is_read && parse_tags(headers, &IF_NONE_MATCH).is_none();
        is_unreadable || names(headers, &IF_NONE_MATCH, current, EntityTag::is_equivalent)
    } else {
        match dates(headers, &IF_MODIFIED_SINCE, current) {
            Some((asked, modified)) => is_read && modified <= asked,
            None => false,
        }
    };
    match (has_it, is_read) {
        (false, _) => Evaluation::Proceed,
        (true, true) => Evaluation::NotModified,
        (true, false) => Evaluation::Failed,
    }
}

/// Returns whether a field lists the current version. If the resource does not exist, nothing
/// matches, not even `*`.
fn names(
    headers: &Headers,
    name: &HeaderName,
    current: Option<&Validators>,
    compare: fn(&EntityTag, &EntityTag) -> bool,
) -> bool {
    match (parse_tags(headers, name), current) {
        (Some(Tags::Any), Some(_)) => true,
        // A version without a tag matches no list.
        (Some(Tags::List(tags)), Some(Validators { etag: Some(own), .. })) => {
            tags.iter().any(|tag| compare(tag, own))
        }
        _ => false,
    }
}

/// Returns the date in a field and the date of the current version, both in whole seconds, which is
/// the resolution of the field. Returns `None` if there is nothing to compare.
fn dates(
    headers: &Headers,
    name: &HeaderName,
    current: Option<&Validators>,
) -> Option<(SystemTime, SystemTime)> {
    let mut values = headers.get_all(name);
    let (Some(value), None) = (values.next(), values.next()) else { return None };
    let asked = parse_http_date(value.to_str()?)?;
    let modified = current?.modified?;
    let since_1970 = modified.duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO);
    Some((asked, SystemTime::UNIX_EPOCH + Duration::from_secs(since_1970.as_secs())))
}

/// The value of an If-Match or If-None-Match field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tags {
    /// `*`, which means any version of an existing resource.
    Any,
    /// The tags of the listed versions.
    List(Vec<EntityTag>),
}

/// Parses the tags of a field, over all its lines. Returns `None` if they violate the grammar.
fn parse_tags(headers: &Headers, name: &HeaderName) -> Option<Tags> {
    let lines: Vec<&[u8]> = headers.get_all(name).map(HeaderValue::as_bytes).collect();
    parse_tag_list(&lines.join(&b", "[..]))
}

/// Parses `*` or a list of entity tags (RFC 9110 sections 8.8.3 and 5.6.1).
///
/// The list cannot be split at commas, since a tag may contain them: `"a,b"` is one tag. Empty
/// elements are skipped, as the RFC requires of a recipient.
pub fn parse_tag_list(value: &[u8]) -> Option<Tags> {
    if value.trim_ascii() == b"*" {
        return Some(Tags::Any);
    }
    let mut tags = Vec::new();
    let mut rest = value;
    loop {
        rest = rest.trim_ascii_start();
        if let [b',', behind @ ..] = rest {
            rest = behind;
            continue;
        }
        if rest.is_empty() {
            return (!tags.is_empty()).then_some(Tags::List(tags));
        }
        let (tag, behind) = parse_tag(rest)?;
        tags.push(tag);
        rest = behind.trim_ascii_start();
        // A comma or the end of the value must follow a tag.
        if !matches!(rest.first(), None | Some(b',')) {
            return None;
        }
    }
}

/// Parses one tag at the start of `value`, and returns the remainder.
fn parse_tag(value: &[u8]) -> Option<(EntityTag, &[u8])> {
    // The `W` must be upper case: `w/` is invalid (RFC 9110 section 8.8.3).
    let (is_weak, quoted) = match value.strip_prefix(b"W/") {
        Some(quoted) => (true, quoted),
        None => (false, value),
    };
    let inner = quoted.strip_prefix(b"\"")?;
    let end = inner.iter().position(|&byte| byte == b'"')?;
    let (opaque, behind) = inner.split_at(end);
    let is_tag_byte = |&byte: &u8| matches!(byte, 0x21 | 0x23..=0x7E | 0x80..);
    opaque
        .iter()
        .all(is_tag_byte)
        .then(|| (EntityTag { is_weak, opaque: opaque.to_vec() }, &behind[1..]))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Returns the validators of a file. 784111777 is `Sun, 06 Nov 1994 08:49:37 GMT`, and the file
    /// was modified half a second later.
    fn file() -> Validators {
        Validators {
            etag: Some(EntityTag { is_weak: false, opaque: b"x".to_vec() }),
            modified: Some(SystemTime::UNIX_EPOCH + Duration::from_millis(784_111_777_500)),
        }
    }

    const SAME: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
    const EARLIER: &str = "Sun, 06 Nov 1994 08:49:36 GMT";
    const LATER: &str = "Mon, 07 Nov 1994 08:49:37 GMT";

    fn verdict(lines: &[(&str, &str)], validators: &Validators) -> Evaluation {
        verdict_to(Method::Get, lines, Some(validators))
    }

    fn verdict_to(
        method: Method,
        lines: &[(&str, &str)],
        current: Option<&Validators>,
    ) -> Evaluation {
        let mut headers = Headers::new();
        for &(name, value) in lines {
            let value = HeaderValue::try_from(value).unwrap();
            headers.append(HeaderName::try_from(name).unwrap(), value);
        }
        evaluate(method, &headers, current)
    }

    #[test]
    fn conditions_are_evaluated_in_the_order_of_the_rfc() {
        use Evaluation::{Failed, NotModified, Proceed};
        let table: &[(&[(&str, &str)], Evaluation)] = &[
            (&[], Proceed),
            (&[("If-None-Match", "\"x\"")], NotModified),
            (&[("If-None-Match", "W/\"x\"")], NotModified),
            (&[("If-None-Match", "\"a\", W/\"x\"")], NotModified),
            (&[("If-None-Match", "\"a\""), ("If-None-Match", "\"x\"")], NotModified),
            (&[("If-None-Match", "*")], NotModified),
            (&[("If-None-Match", "\"a\", \"b\"")], Proceed),
            (&[("If-None-Match", "\"a,\\\"x\\\"\"")], Proceed),
            (&[("If-None-Match", "x")], Proceed),
            (&[("If-None-Match", "")], Proceed),
            (&[("If-Modified-Since", SAME)], NotModified),
            (&[("If-Modified-Since", LATER)], NotModified),
            (&[("If-Modified-Since", EARLIER)], Proceed),
            (&[("If-Modified-Since", "yesterday")], Proceed),
            (&[("If-Modified-Since", SAME), ("If-Modified-Since", SAME)], Proceed),
            (&[("If-Match", "\"x\"")], Proceed),
            (&[("If-Match", "\"a\", \"x\"")], Proceed),
            (&[("If-Match", "*")], Proceed),
            (&[("If-Match", "W/\"x\"")], Failed),
            (&[("If-Match", "\"a\"")], Failed),
            (&[("If-Match", "x")], Failed),
            (&[("If-Unmodified-Since", SAME)], Proceed),
            (&[("If-Unmodified-Since", LATER)], Proceed),
            (&[("If-Unmodified-Since", EARLIER)], Failed),
            (&[("If-Unmodified-Since", "yesterday")], Proceed),
            // A tag takes precedence over the corresponding date.
            (&[("If-Match", "\"x\""), ("If-Unmodified-Since", EARLIER)], Proceed),
            (&[("If-Match", "\"a\""), ("If-Unmodified-Since", LATER)], Failed),
            (&[("If-None-Match", "\"a\""), ("If-Modified-Since", LATER)], Proceed),
            (&[("If-None-Match", "\"x\""), ("If-Modified-Since", EARLIER)], NotModified),
            (&[("If-None-Match", "x"), ("If-Modified-Since", LATER)], Proceed),
            // If-Match is evaluated before If-None-Match.
            (&[("If-None-Match", "\"x\""), ("If-Match", "\"a\"")], Failed),
            (&[("If-None-Match", "\"x\""), ("If-Match", "\"x\"")], NotModified),
            (&[("If-Modified-Since", SAME), ("If-Unmodified-Since", EARLIER)], Failed),
            (&[("If-Modified-Since", SAME), ("If-Match", "*")], NotModified),
        ];
        for (lines, expected) in table {
            assert_eq!(verdict(lines, &file()), *expected, "{lines:?}");
        }
    }

    #[test]
    fn a_write_fails_where_a_read_would_be_not_modified() {
        use Evaluation::{Failed, Proceed};
        let table: &[(&[(&str, &str)], Evaluation, Evaluation)] = &[
            // Each row has the results for an existing resource and for a missing one.
            (&[], Proceed, Proceed),
            (&[("If-Match", "\"x\"")], Proceed, Failed),
            (&[("If-Match", "\"a\""), ("If-Match", "\"x\"")], Proceed, Failed),
            (&[("If-Match", "*")], Proceed, Failed),
            (&[("If-Match", "W/\"x\"")], Failed, Failed),
            (&[("If-Match", "\"a\"")], Failed, Failed),
            (&[("If-None-Match", "*")], Failed, Proceed),
            (&[("If-None-Match", "W/\"x\"")], Failed, Proceed),
            (&[("If-None-Match", "\"a\"")], Proceed, Proceed),
            (&[("If-None-Match", "\"a\""), ("If-None-Match", "\"x\"")], Failed, Proceed),
            (&[("If-None-Match", "x")], Failed, Failed),
            (&[("If-None-Match", "*, \"a\"")], Failed, Failed),
            (&[("If-Unmodified-Since", SAME)], Proceed, Proceed),
            (&[("If-Unmodified-Since", EARLIER)], Failed, Proceed),
            (&[("If-Match", "\"x\""), ("If-Unmodified-Since", EARLIER)], Proceed, Failed),
            (&[("If-Match", "\"x\""), ("If-None-Match", "\"x\"")], Failed, Failed),
            // If-Modified-Since is for GET and HEAD only (section 13.1.3).
            (&[("If-Modified-Since", LATER)], Proceed, Proceed),
        ];
        for method in [Method::Put, Method::Post, Method::Delete, Method::Patch] {
            for (lines, there, absent) in table {
                let verdicts =
                    (verdict_to(method, lines, Some(&file())), verdict_to(method, lines, None));
                assert_eq!(verdicts, (*there, *absent), "{method} {lines:?}");
            }
        }
    }

    #[test]
    fn our_weak_tag_never_satisfies_if_match() {
        let etag = Some(EntityTag { is_weak: true, opaque: b"x".to_vec() });
        let weak = Validators { etag, ..file() };
        assert_eq!(verdict(&[("If-Match", "\"x\"")], &weak), Evaluation::Failed);
        assert_eq!(verdict(&[("If-None-Match", "\"x\"")], &weak), Evaluation::NotModified);
    }

    #[test]
    fn a_file_without_a_time_has_no_dates_to_compare() {
        let timeless = Validators { modified: None, ..file() };
        for name in ["If-Modified-Since", "If-Unmodified-Since"] {
            assert_eq!(verdict(&[(name, SAME)], &timeless), Evaluation::Proceed);
        }
    }

    #[test]
    fn a_version_without_a_tag_matches_only_the_wildcard() {
        let nameless = Validators { etag: None, modified: None };
        let table = [
            ("If-Match", "\"x\"", Evaluation::Failed),
            ("If-Match", "*", Evaluation::Proceed),
            ("If-None-Match", "\"x\"", Evaluation::Proceed),
            ("If-None-Match", "*", Evaluation::NotModified),
        ];
        for (name, value, expected) in table {
            assert_eq!(verdict(&[(name, value)], &nameless), expected, "{name}: {value}");
        }
    }

    fn shown(value: &[u8]) -> Option<Vec<String>> {
        match parse_tag_list(value)? {
            Tags::Any => Some(vec!["*".to_string()]),
            Tags::List(tags) => Some(tags.iter().map(ToString::to_string).collect()),
        }
    }

    #[test]
    fn lists_of_tags_follow_the_grammar() {
        let table: &[(&str, Option<&[&str]>)] = &[
            ("*", Some(&["*"])),
            (" *\t", Some(&["*"])),
            ("\"\"", Some(&["\"\""])),
            ("\"a\",W/\"b\" ,\t\"c\"", Some(&["\"a\"", "W/\"b\"", "\"c\""])),
            (", ,\"a\",,", Some(&["\"a\""])),
            ("\"a,b\"", Some(&["\"a,b\""])),
            ("\"*\"", Some(&["\"*\""])),
            ("", None),
            (",", None),
            ("*, \"a\"", None),
            ("\"a\", *", None),
            ("a", None),
            ("\"a", None),
            ("a\"", None),
            ("\"a\" \"b\"", None),
            ("\"a\"b", None),
            ("w/\"a\"", None),
            ("W/a", None),
            ("W/ \"a\"", None),
            ("\"a b\"", None),
        ];
        for (value, expected) in table {
            let expected = expected.map(|tags| tags.iter().map(ToString::to_string).collect());
            assert_eq!(shown(value.as_bytes()), expected, "{value:?}");
        }
    }

    proptest! {
        #[test]
        fn formatted_tags_are_parsed_back(
            tags in proptest::collection::vec((any::<bool>(), "[!#-~]{0,8}"), 1..6),
            separator in "[ \t]{0,2},[ \t,]{0,3}",
        ) {
            let tags: Vec<EntityTag> = tags
                .into_iter()
                .map(|(is_weak, text)| EntityTag { is_weak, opaque: text.into_bytes() })
                .collect();
            let texts: Vec<String> = tags
                .iter()
                .map(|tag| {
                    let opaque = str::from_utf8(&tag.opaque).unwrap();
                    format!("{}\"{opaque}\"", if tag.is_weak { "W/" } else { "" })
                })
                .collect();
            let read = parse_tag_list(texts.join(&separator).as_bytes());
            prop_assert_eq!(read, Some(Tags::List(tags)));
        }

        #[test]
        fn no_value_panics_and_every_parsed_tag_is_in_the_input(value in "[\"W/*, ax]{0,12}") {
            if let Some(Tags::List(tags)) = parse_tag_list(value.as_bytes()) {
                for tag in tags {
                    prop_assert!(value.contains(&tag.to_string()), "{tag} in {value:?}");
                }
            }
        }

        #[test]
        fn any_bytes_are_a_list_or_none(value: Vec<u8>) {
            let _ = parse_tag_list(&value);
        }
    }
}
