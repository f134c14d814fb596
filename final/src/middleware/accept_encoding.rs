//! Accept-Encoding: decides whether a client prefers gzip (RFC 9110 section 12.5.3).

use crate::http::{Headers, header};

/// A weight in thousandths, from 0 ("not acceptable") to 1000 (RFC 9110 section 12.4.2).
pub(super) type Weight = u16;

/// Returns whether the client accepts gzip, and does not prefer an uncompressed response.
///
/// The field is a list of codings with weights, in one or more field lines:
/// `gzip;q=0.8, identity;q=0.5, *;q=0`. `*` matches every coding that is not listed. `identity`,
/// which means no coding, is acceptable unless it is excluded. Elements that cannot be parsed are
/// skipped, because an uncompressed response is always a safe choice.
pub fn prefers_gzip(headers: &Headers) -> bool {
    let (mut gzip, mut identity, mut others) = (None, None, None);
    for element in headers.list(header::ACCEPT_ENCODING) {
        let Some((coding, weight)) = parse(element) else { continue };
        let known = match coding.to_ascii_lowercase().as_str() {
            "gzip" | "x-gzip" => &mut gzip, // an alias that old clients use (RFC 9110 section 8.4.1.3)
            "identity" => &mut identity,
            "*" => &mut others,
            _ => continue,
        };
        // If a coding is listed twice, the higher weight counts.
        *known = (*known).max(Some(weight));
    }
    let gzip = gzip.or(others).unwrap_or(0);
    // If identity is not listed it is acceptable, but less preferred than a gzip that is listed.
    gzip > 0 && gzip >= identity.unwrap_or(0)
}

/// Splits an element such as `gzip;q=0.5` into coding and weight. The default is `q=1`, and any
/// other parameter is invalid.
pub(super) fn parse(element: &str) -> Option<(&str, Weight)> {
    let mut parts = element.split(';').map(|part| part.trim_matches([' ', '\t']));
    let coding = parts.next().filter(|coding| !coding.is_empty())?;
    let weight = match parts.next() {
        None => 1000,
        Some(parameter) => {
            let (name, value) = parameter.split_once('=')?;
            if !name.eq_ignore_ascii_case("q") {
                return None;
            }
            parse_weight(value)?
        }
    };
    parts.next().is_none().then_some((coding, weight))
}

/// Parses `qvalue = ( "0" [ "." 0*3DIGIT ] ) / ( "1" [ "." 0*3("0") ]
/// )`. A float parser would accept `1e-9` and `NaN`.
fn parse_weight(text: &str) -> Option<Weight> {
    let (whole, digits) = text.split_once('.').unwrap_or((text, ""));
    if digits.len() > 3 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let thousandths = format!("{digits:0<3}").parse().ok()?;
    match whole {
        "0" => Some(thousandths),
        "1" if thousandths == 0 => Some(1000),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::http::HeaderValue;

    fn prefers(lines: &[&str]) -> bool {
        let mut headers = Headers::new();
        for line in lines {
            headers.append(header::ACCEPT_ENCODING, HeaderValue::try_from(*line).unwrap());
        }
        prefers_gzip(&headers)
    }

    #[test]
    fn gzip_is_sent_only_to_clients_that_prefer_it() {
        let table: [(&[&str], bool); 31] = [
            (&[], false),
            (&[""], false),
            (&["gzip"], true),
            (&["GZip"], true),
            (&["x-gzip"], true),
            (&["gzip, deflate, br, zstd"], true),
            (&["br", "gzip"], true),
            (&["deflate"], false),
            (&["gzip;q=0"], false),
            (&["gzip;q=0.000"], false),
            (&["gzip ; Q=0.001"], true),
            (&["gzip;q=1.000"], true),
            (&["*"], true),
            (&["*;q=0"], false),
            (&["*;q=0, gzip"], true),
            (&["gzip;q=0, *"], false),
            (&["identity"], false),
            (&["identity, gzip"], true),
            (&["identity, gzip;q=1"], true),
            (&["identity;q=1.0, gzip"], true),
            (&["identity;q=0.5, gzip;q=0.4"], false),
            (&["identity;q=0.5, *;q=0.4"], false),
            (&["identity;q=0"], false),
            (&["gzip;q=0.5, gzip;q=0"], true),
            (&["gzip;q=1.001"], false),
            (&["gzip;q=0.1234"], false),
            (&["gzip;q=1e-3"], false),
            (&["gzip;q=0.+1"], false),
            (&["gzip;level=9"], false),
            (&["gzip;level=1"], false),
            (&["gzip;q=0.5;q=1"], false),
        ];
        for (lines, wanted) in table {
            assert_eq!(prefers(lines), wanted, "{lines:?}");
        }
    }

    proptest! {
        #[test]
        fn a_weight_is_the_number_that_is_written(thousandths in 0..=1000_u16, places in 0..4_usize) {
            let text = format!("{}.{:03}", thousandths / 1000, thousandths % 1000);
            let text = &text[..2 + places];
            let expected = text.parse::<f64>().unwrap_or(0.0);
            let weight = parse_weight(text).unwrap();
            prop_assert!((f64::from(weight) - expected * 1000.0).abs() < 0.5, "{}: {}", text, weight);
        }

        #[test]
        fn an_element_that_cannot_be_parsed_is_skipped(element in "[ -~]{0,40}") {
            // The valid element decides the result, unless the random one also lists gzip, identity
            // or *.
            prop_assume!(!element.to_ascii_lowercase().contains("gzip") && !element.contains('*'));
            prop_assume!(!element.to_ascii_lowercase().contains("identity"));
            prop_assert!(prefers(&[&element, "gzip"]));
            prop_assert!(!prefers(&[&element, "gzip;q=0"]));
        }
    }
}
