//! The field lines of a browser's request.

/// What Firefox 145 sends beside Host when a person opens a page over HTTP/1.1, in its order and spelling, with the
/// cookies of a site that knows the person and counts visits.
pub(super) const FIELDS: &[(&str, &str)] = &[
    ("User-Agent", "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0"),
    ("Accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"),
    ("Accept-Language", "en-US,en;q=0.5"),
    ("Accept-Encoding", "gzip, deflate, br, zstd"),
    ("Connection", "keep-alive"),
    (
        "Cookie",
        "session=8f14e45fceea167a5a36dedd4bea2543; theme=dark; _ga=GA1.1.1408973426.1763200000",
    ),
    ("Upgrade-Insecure-Requests", "1"),
    ("Sec-Fetch-Dest", "document"),
    ("Sec-Fetch-Mode", "navigate"),
    ("Sec-Fetch-Site", "none"),
    ("Sec-Fetch-User", "?1"),
    ("Priority", "u=0, i"),
];

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn a_browser_sends_its_fields_once_each_and_in_one_packet() {
        let names: HashSet<_> = FIELDS.iter().map(|(name, _)| name.to_ascii_lowercase()).collect();
        assert_eq!(names.len(), FIELDS.len());
        let request = wire::request("GET", "/", FIELDS, b"");
        assert!((500..1_000).contains(&request.len()), "{} bytes", request.len());
    }
}
