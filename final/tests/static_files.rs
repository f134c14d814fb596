//! Files, directories and their header fields, over a socket.

use std::fs;

use httpserver::handlers::StaticFiles;
use httpserver::http::{Handler, Method, Request, Response, Router};
use support::Running;
use wire::{Client, Program, Reply, request};

#[allow(dead_code, reason = "this test needs a part of it")]
mod support;

const PROGRAM: &str = env!("CARGO_BIN_EXE_httpserver");

fn start() -> Program {
    Program::start(PROGRAM, &["--addr", "127.0.0.1:0"]).unwrap()
}

fn get(program: &Program, target: &str) -> Reply {
    wire::get(program.addr(), target).unwrap()
}

#[test]
fn a_file_has_its_type_its_length_and_its_bytes() {
    let program = start();
    let table = [
        ("/static/", "text/html; charset=utf-8", "no-cache", "public/index.html"),
        ("/static/index.html", "text/html; charset=utf-8", "no-cache", "public/index.html"),
        (
            "/static/style.css",
            "text/css; charset=utf-8",
            "public, max-age=3600",
            "public/style.css",
        ),
        (
            "/static/hello.txt",
            "text/plain; charset=utf-8",
            "public, max-age=3600",
            "public/hello.txt",
        ),
        (
            "/static/pictures/handshake.svg",
            "image/svg+xml",
            "public, max-age=3600",
            "public/pictures/handshake.svg",
        ),
    ];
    for (target, content_type, caching, file) in table {
        let reply = get(&program, target);
        assert_eq!(reply.status, 200, "{target}\n{reply:?}");
        assert_eq!(reply.field("Content-Type"), Some(content_type), "{target}");
        assert_eq!(reply.field("Cache-Control"), Some(caching), "{target}");
        assert_eq!(reply.field("X-Content-Type-Options"), Some("nosniff"), "{target}");
        let bytes = fs::read(format!("{}/{file}", env!("CARGO_MANIFEST_DIR"))).unwrap();
        assert_eq!(reply.field("Content-Length"), Some(bytes.len().to_string().as_str()));
        assert_eq!(reply.body, bytes, "{target}");
    }
}

#[test]
fn a_directory_without_its_slash_is_redirected_and_the_query_is_kept() {
    let program = start();
    let table = [
        ("/static", "/static/"),
        ("/static?a=1&b=%2F", "/static/?a=1&b=%2F"),
        ("/static/pictures", "/static/pictures/"),
        ("/static/p%69ctures?x", "/static/pictures/?x"),
        ("/static/pictures?", "/static/pictures/?"),
    ];
    for (target, location) in table {
        let reply = get(&program, target);
        assert_eq!((reply.status, reply.field("Location")), (301, Some(location)), "{target}");
    }
}

/// A browser interprets the text after two slashes in `Location` as a host name.
#[test]
fn a_path_with_two_leading_slashes_is_never_redirected() {
    let program = start();
    for target in ["//static", "//static/pictures", "///static/pictures", "//"] {
        let reply = get(&program, target);
        assert_eq!((reply.status, reply.field("Location")), (404, None), "{target}");
    }
}

/// With files from `/` on, the path of a directory could begin with two slashes. Such a path matches no directory.
#[test]
fn files_from_the_root_on_are_never_redirected_to_another_host() {
    let root = format!("{}/public", env!("CARGO_MANIFEST_DIR"));
    let program = Program::start(
        PROGRAM,
        &["--addr", "127.0.0.1:0", "--root", &root, "--files-only", "--listings"],
    )
    .unwrap();
    let reply = get(&program, "/pictures");
    assert_eq!((reply.status, reply.field("Location")), (301, Some("/pictures/")));
    for target in ["//pictures", "///pictures", "//", "//pictures/", "/%2Fpictures", "/%5Cpictures"]
    {
        let reply = get(&program, target);
        assert_eq!((reply.status, reply.field("Location")), (404, None), "{target}");
    }
}

