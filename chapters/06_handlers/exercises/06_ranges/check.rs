//! Exercise 6: are parts of files what was asked for, and all of a file where no part may be sent?

use std::fs::{self, File};
use std::io::{Seek, SeekFrom, Write};
use std::ops::{Deref, Range};
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant, SystemTime};

use tempfile::TempDir;
use wire::exercise::{self, Answer, Check, Failure, Server};
use wire::{Framing, WireError, request};

/// A hundred bytes, of which every two say where they are.
const HUNDRED: &str = "/static/hundred.txt";
/// Text that is worth compressing.
const LONG: &str = "/static/long.txt";
/// A file that has just been changed, so that its tag is a weak one.
const FRESH: &str = "/static/fresh.txt";
const EMPTY: &str = "/static/empty.txt";

/// When the files were last changed: long ago, so that their tags are strong.
const CHANGED: Duration = Duration::from_secs(784_111_777);
const LAST_MODIFIED: &str = "Sun, 06 Nov 1994 08:49:37 GMT";

const THIRTY_DIGITS: &str = "999999999999999999999999999999";

fn main() -> ExitCode {
    exercise::main(CHECKS)
}

const CHECKS: &[Check] = &[
    Check {
        sentence: "a range is 206 with exactly its bytes",
        rule: "RFC 9110 section 15.3.7 (206 Partial Content)",
        run: range_is_partial,
    },
    Check {
        sentence: "a range without an end goes to the last byte",
        rule: "RFC 9110 section 14.1.2 (Byte Ranges)",
        run: open_end,
    },
    Check {
        sentence: "a suffix range is the last bytes",
        rule: "RFC 9110 section 14.1.2 (Byte Ranges)",
        run: suffix,
    },
    Check {
        sentence: "a range that goes beyond the end stops there",
        rule: "RFC 9110 section 14.1.2 (Byte Ranges)",
        run: beyond_the_end,
    },
    Check {
        sentence: "a range without a byte of the file is 416 with its length",
        rule: "RFC 9110 section 15.5.17 (416 Range Not Satisfiable)",
        run: nothing_there,
    },
    Check {
        sentence: "another unit, bad syntax and a range backwards are ignored",
        rule: "RFC 9110 section 14.2 (Range)",
        run: ignored,
    },
    Check {
        sentence: "the unit may be written in any case",
        rule: "RFC 9110 section 14.1 (Range Units)",
        run: unit_in_any_case,
    },
    Check {
        sentence: "a number of thirty digits is a number",
        rule: "RFC 9110 section 14.1.1 (Range Specifiers)",
        run: thirty_digits,
    },
    Check {
        sentence: "several ranges are all of the file, or its parts",
        rule: "RFC 9110 section 15.3.7.2 (Multiple Parts)",
        run: several,
    },
    Check {
        sentence: "two halves are the file",
        rule: "RFC 9110 section 14.4 (Content-Range)",
        run: halves,
    },
    Check {
        sentence: "a part says of the file what the whole says",
        rule: "RFC 9110 section 15.3.7 (206 Partial Content)",
        run: same_fields,
    },
    Check {
        sentence: "Accept-Ranges is on 200, on 206 and on the answer to HEAD",
        rule: "RFC 9110 section 14.3 (Accept-Ranges)",
        run: accept_ranges,
    },
    Check {
        sentence: "HEAD ignores Range",
        rule: "RFC 9110 section 14.2 (Range)",
        run: head_ignores_range,
    },
    Check {
        sentence: "the conditions come before the range",
        rule: "RFC 9110 section 13.2.2 (Precedence of Preconditions)",
        run: conditions_first,
    },
    Check {
        sentence: "If-Range with another state of the file is all of it",
        rule: "RFC 9110 section 13.1.5 (If-Range)",
        run: if_range,
    },
    Check {
        sentence: "a weak tag is not enough for If-Range",
        rule: "RFC 9110 section 13.1.5 (If-Range)",
        run: weak_if_range,
    },
    Check {
        sentence: "a part is never compressed",
        rule: "RFC 9110 section 14.1.2 (Byte Ranges)",
        run: never_compressed,
    },
    Check {
        sentence: "an empty file has no bytes to ask for",
        rule: "RFC 9110 section 14.1.2 (Byte Ranges)",
        run: empty_file,
    },
    Check {
        sentence: "a part of a gibibyte is quick and takes little memory",
        rule: "",
        run: gibibyte,
    },
    Check {
        sentence: "the connection can be used again after a part and after a 416",
        rule: "RFC 9112 section 6.3 (Message Body Length)",
        run: connection_goes_on,
    },
    Check { sentence: "what is no file has no ranges", rule: "", run: only_files },
];

