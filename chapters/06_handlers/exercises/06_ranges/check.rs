//! Exercise 6: does the server send the requested parts of files, and the whole file where it may
//! not send a part?

mod answers;
mod files;
mod gibibyte;

use std::ops::Range;
use std::process::ExitCode;

use wire::exercise::{self, Check, Failure, Server, check};

use answers::{is_multipart, is_not_satisfiable, is_part, is_whole};
use files::{EMPTY, FRESH, Files, HUNDRED, LAST_MODIFIED, LONG, hundred, long};
use gibibyte::gibibyte;

const THIRTY_DIGITS: &str = "999999999999999999999999999999";

fn main() -> ExitCode {
    exercise::main(CHECKS)
}

const CHECKS: &[Check] = &[
    check("a range is 206 with exactly its bytes", range_is_partial)
        .rule("RFC 9110 section 15.3.7 (206 Partial Content)"),
    check("a range without an end goes to the last byte", open_end)
        .rule("RFC 9110 section 14.1.2 (Byte Ranges)"),
    check("a suffix range is the last bytes", suffix).rule("RFC 9110 section 14.1.2 (Byte Ranges)"),
    check("a range that exceeds the file stops at its end", beyond_the_end)
        .rule("RFC 9110 section 14.1.2 (Byte Ranges)"),
    check("a range without a byte of the file is 416 with its length", nothing_there)
        .rule("RFC 9110 section 15.5.17 (416 Range Not Satisfiable)"),
    check("another unit, bad syntax and a backwards range are ignored", ignored)
        .rule("RFC 9110 section 14.2 (Range)"),
    check("the unit may be written in any case", unit_in_any_case)
        .rule("RFC 9110 section 14.1 (Range Units)"),
    check("a number of thirty digits is a number", thirty_digits)
        .rule("RFC 9110 section 14.1.1 (Range Specifiers)"),
    check("several ranges get the whole file, or its parts", several)
        .rule("RFC 9110 section 15.3.7.2 (Multiple Parts)"),
    check("two halves are the file", halves).rule("RFC 9110 section 14.4 (Content-Range)"),
    check("a part has the same fields as the whole file", same_fields)
        .rule("RFC 9110 section 15.3.7 (206 Partial Content)"),
    check("Accept-Ranges is on 200, on 206 and on the response to HEAD", accept_ranges)
        .rule("RFC 9110 section 14.3 (Accept-Ranges)"),
    check("HEAD ignores Range", head_ignores_range).rule("RFC 9110 section 14.2 (Range)"),
    check("the conditions come before the range", conditions_first)
        .rule("RFC 9110 section 13.2.2 (Precedence of Preconditions)"),
    check("If-Range with another version of the file gets the whole file", if_range)
        .rule("RFC 9110 section 13.1.5 (If-Range)"),
    check("a weak tag is not enough for If-Range", weak_if_range)
        .rule("RFC 9110 section 13.1.5 (If-Range)"),
    check("a part is never compressed", never_compressed)
        .rule("RFC 9110 section 14.1.2 (Byte Ranges)"),
    check("an empty file has no bytes to request", empty_file)
        .rule("RFC 9110 section 14.1.2 (Byte Ranges)"),
    check("a part of a gibibyte is quick and takes little memory", gibibyte),
    check("the connection can be used again after a part and after a 416", connection_goes_on)
        .rule("RFC 9112 section 6.3 (Message Body Length)"),
    check("other responses have no ranges", only_files),
];

fn range_is_partial(server: &Server) -> Result<(), Failure> {
    let bounds = [(0, 0), (0, 99), (5, 9), (98, 99), (99, 99)];
    let parts = bounds.map(|(first, last)| (format!("{first}-{last}"), first..last + 1));
    are_parts(server, &parts)
}

fn open_end(server: &Server) -> Result<(), Failure> {
    are_parts(server, &[5, 0, 99].map(|first| (format!("{first}-"), first..100)))
}

fn suffix(server: &Server) -> Result<(), Failure> {
    are_parts(server, &[5, 1, 99].map(|count| (format!("-{count}"), 100 - count..100)))
}

