//! Conditional requests, over a socket.

use std::fs::File;
use std::io::Write;
use std::thread;
use std::time::{Duration, SystemTime};

use tempfile::TempDir;
use wire::{Client, Program, Reply, request};

const PROGRAM: &str = env!("CARGO_BIN_EXE_httpserver");

/// `Sun, 06 Nov 1994 08:49:37 GMT`.
const SAME: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
const EARLIER: &str = "Sun, 06 Nov 1994 08:49:36 GMT";

/// A directory with one file that was modified long ago, and the program that serves it. Its tag is strong.
fn start() -> (TempDir, Program) {
    let folder = tempfile::tempdir().unwrap();
    write(&folder, "hello\n", 784_111_777);
    let program = Program::start(
        PROGRAM,
        &["--addr", "127.0.0.1:0", "--root", folder.path().to_str().unwrap()],
    );
    let program = program.unwrap();
    settle(&program);
    (folder, program)
}

/// Waits until the tag of the file is strong: two seconds from its last change, whatever time it has been given.
fn settle(program: &Program) {
    let mut client = Client::connect(program.addr()).unwrap();
    for _ in 0..200 {
        let reply = ask(&mut client, "HEAD", &[("Cache-Control", "no-cache")]);
        if reply.field("ETag").unwrap().starts_with('"') {
            return;
        }
        thread::sleep(Duration::from_millis(50));
    }
    panic!("the tag is weak after ten seconds");
}

fn write(folder: &TempDir, text: &str, seconds: u64) {
    let mut file = File::create(folder.path().join("file.css")).unwrap();
    file.write_all(text.as_bytes()).unwrap();
    file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)).unwrap();
}

fn ask(client: &mut Client, method: &str, fields: &[(&str, &str)]) -> Reply {
    client.send(request(method, "/static/file.css", fields, b"")).unwrap();
    client.read_reply_to(method).unwrap()
}

#[test]
fn a_file_comes_with_its_validators() {
    let (_folder, program) = start();
    let mut client = Client::connect(program.addr()).unwrap();
    let reply = ask(&mut client, "GET", &[]);
    assert_eq!((reply.status, reply.text().as_str()), (200, "hello\n"));
    assert_eq!(reply.field("Last-Modified"), Some(SAME));
    let tag = reply.field("ETag").unwrap();
    assert!(tag.starts_with("\"6-") && tag.ends_with('"'), "{tag}");
}

#[test]
fn a_client_with_the_current_version_gets_a_304_with_the_fields_of_the_200() {
    let (_folder, program) = start();
    let mut client = Client::connect(program.addr()).unwrap();
    let whole = ask(&mut client, "GET", &[]);
    let tag = whole.field("ETag").unwrap().to_string();
    let list = format!("\"other\", W/{tag}");
    let table: [&[(&str, &str)]; 5] = [
        &[("If-None-Match", &tag)],
        &[("If-None-Match", &list)],
        &[("If-None-Match", "*")],
        &[("If-Modified-Since", SAME)],
        &[("If-None-Match", &tag), ("If-Modified-Since", EARLIER)],
    ];
    for method in ["GET", "HEAD"] {
        for fields in table {
            let reply = ask(&mut client, method, fields);
            assert_eq!(reply.status, 304, "{method} {fields:?}\n{reply:?}");
            for name in ["ETag", "Last-Modified", "Cache-Control", "Vary"] {
                assert!(reply.field(name).is_some(), "{name} is missing\n{reply:?}");
                assert_eq!(reply.field(name), whole.field(name), "{name}");
            }
            assert!(reply.field("Date").is_some(), "{reply:?}");
            for name in ["Content-Length", "Content-Type", "Transfer-Encoding"] {
                assert_eq!(reply.field(name), None, "{name}");
            }
        }
    }
}

#[test]
fn a_client_with_another_version_gets_the_current_one() {
    let (_folder, program) = start();
    let mut client = Client::connect(program.addr()).unwrap();
    let table: [&[(&str, &str)]; 4] = [
        &[("If-None-Match", "\"other\"")],
        &[("If-Modified-Since", EARLIER)],
        &[("If-Modified-Since", "last week")],
        &[("If-None-Match", "\"other\""), ("If-Modified-Since", SAME)],
    ];
    for fields in table {
        let reply = ask(&mut client, "GET", fields);
        assert_eq!((reply.status, reply.text().as_str()), (200, "hello\n"), "{fields:?}");
    }
}

#[test]
fn a_condition_on_another_version_is_412() {
    let (_folder, program) = start();
    let mut client = Client::connect(program.addr()).unwrap();
    let tag = ask(&mut client, "GET", &[]).field("ETag").unwrap().to_string();
    let weak = format!("W/{tag}");
    let table: [(&[(&str, &str)], u16); 7] = [
        (&[("If-Match", &tag)], 200),
        (&[("If-Match", "*")], 200),
        (&[("If-Match", &weak)], 412),
        (&[("If-Match", "\"other\"")], 412),
        (&[("If-Match", "\"other\""), ("If-None-Match", &tag)], 412),
        (&[("If-Unmodified-Since", SAME)], 200),
        (&[("If-Unmodified-Since", EARLIER)], 412),
    ];
    for (fields, status) in table {
        let reply = ask(&mut client, "GET", fields);
        assert_eq!(reply.status, status, "{fields:?}\n{reply:?}");
        if status == 412 {
            assert_eq!(reply.json().unwrap()["error"], "precondition_failed");
        }
    }
}

