//! Accept-Encoding: whether the client wants gzip (RFC 9110 section 12.5.3).

use crate::http::{Headers, header};

/// A weight in thousandths, from 0, "not acceptable", to 1000 (RFC 9110 section 12.4.2).
pub(super) type Weight = u16;

/// Whether gzip is acceptable to the client, and not less welcome than what was not compressed.
///
/// The field is a list of codings with weights, over one or several lines: `gzip;q=0.8, identity;q=0.5, *;q=0`.
/// `*` stands for every coding that is not named. `identity`, no coding at all, is acceptable unless it is
/// ruled out. An element that cannot be read is left out, as if it were not there: to send the plain bytes
/// is never wrong, so doubt is decided that way.
pub fn prefers_gzip(headers: &Headers) -> bool {
    let (mut gzip, mut identity, mut others) = (None, None, None);
    for element in headers.list(header::ACCEPT_ENCODING) {
        let Some((coding, weight)) = parse(element) else { continue };
        let known = match coding.to_ascii_lowercase().as_str() {
            "gzip" | "x-gzip" => &mut gzip, // the same, in old clients (RFC 9110 section 8.4.1.3)
            "identity" => &mut identity,
            "*" => &mut others,
            _ => continue,
        };
        // Said twice, the more welcome counts.
        *known = (*known).max(Some(weight));
    }
    let gzip = gzip.or(others).unwrap_or(0);
    // Not named, identity is acceptable and that is all: whoever names gzip, likes gzip better.
    gzip > 0 && gzip >= identity.unwrap_or(0)
}

/// `gzip;q=0.5` as a coding and its weight: 1 if there is none. There is no other parameter here.
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

/// `qvalue = ( "0" [ "." 0*3DIGIT ] ) / ( "1" [ "." 0*3("0") ] )`. A float would take `1e-9` and `NaN`.
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
    fn gzip_is_sent_to_those_who_want_it_and_to_nobody_else() {
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
        fn no_element_is_too_odd_to_be_passed_over(element in "[ -~]{0,40}") {
            // Whatever stands before it, the element that is clear counts, unless another names gzip or *.
            prop_assume!(!element.to_ascii_lowercase().contains("gzip") && !element.contains('*'));
            prop_assume!(!element.to_ascii_lowercase().contains("identity"));
            prop_assert!(prefers(&[&element, "gzip"]));
            prop_assert!(!prefers(&[&element, "gzip;q=0"]));
        }
    }
}
