//! The parsing of field lines into [`Headers`] (RFC 9112 section 5).

use memchr::memchr_iter;

use super::{HeaderName, HeaderValue, Headers};

/// The reason why a block of field lines is rejected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldsError {
    /// The block has more lines than allowed.
    TooMany,
    /// A line is not of the form `name ":" OWS value OWS`.
    Malformed,
}

/// The number of lines that are parsed without a heap allocation. Few messages have more.
const FEW_LINES: usize = 16;

/// Parses the field lines of a header section or a trailer section.
///
/// `block` ends with the empty line, CRLF included. A line must not be folded (RFC 9112
/// section 5.2), there must be no space between a name and its colon (section 5.1), and no name may
/// be empty. Servers have interpreted each of these in different ways, which allows request
/// smuggling.
///
/// # Errors
/// Returns [`FieldsError`] for more than `limit` lines, or a line that is not a field.
pub fn parse_fields(block: &[u8], limit: usize) -> Result<Headers, FieldsError> {
    let (mut few, mut many) = ([httparse::EMPTY_HEADER; FEW_LINES], Vec::new());
    let mut parsed = httparse::parse_headers(block, &mut few[..limit.min(FEW_LINES)]);
    if parsed == Err(httparse::Error::TooManyHeaders) && limit > FEW_LINES {
        // The memory is limited by the number of lines in the block, however many are allowed.
        let count = memchr_iter(b'\n', block).count();
        many.resize(limit.min(count), httparse::EMPTY_HEADER);
        parsed = httparse::parse_headers(block, &mut many);
    }
    let lines = match parsed {
        Ok(httparse::Status::Complete((used, lines))) if used == block.len() => lines,
        Err(httparse::Error::TooManyHeaders) => return Err(FieldsError::TooMany),
        _ => return Err(FieldsError::Malformed),
    };
    let mut headers = Headers::with_capacity(lines.len());
    for line in lines {
        let name = HeaderName::try_from(line.name).map_err(|_| FieldsError::Malformed)?;
        let value = HeaderValue::try_from(line.value).map_err(|_| FieldsError::Malformed)?;
        headers.append(name, value);
    }
    Ok(headers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_takes_no_room() {
        assert_eq!(parse_fields(b"a: 1\r\nb: 2\r\n\r\n", usize::MAX).unwrap().len(), 2);
        assert_eq!(parse_fields(b"a: 1\r\nb: 2\r\n\r\n", 1), Err(FieldsError::TooMany));
        assert!(parse_fields(b"\r\n", 0).unwrap().is_empty());
    }

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
    fn malformed_field_lines_are_rejected() {
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
    fn bytes_after_the_empty_line_are_rejected() {
        let two = b"a: 1\r\n\r\nb: 2\r\n\r\n";
        assert_eq!(parse_fields(two, 10), Err(FieldsError::Malformed));
    }

    #[test]
    fn one_line_more_than_the_limit_is_too_many() {
        for limit in [1, 2, FEW_LINES - 1, FEW_LINES, FEW_LINES + 1, 3 * FEW_LINES] {
            let block = |lines: usize| format!("{}\r\n", "a: 1\r\n".repeat(lines));
            let parsed = |lines| parse_fields(block(lines).as_bytes(), limit);
            assert_eq!(parsed(limit).unwrap().len(), limit);
            assert_eq!(parsed(limit + 1), Err(FieldsError::TooMany), "{limit}");
        }
    }
}