fn beyond_the_end(server: &Server) -> Result<(), Failure> {
    let parts = [("95-999", 95), ("0-100", 0), ("99-100", 99), ("-100", 0), ("-999", 0)];
    are_parts(server, &parts.map(|(range, first)| (range.to_string(), first..100)))
}

/// Each of these ranges of the hundred bytes must be a 206 with these bytes.
fn are_parts(server: &Server, parts: &[(String, Range<usize>)]) -> Result<(), Failure> {
    let files = Files::serve(server)?;
    for (range, bytes) in parts {
        is_part(&files.part(HUNDRED, &format!("bytes={range}"))?, bytes.clone(), &hundred())?;
    }
    Ok(())
}

fn nothing_there(server: &Server) -> Result<(), Failure> {
    let files = Files::serve(server)?;
    for range in ["100-", "100-100", "100-200", "999-", "-0"] {
        is_not_satisfiable(&files.part(HUNDRED, &format!("bytes={range}"))?, 100)?;
    }
    Ok(())
}

fn ignored(server: &Server) -> Result<(), Failure> {
    let files = Files::serve(server)?;
    for value in [
        "bytes=9-5",
        "items=0-1",
        "",
        "bytes",
        "bytes=",
        "bytes=-",
        "bytes=5",
        "bytes 0-1",
        "0-1",
        "bytes=a-b",
        "bytes=+1-2",
        "bytes=1-+2",
        "bytes=0x0-0x1",
        "bytes=0.0-1",
        "bytes=1-2-3",
        "bytes=--5",
        "bytes=1-2x",
        "bytes=0-1;x",
    ] {
        is_whole(&files.part(HUNDRED, value)?, &hundred())?;
    }
    // Range must not have several lines, so it is unclear which of the two applies.
    let fields = [("Range", "bytes=0-1"), ("Range", "bytes=2-3")];
    is_whole(&files.ask("GET", HUNDRED, &fields, b"")?, &hundred())
}

fn unit_in_any_case(server: &Server) -> Result<(), Failure> {
    let files = Files::serve(server)?;
    for unit in ["bytes", "Bytes", "BYTES"] {
        is_part(&files.part(HUNDRED, &format!("{unit}=5-9"))?, 5..10, &hundred())?;
    }
    Ok(())
}

fn thirty_digits(server: &Server) -> Result<(), Failure> {
    let files = Files::serve(server)?;
    let part = |range: String| files.part(HUNDRED, &format!("bytes={range}"));
    is_part(&part(format!("5-{THIRTY_DIGITS}"))?, 5..100, &hundred())?;
    is_part(&part(format!("-{THIRTY_DIGITS}"))?, 0..100, &hundred())?;
    is_part(&part(format!("{:030}-{:030}", 5, 9))?, 5..10, &hundred())?;
    is_not_satisfiable(&part(format!("{THIRTY_DIGITS}-"))?, 100)?;
    // The largest numbers of common integer types, and one more.
    for limit in [u64::MAX.into(), i64::MAX.unsigned_abs().into(), u128::from(u64::MAX) + 1] {
        is_part(&part(format!("0-{limit}"))?, 0..100, &hundred())?;
        is_part(&part(format!("-{limit}"))?, 0..100, &hundred())?;
        is_not_satisfiable(&part(format!("{limit}-"))?, 100)?;
    }
    Ok(())
}

fn several(server: &Server) -> Result<(), Failure> {
    let files = Files::serve(server)?;
    for (value, ranges) in [
        ("bytes=0-1,98-99", &[0..2, 98..100][..]),
        ("bytes=0-1 ,\t50-54, -1", &[0..2, 50..55, 99..100]),
    ] {
        let answer = files.part(HUNDRED, value)?;
        if answer.status == 200 {
            is_whole(&answer, &hundred())?;
        } else {
            is_multipart(&answer, ranges, &hundred())?;
        }
    }
    // These ranges would cause a large response from a small file.
    let nine: Vec<String> = (0..9).map(|n| format!("{n}0-{n}4")).collect();
    for ranges in [nine.join(","), "0-,0-,0-".to_string(), "0-50,40-60".to_string()] {
        is_whole(&files.part(HUNDRED, &format!("bytes={ranges}"))?, &hundred())?;
    }
    // Empty elements of a list are ignored (section 5.6.1).
    is_part(&files.part(HUNDRED, "bytes=5-9,")?, 5..10, &hundred())
}

