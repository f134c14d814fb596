//! A file that is far larger than what a server may have in memory.

use std::fs::{self, File};
use std::io::{Seek, SeekFrom, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use wire::exercise::{Failure, Server};
use wire::request;

use super::files::{Files, cannot};

pub(super) fn gibibyte(server: &Server) -> Result<(), Failure> {
    const SIZE: u64 = 1 << 30;
    const LATE: Duration = Duration::from_secs(2);
    let folder = tempfile::tempdir().map_err(|error| cannot(&error))?;
    let files = Files::below(server, folder.path())?;
    // The file is sparse: it has no blocks except the last one.
    File::create(folder.path().join("large.bin"))
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
        // Nearly the whole file, but the client disconnects.
        ("1-".to_string(), 1, SIZE - 1, &[0; 16 << 10]),
    ] {
        let start = Instant::now();
        let sent =
            request("GET", "/static/large.bin", &[("Range", &format!("bytes={range}"))], b"");
        let mut connection = files.connect()?;
        connection.write(&sent)?;
        // The body is not read, as for a response to HEAD, because a wrong response could have a
        // gibibyte.
        let reply = connection.with_client(&sent, |client| client.read_reply_to("HEAD"))?;
        let answer = connection.answer(&sent, reply);
        answer
            .status(206)?
            .field("Content-Range", &format!("bytes {first}-{}/{SIZE}", first + length - 1))?
            .field("Content-Length", &length.to_string())?;
        let body = connection.exchange(b"", begin.len())?;
        let expected = format!("a body that begins with byte {first} of the file");
        answer.require(body == begin, expected, "other bytes")?;
        let took = start.elapsed();
        answer.require(took < LATE, format!("a response within {LATE:?}"), format!("{took:?}"))?;
    }
    match peak_of_memory(files.program().pid()) {
        Some(mebibytes) if mebibytes >= 64 => Err(Failure::new(
            "a server that never has more than 64 MiB in memory",
            format!("{mebibytes} MiB at its peak"),
        )),
        _ => Ok(()),
    }
}

/// The peak memory of a process in MiB. Only Linux reports it.
fn peak_of_memory(pid: u32) -> Option<u64> {
    let status =
        fs::read_to_string(Path::new("/proc").join(pid.to_string()).join("status")).ok()?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    peak.trim().trim_end_matches(" kB").parse::<u64>().ok().map(|kib| kib >> 10)
}