#[test]
fn a_changed_file_has_another_tag_even_in_the_same_length() {
    let (folder, program) = start();
    let mut client = Client::connect(program.addr()).unwrap();
    let tag = ask(&mut client, "GET", &[]).field("ETag").unwrap().to_string();
    // A style sheet may be an hour old. A client that needs a fresh one has to revalidate.
    let fields = [("If-None-Match", tag.as_str()), ("Cache-Control", "no-cache")];
    write(&folder, "HELLO\n", 784_111_778);
    let reply = ask(&mut client, "GET", &fields);
    assert_eq!((reply.status, reply.text().as_str()), (200, "HELLO\n"));
}

/// rsync, tar and image builders give a file its original modification time, or a constant. Regression test: a client
/// with the old content, `hello`, got a 304.
#[cfg(unix)]
#[test]
fn a_changed_file_has_another_tag_even_with_the_same_length_and_time() {
    let (folder, program) = start();
    let mut client = Client::connect(program.addr()).unwrap();
    let tag = ask(&mut client, "GET", &[]).field("ETag").unwrap().to_string();
    let fields = [("If-None-Match", tag.as_str()), ("Cache-Control", "no-cache")];
    assert_eq!(ask(&mut client, "GET", &fields).status, 304);
    // Rewritten in place, and by renaming another file.
    write(&folder, "HELLO\n", 784_111_777);
    let reply = ask(&mut client, "GET", &fields);
    assert_eq!((reply.status, reply.text().as_str()), (200, "HELLO\n"));
    std::fs::remove_file(folder.path().join("file.css")).unwrap();
    write(&folder, "hullo\n", 784_111_777);
    let reply = ask(&mut client, "GET", &fields);
    assert_eq!((reply.status, reply.text().as_str()), (200, "hullo\n"));
}

/// Package stores and image builders set the time of all files to 0 or 1. Such a time identifies nothing: on a file
/// system that is an image, the status change time is the same constant.
#[test]
fn a_file_whose_time_is_a_constant_has_no_validators() {
    let (folder, program) = start();
    let mut client = Client::connect(program.addr()).unwrap();
    for seconds in [0, 1] {
        write(&folder, "hello\n", seconds);
        let reload = ("Cache-Control", "no-cache");
        let reply = ask(&mut client, "GET", &[reload]);
        assert_eq!((reply.status, reply.text().as_str()), (200, "hello\n"));
        assert_eq!((reply.field("ETag"), reply.field("Last-Modified")), (None, None), "{seconds}");
        let reply = ask(&mut client, "GET", &[("If-Modified-Since", SAME)]);
        assert_eq!(reply.status, 200, "there is no date to compare with");
    }
}

#[test]
fn a_reload_gets_the_current_version() {
    let (folder, program) = start();
    let mut client = Client::connect(program.addr()).unwrap();
    // The directives that browsers send for an ordinary reload, and for a forced reload (RFC 9111 section 5.2.1).
    for directives in ["max-age=0", "no-cache", "No-Cache, Max-Age=0"] {
        write(&folder, "hello\n", 784_111_777);
        ask(&mut client, "GET", &[("Cache-Control", directives)]);
        write(&folder, "HELLO\n", 784_111_778);
        let reply = ask(&mut client, "GET", &[("Cache-Control", directives)]);
        assert_eq!((reply.status, reply.text().as_str()), (200, "HELLO\n"), "{directives}");
    }
}

#[test]
fn conditions_do_not_apply_to_a_missing_resource() {
    let (_folder, program) = start();
    let mut client = Client::connect(program.addr()).unwrap();
    for name in ["If-None-Match", "If-Match"] {
        let reply = client.ask(request("GET", "/static/missing", &[(name, "*")], b"")).unwrap();
        assert_eq!(reply.status, 404, "{name}\n{reply:?}");
    }
}

#[test]
fn a_compressed_file_is_revalidated_by_its_weak_tag() {
    let (folder, program) = start();
    write(&folder, &"hello\n".repeat(1_000), 784_111_777);
    settle(&program);
    let mut client = Client::connect(program.addr()).unwrap();
    let gzip = ("Accept-Encoding", "gzip");
    let compressed = ask(&mut client, "GET", &[gzip]);
    let plain = ask(&mut client, "GET", &[]);
    assert_eq!(compressed.field("Content-Encoding"), Some("gzip"), "{compressed:?}");
    assert_eq!((plain.field("Content-Encoding"), plain.body.len()), (None, 6_000));
    let (weak, strong) = (compressed.field("ETag").unwrap(), plain.field("ETag").unwrap());
    assert_eq!(weak, format!("W/{strong}"));
    for reply in [&compressed, &plain] {
        assert_eq!(reply.fields("Vary").filter(|it| it.contains("Accept-Encoding")).count(), 1);
    }
    let again = ask(&mut client, "GET", &[gzip, ("If-None-Match", weak)]);
    assert_eq!((again.status, again.body.len()), (304, 0), "{again:?}");
    assert!(again.lists("Vary", "Accept-Encoding"), "{again:?}");
}