fn halves(server: &Server) -> Result<(), Failure> {
    let files = Files::serve(server)?;
    let middle = long().len() / 2;
    let first = files.part(LONG, &format!("bytes=0-{}", middle - 1))?;
    let second = files.part(LONG, &format!("bytes={middle}-"))?;
    is_part(&first, 0..middle, &long())?;
    let joined = [first.body.as_slice(), &second.body].concat();
    let got = format!("{} and {} bytes", first.body.len(), second.body.len());
    let expected = format!("the {} bytes of the file, if both are joined", long().len());
    second.status(206)?.require(joined == long(), expected, got)
}

fn same_fields(server: &Server) -> Result<(), Failure> {
    let files = Files::serve(server)?;
    let whole = files.get(HUNDRED)?;
    let part = files.part(HUNDRED, "bytes=5-9")?;
    part.status(206)?.field("Last-Modified", LAST_MODIFIED)?;
    for name in ["ETag", "Last-Modified", "Cache-Control", "Vary", "Content-Type"] {
        if let Some(value) = whole.reply.field(name) {
            part.field(name, value)?;
        }
    }
    Ok(())
}

fn accept_ranges(server: &Server) -> Result<(), Failure> {
    let files = Files::serve(server)?;
    for (method, range, status) in
        [("GET", "", 200), ("GET", "bytes=5-9", 206), ("HEAD", "", 200), ("HEAD", "bytes=5-9", 200)]
    {
        let fields = [("Range", range)];
        let fields = if range.is_empty() { &[] } else { &fields[..] };
        let answer = files.ask(method, HUNDRED, fields, b"")?;
        answer.status(status)?.field("Accept-Ranges", "bytes")?;
    }
    Ok(())
}

fn head_ignores_range(server: &Server) -> Result<(), Failure> {
    let files = Files::serve(server)?;
    for range in ["bytes=5-9", "bytes=100-"] {
        let answer = files.ask("HEAD", HUNDRED, &[("Range", range)], b"")?;
        answer.status(200)?.no_field("Content-Range")?.field("Content-Length", "100")?.body(b"")?;
    }
    Ok(())
}

fn conditions_first(server: &Server) -> Result<(), Failure> {
    let files = Files::serve(server)?;
    let tag = files.tag(HUNDRED)?;
    let ask = |name: &str, value: &str, range: &str| {
        files.ask("GET", HUNDRED, &[("Range", range), (name, value)], b"")
    };
    for range in ["bytes=5-9", "bytes=100-"] {
        for (name, value, status) in [
            ("If-None-Match", tag.as_str(), 304),
            ("If-None-Match", "*", 304),
            ("If-Modified-Since", LAST_MODIFIED, 304),
            ("If-Match", "\"another\"", 412),
            ("If-Unmodified-Since", "Sun, 06 Nov 1994 08:49:36 GMT", 412),
        ] {
            ask(name, value, range)?.status(status)?.no_field("Content-Range")?;
        }
    }
    // A condition that holds does not change the range.
    for (name, value) in [
        ("If-None-Match", "\"another\""),
        ("If-Modified-Since", "Sun, 06 Nov 1994 08:49:36 GMT"),
        ("If-Match", &tag),
    ] {
        is_part(&ask(name, value, "bytes=5-9")?, 5..10, &hundred())?;
        is_not_satisfiable(&ask(name, value, "bytes=100-")?, 100)?;
    }
    Ok(())
}

