//! The program in its usual environment: with wget, with interrupted downloads, with a seeking video player, as
//! process 1, and on a read-only file system. Tests whose tools are missing are skipped, with a message.
#![cfg(target_os = "linux")]

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use wire::clients::chromium_dom;
use wire::environment;
use wire::{Client, Program, request};

const PROGRAM: &str = env!("CARGO_BIN_EXE_httpserver");

/// Far longer than anything here takes.
const LONG: Duration = Duration::from_secs(20);

/// `httpserver --root DIR --files-only`, with further arguments.
fn serve(folder: &Path, more: &[&str]) -> Program {
    let folder = folder.to_str().unwrap();
    let arguments = ["--addr", "127.0.0.1:0", "--root", folder, "--files-only"];
    Program::start(PROGRAM, &[&arguments, more].concat()).unwrap()
}

/// The output of a program, if it is installed.
fn run(name: &str, arguments: &[&str]) -> Option<Output> {
    match environment::command(name).args(arguments).stdin(Stdio::null()).output() {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
        output => Some(output.unwrap()),
    }
}

/// Pseudo-random bytes, the same every time, so that no two parts of a file are equal.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 1_u64;
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        bytes.extend((state ^ state >> 32).to_le_bytes());
    }
    bytes.truncate(length);
    bytes
}

#[test]
fn a_mirror_made_by_wget_is_identical() {
    let folder = tempfile::tempdir().unwrap();
    let files: [(&str, Vec<u8>); 8] = [
        ("page.html", b"<!DOCTYPE html><a href=\"sub/notes.txt\">notes</a>".to_vec()),
        ("empty", Vec::new()),
        ("large.bin", noise(3_000_001)),
        ("with a space & more.txt", b"one".to_vec()),
        ("100%.txt", b"two".to_vec()),
        ("\u{fc}n\u{ef}c\u{f6}de.txt", b"three".to_vec()),
        ("sub/notes.txt", noise(20_000)),
        ("sub/deeper folder/style.css", b"p { color: red }".to_vec()),
    ];
    for (name, content) in &files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    let program = serve(folder.path(), &["--listings", "--log", "off"]);
    let mirror = tempfile::tempdir().unwrap();
    let place = mirror.path().to_str().unwrap();
    let url = format!("http://{}/", program.addr());
    // The listings of directories are not among the files.
    let options = ["--recursive", "--level=inf", "--no-host-directories", "--reject=index.html*"];
    let bounds = ["--timeout=10", "--tries=1", "--restrict-file-names=nocontrol", "--no-verbose"];
    let rest = ["--directory-prefix", place, &url];
    let Some(output) = run("wget", &[&options[..], &bounds, &rest].concat()) else {
        println!("skipped: there is no wget here");
        return;
    };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let difference = run("diff", &["-r", folder.path().to_str().unwrap(), place]).unwrap();
    assert!(difference.status.success(), "{}", String::from_utf8_lossy(&difference.stdout));
}

#[test]
fn an_interrupted_download_is_resumed_by_curl() {
    if run("curl", &["--version"]).is_none() {
        println!("skipped: there is no curl here");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    // Far more than curl receives at once before it applies its limit.
    let content = noise(64 * 1024 * 1024);
    fs::write(folder.path().join("disk.img"), &content).unwrap();
    let program = serve(folder.path(), &["--log", "off"]);
    let url = format!("http://{}/disk.img", program.addr());
    let part = folder.path().join("part");

    let slowly = ["--silent", "--limit-rate", "1M", "--output", part.to_str().unwrap(), &url];
    let mut curl = environment::command("curl").args(slowly).stdin(Stdio::null()).spawn().unwrap();
    let length = || fs::metadata(&part).map_or(0, |part| part.len());
    let deadline = Instant::now() + LONG;
    while length() == 0 && Instant::now() < deadline {
        thread::sleep(Duration::from_millis(5));
    }
    curl.kill().unwrap();
    curl.wait().unwrap();
    let whole = content.len() as u64;
    assert!((1..whole).contains(&length()), "{} of {whole} bytes have come", length());

    let status = ["--silent", "--max-time", "20", "--write-out", "%{http_code}"];
    let resume = ["--continue-at", "-", "--output", part.to_str().unwrap(), &url];
    let output = run("curl", &[&status[..], &resume].concat()).unwrap();
    assert!(output.status.success(), "{output:?}");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "206");
    assert!(fs::read(&part).unwrap() == content, "the two parts are not the file");
}

/// Two minutes of silent audio: browsers play it, and no tool is needed to make it.
fn silence() -> Vec<u8> {
    const RATE: u32 = 44_100;
    let length = 120 * RATE * 4;
    let mut file = b"RIFF".to_vec();
    file.extend((36 + length).to_le_bytes());
    file.extend(b"WAVEfmt ");
    file.extend(16_u32.to_le_bytes());
    // Uncompressed samples, two channels of 16 bits.
    file.extend([1_u16, 2].map(u16::to_le_bytes).concat());
    file.extend([RATE, RATE * 4].map(u32::to_le_bytes).concat());
    file.extend([4_u16, 16].map(u16::to_le_bytes).concat());
    file.extend(b"data");
    file.extend(length.to_le_bytes());
    file.resize(file.len() + length as usize, 0);
    file
}

