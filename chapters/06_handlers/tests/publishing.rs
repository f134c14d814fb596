//! Files that change while they are served: volumes, releases, and files exchanged at the wrong moment.
#![cfg(unix)]

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::thread;
use std::time::Duration;

use wire::{Client, Program, Reply, request};

const PROGRAM: &str = env!(concat!("CARGO_BIN_EXE_", env!("CARGO_PKG_NAME")));

fn serve(folder: &Path) -> Program {
    Program::start(PROGRAM, &["127.0.0.1:0", folder.to_str().unwrap()]).unwrap()
}

/// Requests the current content, not a cached one.
fn ask(client: &mut Client, target: &str) -> Reply {
    client.ask(request("GET", target, &[("Cache-Control", "no-cache")], b"")).unwrap()
}

fn expect(client: &mut Client, target: &str, status: u16, body: &str) {
    let reply = ask(client, target);
    assert_eq!(reply.status, status, "{target}\n{reply:?}");
    if status == 200 {
        assert_eq!(reply.text(), body, "{target}");
    }
}

/// Files with this text, by their paths below a directory.
fn write(folder: &Path, files: &[(&str, &str)]) {
    for (path, text) in files {
        let path = folder.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
}

/// Points a link elsewhere, atomically.
fn switch(link: &Path, target: &str) {
    let new = link.with_file_name("new-link");
    symlink(target, &new).unwrap();
    fs::rename(new, link).unwrap();
}

/// Kubernetes mounts a `ConfigMap` or a `Secret` like this: each file is a link through a hidden link into a hidden
/// directory, and an update switches the hidden link. Regression test: every file was 404, since the target of its link
/// has a hidden name.
#[test]
fn a_kubernetes_volume_is_served_and_so_is_its_update() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    write(folder.path(), &[("..v1/index.html", "one"), ("..v1/sub/a.css", "one")]);
    symlink("..v1", at("..data")).unwrap();
    symlink("..data/index.html", at("index.html")).unwrap();
    symlink("..data/sub", at("sub")).unwrap();
    let program = serve(folder.path());
    let mut client = Client::connect(program.addr()).unwrap();
    for target in ["/static/", "/static/index.html", "/static/sub/a.css"] {
        expect(&mut client, target, 200, "one");
    }
    for target in ["/static/..data/index.html", "/static/..v1/index.html", "/static/..v1/"] {
        expect(&mut client, target, 404, "");
    }
    write(folder.path(), &[("..v2/index.html", "two"), ("..v2/sub/a.css", "two")]);
    switch(&at("..data"), "..v2");
    fs::remove_dir_all(at("..v1")).unwrap();
    for target in ["/static/", "/static/index.html", "/static/sub/a.css"] {
        expect(&mut client, target, 200, "two");
    }
}

/// Regression test: the root was resolved only once, when the server started. After a deployment the server served
/// the old release, and nothing once that was removed, but the probe followed the link and passed.
#[test]
fn a_root_that_is_a_link_is_followed_for_each_request() {
    let folder = tempfile::tempdir().unwrap();
    let current = folder.path().join("current");
    write(folder.path(), &[("1/a.txt", "one"), ("2/a.txt", "two"), ("2/new/b.txt", "two")]);
    symlink("1", &current).unwrap();
    let program = serve(&current);
    let mut client = Client::connect(program.addr()).unwrap();
    expect(&mut client, "/static/a.txt", 200, "one");
    switch(&current, "2");
    fs::remove_dir_all(folder.path().join("1")).unwrap();
    expect(&mut client, "/static/a.txt", 200, "two");
    expect(&mut client, "/static/new/b.txt", 200, "two");
    assert_eq!(ask(&mut client, "/health/ready").status, 200);
    // Without its root, the server does not know whether a file exists. That is a server error, and no cache
    // should store a 404.
    fs::remove_dir_all(folder.path().join("2")).unwrap();
    expect(&mut client, "/static/a.txt", 500, "");
    assert_eq!(ask(&mut client, "/health/ready").status, 503);
    write(folder.path(), &[("2/a.txt", "two again")]);
    expect(&mut client, "/static/a.txt", 200, "two again");
    assert_eq!(ask(&mut client, "/health/ready").status, 200);
}