fn if_range(server: &Server) -> Result<(), Failure> {
    let files = Files::serve(server)?;
    let tag = files.tag(HUNDRED)?;
    let ask = |value: &str, range: &str| {
        files.ask("GET", HUNDRED, &[("Range", range), ("If-Range", value)], b"")
    };
    for value in [tag.as_str(), LAST_MODIFIED] {
        is_part(&ask(value, "bytes=5-9")?, 5..10, &hundred())?;
        is_not_satisfiable(&ask(value, "bytes=100-")?, 100)?;
    }
    for value in [
        "\"another\"",
        &format!("{tag}, \"another\""),
        "*",
        "Sun, 06 Nov 1994 08:49:36 GMT",
        "Sun, 06 Nov 1994 08:49:38 GMT",
        "Mon, 23 Nov 2026 09:30:00 GMT",
        "yesterday",
    ] {
        is_whole(&ask(value, "bytes=5-9")?, &hundred())?;
        is_whole(&ask(value, "bytes=100-")?, &hundred())?;
    }
    // Without a range the field has no effect.
    let answer = files.ask("GET", HUNDRED, &[("If-Range", "\"another\"")], b"")?;
    is_whole(&answer, &hundred())
}

fn weak_if_range(server: &Server) -> Result<(), Failure> {
    let files = Files::serve(server)?;
    let strong = files.tag(HUNDRED)?;
    let fields = [("Range", "bytes=5-9"), ("If-Range", &format!("W/{strong}"))];
    is_whole(&files.ask("GET", HUNDRED, &fields, b"")?, &hundred())?;
    // This is a tag from the server itself, but a weak one: the file may change once more and keep
    // its timestamp.
    let whole = files.get(FRESH)?;
    let weak = whole.has("ETag")?;
    whole.require(weak.starts_with("W/"), "a weak ETag for a file that is new", weak)?;
    let fields = [("Range", "bytes=5-9"), ("If-Range", weak)];
    is_whole(&files.ask("GET", FRESH, &fields, b"")?, &hundred())
}

fn never_compressed(server: &Server) -> Result<(), Failure> {
    let files = Files::serve(server)?;
    let gzip = ("Accept-Encoding", "gzip");
    let whole = files.ask("GET", LONG, &[gzip], b"")?;
    whole.status(200)?.field("Content-Encoding", "gzip")?;
    for (range, bytes) in [("0-1999", 0..2000), ("-4000", long().len() - 4000..long().len())] {
        let range = format!("bytes={range}");
        let answer = files.ask("GET", LONG, &[gzip, ("Range", &range)], b"")?;
        is_part(&answer, bytes, &long())?;
    }
    let answer = files.ask("GET", LONG, &[gzip, ("Range", "bytes=99999-")], b"")?;
    is_not_satisfiable(&answer, long().len())
}

fn empty_file(server: &Server) -> Result<(), Failure> {
    let files = Files::serve(server)?;
    is_whole(&files.get(EMPTY)?, b"")?;
    for range in ["bytes=0-", "bytes=0-0", "bytes=-0", "bytes=5-9"] {
        is_not_satisfiable(&files.part(EMPTY, range)?, 0)?;
    }
    // The last five bytes of an empty file are the whole file, which Content-Range cannot express.
    is_whole(&files.part(EMPTY, "bytes=-5")?, b"")
}

fn connection_goes_on(server: &Server) -> Result<(), Failure> {
    let files = Files::serve(server)?;
    let mut connection = files.connect()?;
    for _ in 0..3 {
        let answer = connection.ask("GET", HUNDRED, &[("Range", "bytes=5-9")], b"")?;
        is_part(&answer, 5..10, &hundred())?;
        is_whole(&connection.ask("GET", HUNDRED, &[], b"")?, &hundred())?;
        let answer = connection.ask("GET", HUNDRED, &[("Range", "bytes=100-")], b"")?;
        is_not_satisfiable(&answer, 100)?;
    }
    is_whole(&connection.ask("GET", LONG, &[], b"")?, &long())
}

fn only_files(server: &Server) -> Result<(), Failure> {
    let files = Files::serve(server)?;
    for (target, status) in
        [("/hello/Ada", 200), ("/static/missing.txt", 404), ("/static", 301), ("/static/", 404)]
    {
        for range in ["bytes=0-1", "bytes=999-"] {
            files.part(target, range)?.status(status)?.no_field("Content-Range")?;
        }
    }
    let answer = files.ask("POST", HUNDRED, &[("Range", "bytes=0-1")], b"")?;
    answer.error(405, "method_not_allowed")?;
    Ok(())
}