fn range_is_partial(server: &Server) -> Result<(), Failure> {
    let files = Files::serve(server)?;
    for (first, last) in [(0, 0), (0, 99), (5, 9), (98, 99), (99, 99)] {
        let answer = files.part(HUNDRED, &format!("bytes={first}-{last}"))?;
        is_part(&answer, first..last + 1, &hundred())?;
    }
    Ok(())
}

fn open_end(server: &Server) -> Result<(), Failure> {
    let files = Files::serve(server)?;
    for first in [5, 0, 99] {
        let answer = files.part(HUNDRED, &format!("bytes={first}-"))?;
        is_part(&answer, first..100, &hundred())?;
    }
    Ok(())
}

fn suffix(server: &Server) -> Result<(), Failure> {
    let files = Files::serve(server)?;
    for count in [5, 1, 99] {
        let answer = files.part(HUNDRED, &format!("bytes=-{count}"))?;
        is_part(&answer, 100 - count..100, &hundred())?;
    }
    Ok(())
}

fn beyond_the_end(server: &Server) -> Result<(), Failure> {
    let files = Files::serve(server)?;
    for (range, first) in [("95-999", 95), ("0-100", 0), ("99-100", 99), ("-100", 0), ("-999", 0)] {
        is_part(&files.part(HUNDRED, &format!("bytes={range}"))?, first..100, &hundred())?;
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
    // Range is not a list over several lines: nobody can say which of the two is meant.
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
    // The largest numbers that a machine may use, and one more.
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
    // These would make a large answer of a small file.
    let nine: Vec<String> = (0..9).map(|n| format!("{n}0-{n}4")).collect();
    for ranges in [nine.join(","), "0-,0-,0-".to_string(), "0-50,40-60".to_string()] {
        is_whole(&files.part(HUNDRED, &format!("bytes={ranges}"))?, &hundred())?;
    }
    // A list with empty elements has only the others (section 5.6.1).
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
    // A condition that holds is no reason to send all of it.
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
    // Without a range the field has nothing to say.
    let answer = files.ask("GET", HUNDRED, &[("If-Range", "\"another\"")], b"")?;
    is_whole(&answer, &hundred())
}

fn weak_if_range(server: &Server) -> Result<(), Failure> {
    let files = Files::serve(server)?;
    let strong = files.tag(HUNDRED)?;
    let fields = [("Range", "bytes=5-9"), ("If-Range", &format!("W/{strong}"))];
    is_whole(&files.ask("GET", HUNDRED, &fields, b"")?, &hundred())?;
    // This one is what the server itself has said: its file may change once more and keep its time.
    let whole = files.get(FRESH)?;
    let weak = whole.reply.field("ETag").unwrap_or_default().to_string();
    whole.require(weak.starts_with("W/"), "a weak ETag for a file that is new", &weak)?;
    is_whole(
        &files.ask("GET", FRESH, &[("Range", "bytes=5-9"), ("If-Range", &weak)], b"")?,
        &hundred(),
    )
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
    // The last five bytes of nothing are all of it, which no Content-Range could say.
    is_whole(&files.part(EMPTY, "bytes=-5")?, b"")
}

fn gibibyte(server: &Server) -> Result<(), Failure> {
    const SIZE: u64 = 1 << 30;
    const LATE: Duration = Duration::from_secs(2);
    let files = Files::serve(server)?;
    // It has a length, and no blocks but for its last one.
    File::create(files.folder.path().join("large.bin"))
        .and_then(|mut file| {
            file.set_len(SIZE)?;
            file.seek(SeekFrom::End(-4))?;
            file.write_all(b"last")
        })
        .map_err(|error| cannot(&error))?;
    for (range, first, length, begin) in [
        (format!("{}-", SIZE - 4), SIZE - 4, 4, &b"last"[..]),
        ("-5".to_string(), SIZE - 5, 5, b"\0last"),
        (format!("{0}-{0}", SIZE / 2), SIZE / 2, 1, b"\0"),
        // Nearly all of it, but the client goes away.
        ("1-".to_string(), 1, SIZE - 1, &[0; 16 << 10]),
    ] {
        let start = Instant::now();
        let sent =
            request("GET", "/static/large.bin", &[("Range", &format!("bytes={range}"))], b"");
        let mut connection = files.connect()?;
        let client = connection.client();
        let cannot = |error: WireError| {
            Failure::new("a complete answer in time", error.message())
                .with_bytes(&sent, error.arrived())
        };
        client.send(&sent).map_err(cannot)?;
        // As if it were the answer to HEAD: a wrong one could have a gibibyte.
        let reply = client.read_reply_to("HEAD").map_err(cannot)?;
        let answer = Answer { sent: sent.clone(), reply };
        answer
            .status(206)?
            .field("Content-Range", &format!("bytes {first}-{}/{SIZE}", first + length - 1))?
            .field("Content-Length", &length.to_string())?;
        let body = client.read_exact(begin.len()).map_err(cannot)?;
        let expected = format!("a body that begins with byte {first} of the file");
        answer.require(body == begin, expected, "other bytes")?;
        let took = start.elapsed();
        answer.require(took < LATE, format!("an answer within {LATE:?}"), format!("{took:?}"))?;
    }
    match peak_of_memory(files.program().pid()) {
        Some(mebibytes) if mebibytes >= 64 => Err(Failure::new(
            "a server that never has more than 64 MiB in memory",
            format!("{mebibytes} MiB at its peak"),
        )),
        _ => Ok(()),
    }
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

/// A server of a folder with files that are known here.
struct Files {
    server: Server,
    folder: TempDir,
}

impl Files {
    fn serve(server: &Server) -> Result<Files, Failure> {
        let folder = make_folder().map_err(|error| cannot(&error))?;
        let server = server.with_arguments(&[&folder.path().to_string_lossy()])?;
        Ok(Files { server, folder })
    }

    fn part(&self, target: &str, range: &str) -> Result<Answer, Failure> {
        self.ask("GET", target, &[("Range", range)], b"")
    }

    fn tag(&self, target: &str) -> Result<String, Failure> {
        let answer = self.get(target)?;
        let tag = answer.reply.field("ETag").unwrap_or_default().to_string();
        answer.require(tag.starts_with('"'), "a strong ETag", &tag)?;
        Ok(tag)
    }
}

impl Deref for Files {
    type Target = Server;

    fn deref(&self) -> &Server {
        &self.server
    }
}

fn make_folder() -> std::io::Result<TempDir> {
    let folder = tempfile::tempdir()?;
    let write = |target: &str, content: &[u8], changed: SystemTime| {
        let name = target.trim_start_matches("/static/");
        let mut file = File::create(folder.path().join(name))?;
        file.write_all(content)?;
        file.set_modified(changed)
    };
    let long_ago = SystemTime::UNIX_EPOCH + CHANGED;
    write(HUNDRED, &hundred(), long_ago)?;
    write(LONG, &long(), long_ago)?;
    write(EMPTY, b"", long_ago)?;
    // In the future it stays new for as long as the check takes.
    write(FRESH, &hundred(), SystemTime::now() + Duration::from_secs(3600))?;
    Ok(folder)
}

fn cannot(error: &std::io::Error) -> Failure {
    Failure::new("a folder with files, which the check makes for itself", error.to_string())
}

fn hundred() -> Vec<u8> {
    (0..50).flat_map(|number| format!("{number:02}").into_bytes()).collect()
}

fn long() -> Vec<u8> {
    (0..1000).flat_map(|number| format!("line {number:03}\n").into_bytes()).collect()
}

/// A 206 with these bytes of the file and no others.
fn is_part(answer: &Answer, bytes: Range<usize>, file: &[u8]) -> Result<(), Failure> {
    let content_range = format!("bytes {}-{}/{}", bytes.start, bytes.end - 1, file.len());
    answer
        .status(206)?
        .field("Content-Range", &content_range)?
        .no_field("Content-Encoding")?
        .field("Content-Length", &bytes.len().to_string())?
        .body(&file[bytes])?;
    Ok(())
}

/// A 200 with all of the file, as if nobody had asked for a part.
fn is_whole(answer: &Answer, file: &[u8]) -> Result<(), Failure> {
    answer.status(200)?.no_field("Content-Range")?.body(file)?;
    Ok(())
}

fn is_not_satisfiable(answer: &Answer, length: usize) -> Result<(), Failure> {
    answer
        .error(416, "range_not_satisfiable")?
        .field("Content-Range", &format!("bytes */{length}"))?
        .no_field("Content-Encoding")?;
    Ok(())
}

/// A 206 whose body has these parts, each with its own Content-Range.
fn is_multipart(answer: &Answer, ranges: &[Range<usize>], file: &[u8]) -> Result<(), Failure> {
    answer.status(206)?.no_field("Content-Range")?;
    let content_type = answer.reply.field("Content-Type").unwrap_or("missing");
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

/// The most memory that a process has had, in MiB; only Linux says so.
fn peak_of_memory(pid: u32) -> Option<u64> {
    let status =
        fs::read_to_string(Path::new("/proc").join(pid.to_string()).join("status")).ok()?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    peak.trim().trim_end_matches(" kB").parse::<u64>().ok().map(|kib| kib >> 10)
}