#[test]
fn a_directory_without_an_index_is_not_listed() {
    let program = start();
    let reply = get(&program, "/static/pictures/");
    assert_eq!(reply.status, 404, "{reply:?}");
    assert!(!reply.text().contains("handshake"), "{reply:?}");
    let missing = get(&program, "/static/missing");
    assert_eq!((missing.status, &missing.json().unwrap()["error"]), (404, &"not_found".into()));
    assert_eq!(get(&program, "/static/hello.txt/").status, 404);
}

#[test]
fn a_listing_is_opt_in_and_its_names_are_escaped() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("sub")).unwrap();
    let awkward = if cfg!(windows) { "a & 'b'.txt" } else { "<a href=x> & 'b'.txt" };
    for name in [awkward, ".hidden"] {
        fs::write(folder.path().join(name), "").unwrap();
    }
    let mut router = Router::new();
    let files = StaticFiles::new(folder.path()).unwrap().with_listings();
    files.routes(&mut router, "/static");
    let server = Running::start(|server| server, router.build().unwrap());

    let reply = server.connect().ask(request("GET", "/static/", &[], b"")).unwrap();
    assert_eq!((reply.status, reply.field("Cache-Control")), (200, Some("no-cache")), "{reply:?}");
    assert_eq!(reply.field("Content-Type"), Some("text/html; charset=utf-8"));
    let page = reply.text();
    assert!(page.contains("<li><a href=\"./sub/\">sub/</a></li>"), "{page}");
    assert!(page.contains("&amp; &#39;b&#39;.txt</a></li>"), "{page}");
    assert!(!page.contains("<a href=x>") && !page.contains("hidden"), "{page}");

    // Each link on the page works.
    for link in page.split("href=\"./").skip(1) {
        let (link, _) = link.split_once('"').unwrap();
        let target = format!("/static/{}", link.replace("&#39;", "'").replace("&amp;", "&"));
        let reply = server.connect().ask(request("GET", &target, &[], b"")).unwrap();
        assert_eq!(reply.status, 200, "{target}\n{reply:?}");
    }
    assert_eq!(server.stop(), 0);
}

/// The response of the file handler itself, without the program's layers.
fn answer(files: &impl Handler, target: &str) -> Response {
    files.handle(&mut Request::builder(Method::Get, target).build())
}

/// Files are often uploaded by users. A program without the layer must not let browsers run them as scripts.
#[test]
fn a_file_has_nosniff_and_vary_without_a_layer() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a.txt"), "<script>alert(1)</script>").unwrap();
    let response = answer(&StaticFiles::new(folder.path()).unwrap(), "/a.txt");
    let field = |name: &str| response.headers().get(name)?.to_str();
    assert_eq!(response.status().code(), 200);
    assert_eq!(field("X-Content-Type-Options"), Some("nosniff"));
    assert_eq!(field("Content-Type"), Some("text/plain; charset=utf-8"));
    assert_eq!(field("Vary"), Some("Accept-Encoding"));
    assert_eq!(field("Cache-Control"), Some("no-cache"));
}

/// Deployment tools and package stores name files by their content and link to them. Regression test:
/// `app.js -> blob` was sent as `application/octet-stream`, which a browser does not run.
#[cfg(unix)]
#[test]
fn the_media_type_comes_from_the_requested_name_then_from_the_files_own() {
    let folder = tempfile::tempdir().unwrap();
    for file in ["blob", "v2.pdf", "page.txt"] {
        fs::write(folder.path().join(file), "").unwrap();
    }
    let links = [("app.js", "blob"), ("latest", "v2.pdf"), ("nothing", "blob"), ("x.y", "v2.pdf")];
    for (link, file) in links.into_iter().chain([("index.html", "page.txt")]) {
        std::os::unix::fs::symlink(file, folder.path().join(link)).unwrap();
    }
    let files = StaticFiles::new(folder.path()).unwrap();
    let table = [
        ("/app.js", "text/javascript; charset=utf-8"),
        ("/latest", "application/pdf"),
        ("/x.y", "application/pdf"),
        ("/nothing", "application/octet-stream"),
        ("/", "text/html; charset=utf-8"),
    ];
    for (target, expected) in table {
        let response = answer(&files, target);
        let content_type = response.headers().get("Content-Type").unwrap();
        assert_eq!(content_type.to_str(), Some(expected), "{target}");
    }
}