/// Seeks to the second minute as soon as the length is known. The page's clock is stopped while a request is in
/// progress, so it stays stopped until the video has arrived, which is read in real time.
const PLAYER: &str = r#"<!DOCTYPE html><title>player</title><p id="seen">nothing</p>
<video src="silence.wav" preload="metadata"></video><script>
const video = document.querySelector("video");
const note = text => { document.getElementById("seen").textContent = text; };
video.onerror = () => note(`error ${video.error.code}`);
video.onloadedmetadata = () => { note("loaded"); video.currentTime = 100; };
let seeked = false;
video.onseeked = () => { seeked = true; note(`seeked to ${video.currentTime} of ${video.duration}`); };
(async () => {
  for (let asked = 0; asked < 3000 && !seeked; asked++) {
    await fetch("index.html", { method: "HEAD", cache: "no-store" });
  }
})();
</script>"#;

#[test]
fn a_browser_seeks_in_a_video() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("index.html"), PLAYER).unwrap();
    fs::write(folder.path().join("silence.wav"), silence()).unwrap();
    let program = serve(folder.path(), &[]);
    let Some(dom) = chromium_dom(&format!("http://{}/", program.addr())).unwrap() else {
        println!("skipped: no Chromium here");
        return;
    };
    assert!(dom.contains(">seeked to 100 of 120<"), "{dom}");
    // The browser does not read everything before that position: it requests one part from the
    // beginning, and one from further on.
    let part = |line: &&str| line.contains("GET /silence.wav HTTP/1.1\" 206");
    program
        .wait_for_stdout("two parts in the log", LONG, |log| log.lines().filter(part).count() >= 2)
        .unwrap();
}

/// How this process can create namespaces: as root, or as root of a user namespace. `None` if neither works.
fn unshare(kind: &[&str]) -> Option<Command> {
    for first in [&[][..], &["--user", "--map-root-user"]] {
        let tried = run("unshare", &[first, kind, &["true"]].concat())?;
        if tried.status.success() {
            let mut command = Command::new("unshare");
            command.args(first).args(kind);
            return Some(command);
        }
    }
    None
}

#[test]
fn process_1_ends_gracefully_and_leaves_nothing_behind() {
    let kind = ["--pid", "--fork", "--kill-child", "--mount-proc"];
    let Some(mut command) = unshare(&kind) else {
        println!("skipped: no unshare here, or it is not allowed");
        return;
    };
    command.args([PROGRAM, "--addr", "127.0.0.1:0", "--log", "off"]);
    let outside = Program::start_command(command).unwrap();
    let children =
        fs::read_to_string(format!("/proc/{0}/task/{0}/children", outside.pid())).unwrap();
    let inside: i32 = children.trim().parse().unwrap();
    let status = fs::read_to_string(format!("/proc/{inside}/status")).unwrap();
    let ids = status.lines().find_map(|line| line.strip_prefix("NSpid:")).unwrap();
    assert_eq!(ids.split_whitespace().last(), Some("1"), "{status}");

    // A request is in progress when the signal arrives. Process 1 gets only signals that it has a handler
    // for.
    let mut client = Client::connect(outside.addr()).unwrap().with_patience(LONG);
    let whole = request("GET", "/slow?ms=100", &[("Expect", "100-continue")], b"?");
    client.send(&whole[..whole.len() - 1]).unwrap();
    assert_eq!(client.read_reply().unwrap().status, 100);
    kill_process(Pid::from_raw(inside).unwrap(), Signal::TERM).unwrap();
    client.send(b"?").unwrap();
    let reply = client.read_reply().unwrap();
    assert_eq!((reply.status, reply.text().as_str()), (200, "100 ms later\n"));
    client.expect_closed().unwrap();

    // `unshare` exits like its child, and a process that has exited but is still listed would be a zombie.
    assert!(outside.wait(LONG).unwrap().success(), "{}", outside.stderr_so_far());
    assert!(outside.stderr_so_far().contains("stopped: 0 aborted"));
    assert!(!Path::new(&format!("/proc/{inside}")).exists());
}

/// Remounts everything read-only for the command that follows, and checks it.
const READ_ONLY: &str = r#"
awk '{ print $2 }' /proc/self/mounts | while read -r place; do
    mount -o remount,bind,ro "$place" 2>/dev/null
done
if touch "$1/written" 2>/dev/null; then echo "$1 can be written" >&2; exit 9; fi
shift
exec "$@"
"#;

#[test]
fn a_file_system_that_cannot_be_written_is_enough() {
    let Some(mut command) = unshare(&["--mount"]) else {
        println!("skipped: no unshare here, or it is not allowed");
        return;
    };
    let folder: TempDir = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("page.txt"), "read only").unwrap();
    command.args(["sh", "-c", READ_ONLY, "sh"]).arg(folder.path()).arg(PROGRAM);
    command.args(["--addr", "127.0.0.1:0", "--files-only", "--root"]).arg(folder.path());
    let program = Program::start_command(command).unwrap();
    assert_eq!(wire::get(program.addr(), "/page.txt").unwrap().text(), "read only");
    assert_eq!(wire::get(program.addr(), "/none").unwrap().status, 404);
    program.signal(wire::Signal::Terminate).unwrap();
    assert!(program.wait(LONG).unwrap().success(), "{}", program.stderr_so_far());
}