/// A strong tag is a promise about bytes: a client with a wrong tag would combine parts of two files. So the metadata
/// must be read from the open file that is sent.
#[test]
fn a_file_rewritten_in_place_has_the_tag_of_its_new_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let program = serve(folder.path());
    let mut client = Client::connect(program.addr()).unwrap();
    // Small enough to be kept in memory, and too large for it.
    for length in [100, 200_000] {
        write(folder.path(), &[("file", &"a".repeat(length))]);
        let old_tag = strong_tag(&mut client);
        for letter in ["b", "c"] {
            write(folder.path(), &[("file", &letter.repeat(length))]);
            let range = [("Range", "bytes=9-"), ("If-Range", &old_tag)];
            for fields in [&[][..], &range, &[("If-None-Match", &old_tag)]] {
                let reply = client.ask(request("GET", "/static/file", fields, b"")).unwrap();
                assert_eq!(reply.status, 200, "{fields:?}");
                assert_eq!(reply.text(), letter.repeat(length), "{fields:?}");
                assert_ne!(reply.field("ETag"), Some(old_tag.as_str()), "{fields:?}");
            }
        }
        // The file is shorter now.
        write(folder.path(), &[("file", "d")]);
        let reply = client.ask(request("GET", "/static/file", &[], b"")).unwrap();
        assert_eq!((reply.status, reply.text().as_str()), (200, "d"));
    }
}

/// Waits until the tag is strong: two seconds from the last change.
fn strong_tag(client: &mut Client) -> String {
    for _ in 0..200 {
        let tag = ask(client, "/static/file").field("ETag").unwrap().to_string();
        if tag.starts_with('"') {
            return tag;
        }
        thread::sleep(Duration::from_millis(50));
    }
    panic!("the tag is weak after ten seconds");
}

#[cfg(target_os = "linux")]
mod exchanges {
    use std::path::PathBuf;
    use std::sync::atomic::{AtomicBool, Ordering};

    use rustix::fs::{CWD, FileType, Mode, RenameFlags, mknodat, renameat_with};
    use tempfile::TempDir;

    use super::*;

    const SECRET: &str = "nobody may read this";

    /// Exchanges two names again and again during a number of requests, and returns the responses.
    fn ask_during_exchange(
        folder: &Path,
        names: [&str; 2],
        target: &str,
        requests: usize,
    ) -> Vec<Reply> {
        let program = serve(folder);
        let [one, other]: [PathBuf; 2] = names.map(|name| folder.join(name));
        let has_ended = AtomicBool::new(false);
        thread::scope(|scope| {
            scope.spawn(|| {
                while !has_ended.load(Ordering::Relaxed) {
                    renameat_with(CWD, &one, CWD, &other, RenameFlags::EXCHANGE).unwrap();
                    thread::yield_now();
                }
            });
            // A connection ends after a thousand requests.
            let mut client = Client::connect(program.addr());
            let replies = (0..requests).map(|number| {
                if number % 1_000 == 0 {
                    client = Client::connect(program.addr());
                }
                let fields = [("Cache-Control", "no-cache")];
                client.as_mut().unwrap().ask(request("GET", target, &fields, b""))
            });
            let replies = replies.collect::<Result<Vec<Reply>, _>>();
            has_ended.store(true, Ordering::Relaxed);
            replies.unwrap()
        })
    }

    fn folder() -> TempDir {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), &[("outside/file", SECRET), ("public/dir/file", "open")]);
        write(folder.path(), &[("public/file", "open")]);
        symlink("../outside", folder.path().join("public/link")).unwrap();
        symlink("../outside/file", folder.path().join("public/out")).unwrap();
        folder
    }

    /// Regression test: in one of forty requests, a part of the path became a link out of the root between the check
    /// and the opening.
    #[test]
    fn a_name_that_becomes_a_link_out_of_the_root_reveals_no_secret() {
        let folder = folder();
        let public = folder.path().join("public");
        for (names, target) in
            [(["dir", "link"], "/static/dir/file"), (["file", "out"], "/static/file")]
        {
            let replies = ask_during_exchange(&public, names, target, 1_000);
            for reply in &replies {
                assert!(!reply.text().contains(SECRET), "{target}\n{reply:?}");
                assert!([200, 404].contains(&reply.status), "{target}\n{reply:?}");
            }
            let served = replies.iter().filter(|reply| reply.status == 200).count();
            assert!(served > 0, "{target} was never served");
        }
    }

    /// Opening a FIFO waits for a writer. Regression test: the check found a regular file, and then the thread
    /// that opened the FIFO blocked forever.
    #[test]
    fn a_file_that_becomes_a_fifo_holds_no_thread() {
        let folder = folder();
        let public = folder.path().join("public");
        let mode = Mode::RUSR | Mode::WUSR;
        mknodat(CWD, public.join("fifo"), FileType::Fifo, mode, 0).unwrap();
        for reply in ask_during_exchange(&public, ["file", "fifo"], "/static/file", 1_000) {
            assert!([200, 404].contains(&reply.status), "{reply:?}");
        }
    }
}