/// Regression test: without Content-Encoding a browser cannot display the file, and this program's layer
/// compressed it again.
#[test]
fn a_compressed_file_has_a_content_encoding_and_is_not_compressed_again() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("logo.svgz"), "compressed".repeat(200)).unwrap();
    let program = Program::start(
        PROGRAM,
        &["--addr", "127.0.0.1:0", "--root", folder.path().to_str().unwrap()],
    )
    .unwrap();
    let mut client = Client::connect(program.addr()).unwrap();
    for fields in [&[("Accept-Encoding", "gzip")][..], &[]] {
        let reply = client.ask(request("GET", "/static/logo.svgz", fields, b"")).unwrap();
        assert_eq!(reply.field("Content-Type"), Some("image/svg+xml"));
        assert_eq!(reply.field("Content-Encoding"), Some("gzip"), "{fields:?}");
        assert_eq!(reply.text(), "compressed".repeat(200), "{fields:?}");
    }
}

#[test]
fn a_directory_named_index_html_is_not_an_index() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("index.html")).unwrap();
    let files = StaticFiles::new(folder.path()).unwrap();
    assert_eq!(answer(&files, "/").status().code(), 404);
    assert_eq!(answer(&files.with_listings(), "/").status().code(), 200);
}

/// Regression test: a link that leads to itself was a 500 with a line in the log, and so was the listing of its
/// directory.
#[cfg(unix)]
#[test]
fn broken_links_are_a_404_and_the_listing_skips_them() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a.txt"), "").unwrap();
    let long = "a".repeat(300);
    let links = [("circle", "circle"), ("long", &long), ("deeper", "a.txt/b"), ("gone", "nowhere")];
    for (name, target) in links {
        std::os::unix::fs::symlink(target, folder.path().join(name)).unwrap();
    }
    let _listener = std::os::unix::net::UnixListener::bind(folder.path().join("socket")).unwrap();
    let files = StaticFiles::new(folder.path()).unwrap().with_listings();
    for name in ["circle", "long", "deeper", "gone", "socket", "a.txt/b", "circle/b", &long] {
        assert_eq!(answer(&files, &format!("/{name}")).status().code(), 404, "{name}");
    }
    let page = listing(&files, "/");
    assert_eq!(links_of(&page), ["a.txt"], "{page}");
    // An index that is a broken link counts as missing.
    std::os::unix::fs::symlink("index.html", folder.path().join("index.html")).unwrap();
    assert_eq!(links_of(&listing(&files, "/")), ["a.txt"]);
}

/// systemd escapes a hyphen as `\x2d`. Regression test: such a name was listed, but its link led to
/// a 404.
#[cfg(unix)]
#[test]
fn every_listed_name_is_served() {
    let folder = tempfile::tempdir().unwrap();
    let names =
        ["a\\x2d.txt", "100%.txt", "%2e%2e", "a:b", "a b.", "CON", "é?#&\"<'>.txt", ".hidden"];
    for name in names {
        fs::write(folder.path().join(name), "").unwrap();
        fs::create_dir_all(folder.path().join("sub/.well-known")).unwrap();
        fs::write(folder.path().join("sub").join(name), "").unwrap();
    }
    fs::create_dir(folder.path().join(".well-known")).unwrap();
    let files = StaticFiles::new(folder.path()).unwrap().with_listings();
    for (target, expected) in [("/", 9), ("/sub/", 7), ("/.well-known/", 0)] {
        let page = listing(&files, target);
        let links = links_of(&page);
        assert_eq!(links.len(), expected, "{page}");
        for link in links {
            let status = answer(&files, &format!("{target}{link}")).status().code();
            assert_eq!(status, 200, "{link}");
        }
    }
}

#[cfg(unix)]
fn listing(files: &impl Handler, target: &str) -> String {
    let mut response = answer(files, target);
    assert_eq!(response.status().code(), 200, "{target}");
    let httpserver::http::ResponseBody::Bytes(page) = response.take_body() else {
        panic!("{response:?}")
    };
    String::from_utf8(page.to_vec()).unwrap()
}

