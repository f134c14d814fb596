//! Accept: the client's preference for a media type (RFC 9110 section 12.5.1).

use super::accept_encoding::{Weight, parse};
use crate::http::{Headers, header};

/// Returns the weight of a media type such as `text/html`: the weight of the media range that
/// matches it most closely, or zero if none matches.
///
/// A media range is the type itself, `text/*` or `*/*`. They take precedence in this order, not in
/// the order of the list. Without the field, all types have the same weight. An element is ignored
/// if it cannot be parsed, or if it requires a parameter of the type to have a certain value.
pub fn weight(headers: &Headers, media_type: &str) -> Weight {
    if !headers.contains(header::ACCEPT) {
        return 1000;
    }
    let kind = media_type.split('/').next().unwrap_or_default();
    let closeness = |range: &str| match range.split_once('/')? {
        ("*", "*") => Some(0),
        (it, "*") => it.eq_ignore_ascii_case(kind).then_some(1),
        _ => range.eq_ignore_ascii_case(media_type).then_some(2),
    };
    let ranges = headers.list(header::ACCEPT).filter_map(parse);
    let fitting = ranges.filter_map(|(range, weight)| Some((closeness(range)?, weight)));
    fitting.max().map_or(0, |(_, weight)| weight)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::HeaderValue;

    #[test]
    fn the_closest_range_counts() {
        let table: [(&[&str], Weight); 9] = [
            (&[], 1000),
            (&[""], 0),
            (&["*/*;q=0.1"], 100),
            (&["text/*;q=0.2, */*"], 200),
            (&["TEXT/HTML;q=0.3, text/*, */*"], 300),
            (&["*/*", "text/*", "text/html;q=0"], 0),
            (&["image/png"], 0),
            (&["text/html;q=2, */*;q=0.4"], 400),
            (&["text, text/html/x, *"], 0),
        ];
        for (lines, expected) in table {
            let mut headers = Headers::new();
            for line in lines {
                headers.append(header::ACCEPT, HeaderValue::try_from(*line).unwrap());
            }
            assert_eq!(weight(&headers, "text/html"), expected, "{lines:?}");
        }
    }
}
