//! A block of field lines becomes headers (RFC 9112 section 5).

use std::sync::Arc;

use super::header_value::trim_ows;
use super::{HeaderName, HeaderValue, Headers};

/// Why a block of field lines could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldsError {
    /// More lines than allowed.
    TooMany,
    /// A line that is not `name ":" OWS value OWS`.
    Malformed,
}

/// Reads the field lines of a head or of a trailer section.
///
/// `block` ends in the empty line, CRLF included. No line may be folded (RFC 9112 section 5.2), no space
/// may stand between a name and its colon (section 5.1), and no name may be empty: each of these has
/// been read in two ways by two servers in a row, which is how a request is smuggled past the first.
///
/// # Errors
/// [`FieldsError`] for more than `limit` lines, or a line that is not a field.
pub fn parse_fields(block: &[u8], limit: usize) -> Result<Headers, FieldsError> {
    let mut headers = Headers::new();
    fields_in_head(&Arc::new(block.to_vec()), 0, limit, &mut headers)?;
    Ok(headers)
}

/// The same for the end of a head, from an offset on. The names and values stay in the head, and there is room for
/// them in `headers`, if it has been used before.
///
/// # Errors
/// As [`parse_fields`]; there may be some lines in `headers` then.
pub(super) fn fields_in_head(
    head: &Arc<Vec<u8>>,
    from: usize,
    limit: usize,
    headers: &mut Headers,
) -> Result<(), FieldsError> {
    let block = head.get(from..).unwrap_or_default();
    // Few requests have more lines than this, and for them nothing has to be allocated here.
    let mut few = [httparse::EMPTY_HEADER; FEW];
    let mut many = Vec::new();
    let space = if count_lines(block) <= FEW.min(limit) {
        &mut few[..]
    } else {
        many.resize(limit, httparse::EMPTY_HEADER);
        &mut many[..]
    };
    let lines = match httparse::parse_headers(block, space) {
        Ok(httparse::Status::Complete((used, lines))) if used == block.len() => lines,
        Err(httparse::Error::TooManyHeaders) => return Err(FieldsError::TooMany),
        _ => return Err(FieldsError::Malformed),
    };
    // What httparse gives are slices of the block. How far they are from its beginning is where they are.
    let offset = |part: &[u8]| match part {
        [] => from,
        part => from + (part.as_ptr().addr() - block.as_ptr().addr()),
    };
    for line in lines {
        let name = line.name.as_bytes();
        let name = HeaderName::in_head(head, offset(name), name);
        let name = name.map_err(|_| FieldsError::Malformed)?;
        let value = trim_ows(line.value);
        let value = HeaderValue::in_head(head, offset(value), value);
        headers.append(name, value.map_err(|_| FieldsError::Malformed)?);
    }
    Ok(())
}

/// Lines for which there is room without an allocation.
const FEW: usize = 16;

/// How many lines end in a block, the empty one left out.
fn count_lines(block: &[u8]) -> usize {
    block.split(|&byte| byte == b'\n').count().saturating_sub(2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn field_lines_are_read_in_order_and_trimmed() {
        let headers = parse_fields(b"B:  two \t\r\na: 1\r\nb:\r\n\r\n", 3).unwrap();
        let lines: Vec<_> = headers
            .iter()
            .map(|(name, value)| (name.to_string(), value.as_bytes().to_vec()))
            .collect();
        assert_eq!(
            lines,
            [
                ("B".to_string(), b"two".to_vec()),
                ("a".to_string(), b"1".to_vec()),
                ("b".to_string(), vec![])
            ]
        );
        assert_eq!(headers.get_all("B").count(), 2);
    }

    #[test]
    fn what_is_not_a_field_line_is_refused() {
        for block in [
            "name : value",
            " name: value",
            "a: 1\r\n folded",
            ": value",
            "no colon",
            "na me: value",
            "name\t: value",
        ] {
            let block = format!("{block}\r\n\r\n");
            assert_eq!(
                parse_fields(block.as_bytes(), 10),
                Err(FieldsError::Malformed),
                "{block:?}"
            );
        }
    }

    #[test]
    fn one_line_more_than_the_limit_is_too_many() {
        assert!(parse_fields(b"a: 1\r\nb: 2\r\n\r\n", 2).is_ok());
        assert_eq!(parse_fields(b"a: 1\r\nb: 2\r\n\r\n", 1), Err(FieldsError::TooMany));
    }
}