/// The targets of a listing's links, without the link to the parent directory.
#[cfg(unix)]
fn links_of(page: &str) -> Vec<String> {
    let links = page.split("href=\"./").skip(1).map(|link| link.split_once('"').unwrap().0);
    links.map(|link| link.replace("&#39;", "'").replace("&amp;", "&")).collect()
}

#[test]
fn head_has_the_fields_of_get_and_other_methods_are_405() {
    let program = start();
    let whole = get(&program, "/static/hello.txt");
    let mut client = Client::connect(program.addr()).unwrap();
    client.send(request("HEAD", "/static/hello.txt", &[], b"")).unwrap();
    let reply = client.read_reply_to("HEAD").unwrap();
    assert_eq!(reply.status, 200, "{reply:?}");
    for name in ["Content-Length", "Content-Type", "ETag", "Last-Modified", "Cache-Control", "Vary"]
    {
        assert!(reply.field(name).is_some(), "{name} is missing\n{reply:?}");
        assert_eq!(reply.field(name), whole.field(name), "{name}");
    }
    for method in ["POST", "PUT", "DELETE", "PATCH"] {
        let reply = client.ask(request(method, "/static/hello.txt", &[], b"")).unwrap();
        assert_eq!((reply.status, reply.field("Allow")), (405, Some("GET, HEAD, OPTIONS")));
    }
}

#[test]
fn a_missing_directory_is_reported_at_startup() {
    let error = Program::start(PROGRAM, &["--addr", "127.0.0.1:0", "--root", "no/such/folder"])
        .unwrap_err();
    assert!(error.message().contains("there is no directory no/such/folder"), "{error}");
}

#[test]
fn an_empty_file_is_a_response_without_a_body() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("empty"), "").unwrap();
    let program = Program::start(
        PROGRAM,
        &["--addr", "127.0.0.1:0", "--root", folder.path().to_str().unwrap()],
    )
    .unwrap();
    let reply = get(&program, "/static/empty");
    assert_eq!((reply.status, reply.field("Content-Length")), (200, Some("0")));
    assert_eq!(reply.field("Content-Type"), Some("application/octet-stream"));
}

#[cfg(target_os = "linux")]
#[test]
fn two_gigabytes_pass_through_a_server_of_less_than_32_mebibytes() {
    use std::io::{Read, Write};
    const SIZE: u64 = 2 << 30;
    // In memory, where reading a hole does not fill the page cache with 2 GiB: it takes a third of the time.
    let folder = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
    // Sparse: it has a length and no blocks.
    fs::File::create(folder.path().join("large")).unwrap().set_len(SIZE).unwrap();
    let program = Program::start(
        PROGRAM,
        &["--addr", "127.0.0.1:0", "--root", folder.path().to_str().unwrap()],
    )
    .unwrap();
    let mut stream = std::net::TcpStream::connect(program.addr()).unwrap();
    stream.set_read_timeout(Some(std::time::Duration::from_secs(30))).unwrap();
    stream.write_all(&request("GET", "/static/large", &[("Connection", "close")], b"")).unwrap();

    // `Client` would keep the whole body in memory, so the test reads from the socket itself.
    let mut buffer = vec![0; 256 << 10];
    let count = stream.read(&mut buffer).unwrap();
    let end = buffer[..count].windows(4).position(|four| four == b"\r\n\r\n").unwrap() + 4;
    let head = String::from_utf8_lossy(&buffer[..end]).into_owned();
    assert!(head.contains(&format!("Content-Length: {SIZE}\r\n")), "{head}");
    let mut received = (count - end) as u64;
    loop {
        match stream.read(&mut buffer).unwrap() {
            0 => break,
            count => received += count as u64,
        }
    }
    assert_eq!(received, SIZE);

    let status = fs::read_to_string(format!("/proc/{}/status", program.pid())).unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    let kib: u64 = peak.trim().trim_end_matches(" kB").parse().unwrap();
    assert!(kib < 32 << 10, "{kib} KiB at the peak");
}
