//! Requirements for a response: a part of a file, the whole file, or a 416.

use std::ops::Range;

use wire::Framing;
use wire::exercise::{Answer, Failure};

/// A 206 with these bytes of the file and no others.
pub(super) fn is_part(answer: &Answer, bytes: Range<usize>, file: &[u8]) -> Result<(), Failure> {
    let content_range = format!("bytes {}-{}/{}", bytes.start, bytes.end - 1, file.len());
    answer
        .status(206)?
        .field("Content-Range", &content_range)?
        .no_field("Content-Encoding")?
        .field("Content-Length", &bytes.len().to_string())?
        .body(&file[bytes])?;
    Ok(())
}

/// A 200 with the whole file, as for a request without a range.
pub(super) fn is_whole(answer: &Answer, file: &[u8]) -> Result<(), Failure> {
    answer.status(200)?.no_field("Content-Range")?.body(file)?;
    Ok(())
}

pub(super) fn is_not_satisfiable(answer: &Answer, length: usize) -> Result<(), Failure> {
    answer
        .error(416, "range_not_satisfiable")?
        .field("Content-Range", &format!("bytes */{length}"))?
        .no_field("Content-Encoding")?;
    Ok(())
}

/// A 206 whose body has these parts, each with its own Content-Range.
pub(super) fn is_multipart(
    answer: &Answer,
    ranges: &[Range<usize>],
    file: &[u8],
) -> Result<(), Failure> {
    answer.status(206)?.no_field("Content-Range")?;
    let content_type = answer.has("Content-Type")?;
    let boundary = content_type
        .strip_prefix("multipart/byteranges; boundary=")
        .map(|boundary| format!("--{}", boundary.trim_matches('"')));
    let expected = "Content-Type: multipart/byteranges; boundary=…";
    let got = format!("Content-Type: {content_type}");
    let Some(boundary) = boundary else { return Err(answer.failure(expected, got)) };
    let framed = answer.framing != Framing::Close;
    answer.require(framed, "a body whose end can be told", "the end of the connection")?;
    let text = answer.text();
    let parts: Vec<&str> = text.split(&boundary).skip(1).collect();
    let expected = format!("{} parts and `--` behind the last boundary", ranges.len());
    let whole = parts.len() == ranges.len() + 1 && text.trim_end().ends_with("--");
    answer.require(whole, expected, format!("{} boundaries", parts.len()))?;
    for (part, range) in parts.iter().zip(ranges) {
        let line = format!("content-range: bytes {}-{}/{}", range.start, range.end - 1, file.len());
        let content = String::from_utf8_lossy(&file[range.clone()]);
        let (head, body) = part.split_once("\r\n\r\n").unwrap_or_default();
        let has_line = head.lines().any(|it| it.eq_ignore_ascii_case(&line));
        answer.require(has_line, format!("a part with {line}"), format!("{part:?}"))?;
        let right = body.strip_suffix("\r\n") == Some(&content);
        answer.require(right, format!("a part with {content:?}"), format!("{body:?}"))?;
    }
    Ok(())
}
