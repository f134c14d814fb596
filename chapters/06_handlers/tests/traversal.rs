//! No path leads out of the directory, or to hidden files in it.

use std::fs;
use std::path::Path;

use tempfile::TempDir;
use wire::{Client, Program, request};

const PROGRAM: &str = env!(concat!("CARGO_BIN_EXE_", env!("CARGO_PKG_NAME")));

/// A directory `public` to be served, and a secret beside it.
fn folders() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::create_dir_all(at("public/sub")).unwrap();
    fs::create_dir_all(at("public/.git")).unwrap();
    fs::write(at("secret.txt"), "nobody may read this").unwrap();
    fs::write(at("public/hello.txt"), "open").unwrap();
    fs::write(at("public/sub/a..b"), "open").unwrap();
    // Decoded twice, this name would be the parent directory.
    fs::write(at("public/sub/%2e%2e"), "open").unwrap();
    fs::write(at("public/.env"), "nobody may read this").unwrap();
    fs::write(at("public/.git/config"), "nobody may read this").unwrap();
    // `.well-known` begins with a dot but is public (RFC 8615).
    for folder in ["public/.well-known", "public/sub/.well-known"] {
        fs::create_dir_all(at(folder)).unwrap();
        fs::write(at(folder).join("security.txt"), "open").unwrap();
        fs::write(at(folder).join(".env"), "nobody may read this").unwrap();
    }
    folder
}

fn start(folder: &Path) -> Program {
    let public = folder.join("public");
    Program::start(PROGRAM, &["127.0.0.1:0", public.to_str().unwrap()]).unwrap()
}

/// The status of each target, requested on one connection: no response may end it or leave extra bytes.
fn expect(program: &Program, table: &[(&str, u16)]) {
    let mut client = Client::connect(program.addr()).unwrap();
    for &(target, status) in table {
        let reply = client.ask(request("GET", target, &[], b"")).unwrap();
        assert_eq!(reply.status, status, "{target}\n{reply:?}");
        assert!(!reply.text().contains("nobody may read this"), "{target}\n{reply:?}");
        if status == 200 {
            assert_eq!(reply.text(), "open", "{target}");
        }
    }
}

#[test]
fn every_path_upwards_is_404_and_a_name_with_dots_is_a_name() {
    let folder = folders();
    let program = start(folder.path());
    expect(
        &program,
        &[
            ("/static/hello.txt", 200),
            ("/static/h%65llo.txt", 200),
            ("/static/sub/a..b", 200),
            ("/static/sub/a%2e%2eb", 200),
            // Unencoded.
            ("/static/../secret.txt", 404),
            ("/static/sub/../../secret.txt", 404),
            ("/static/sub/../hello.txt", 404),
            ("/static/..", 404),
            ("/static/.", 404),
            ("/static/./hello.txt", 404),
            ("/../secret.txt", 404),
            // Encoded, completely or in part.
            ("/static/%2e%2e/secret.txt", 404),
            ("/static/.%2E/secret.txt", 404),
            ("/static/..%2fsecret.txt", 404),
            ("/static/..%2Fsecret.txt", 404),
            ("/static/%2e%2e%2fsecret.txt", 404),
            ("/static/sub%2f..%2f..%2fsecret.txt", 404),
            ("/static/sub%2fa..b", 404),
            // Encoded twice: after one decoding it is an ordinary name, and `sub` has a file with this
            // name.
            ("/static/%252e%252e/secret.txt", 404),
            ("/static/%252e%252e%252fsecret.txt", 404),
            ("/static/..%252fsecret.txt", 404),
            ("/static/sub/%252e%252e", 200),
            // Backslashes.
            ("/static/..\\secret.txt", 404),
            ("/static/..%5csecret.txt", 404),
            ("/static/sub\\..\\..\\secret.txt", 404),
            ("/static/sub%5c..%5c..%5csecret.txt", 404),
            // NUL.
            ("/static/hello.txt%00", 404),
            ("/static/hello.txt%00.png", 404),
            ("/static/%00", 404),
            // Absolute.
            ("/static//etc/passwd", 404),
            ("/static/%2fetc%2fpasswd", 404),
            ("/static/C:/Windows/win.ini", 404),
            ("/static/C:%5cWindows%5cwin.ini", 404),
            ("/static/%5c%5chost%5cshare", 404),
            ("//static/hello.txt", 404),
            ("/static//hello.txt", 404),
            ("/static/sub//a..b", 404),
            // Hidden.
            ("/static/.env", 404),
            ("/static/%2eenv", 404),
            ("/static/.git/config", 404),
            ("/static/.git/", 404),
            ("/static/.well-known/security.txt", 200),
            ("/static/%2ewell-known/security.txt", 200),
            ("/static/.well-known/", 404),
            ("/static/.well-known/.env", 404),
            ("/static/.well-known/../.env", 404),
            ("/static/.well-known-2/security.txt", 404),
            // Only `.well-known` at the root is public.
            ("/static/sub/.well-known/security.txt", 404),
        ],
    );
}

#[test]
fn an_overlong_dot_is_no_path_at_all() {
    let folder = folders();
    let program = start(folder.path());
    for target in ["/static/%c0%ae%c0%ae/secret.txt", "/static/%c0%af", "/static/%zz", "/static/%"]
    {
        assert_eq!(wire::get(program.addr(), target).unwrap().status, 400, "{target}");
    }
}

#[cfg(unix)]
#[test]
fn a_link_is_served_when_it_stays_inside() {
    use std::os::unix::fs::symlink;
    let folder = folders();
    let public = folder.path().join("public");
    symlink("hello.txt", public.join("inside")).unwrap();
    symlink("sub", public.join("folder")).unwrap();
    symlink("../secret.txt", public.join("out")).unwrap();
    symlink(folder.path().join("secret.txt"), public.join("absolute")).unwrap();
    symlink("..", public.join("up")).unwrap();
    // The name of the link decides, not its target's name: Kubernetes volumes link to files in hidden directories.
    fs::create_dir(public.join("..data")).unwrap();
    fs::write(public.join("..data/file"), "open").unwrap();
    symlink("..data/file", public.join("shown")).unwrap();
    symlink("hello.txt", public.join(".link")).unwrap();
    symlink(public.join("hello.txt"), public.join("absolute-inside")).unwrap();
    symlink("nowhere", public.join("dangling")).unwrap();
    symlink("../../secret.txt", public.join("sub/index.html")).unwrap();
    let program = start(folder.path());
    expect(
        &program,
        &[
            ("/static/inside", 200),
            ("/static/folder/a..b", 200),
            ("/static/out", 404),
            ("/static/absolute", 404),
            ("/static/up/secret.txt", 404),
            ("/static/up/public/hello.txt", 200),
            ("/static/shown", 200),
            ("/static/.link", 404),
            ("/static/..data/file", 404),
            ("/static/absolute-inside", 200),
            ("/static/dangling", 404),
            ("/static/sub/", 404),
        ],
    );
}
