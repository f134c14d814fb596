//! `cargo xtask doctor` checks that all programs that the course uses are installed, and names a remedy for each
//! problem.

use std::path::PathBuf;
use std::process::{Command, ExitCode};

use scale::Front;

use crate::book;
use crate::mdbook;
use crate::process;
use crate::ui;
use crate::workspace::Workspace;

/// The result for one program.
struct Finding {
    what: &'static str,
    /// The version found, or the remedy.
    found: Result<String, String>,
    /// Whether much of the course fails without it.
    needed: bool,
}

pub(crate) fn run(workspace: &Workspace) -> ExitCode {
    let needed = |what, found| Finding { what, found, needed: true };
    let mdbook = mdbook::find(workspace).map(|path| path.display().to_string());
    let port = book::is_free(8080).map(|()| "free".to_string());
    let findings = [
        needed("Rust", program("rustc", "https://rustup.rs")),
        recent("git", program("git", "https://git-scm.com/downloads"), GIT),
        recent("curl", program("curl", "apt install curl, brew install curl"), CURL),
        optional("nc", netcat()),
        optional("python3", in_transcripts("python3", "apt install python3, brew install python")),
        optional("jq", in_transcripts("jq", "apt install jq, brew install jq")),
        optional("Redis", program("redis-server", "").map_err(|_| REDIS.to_string())),
        optional("mdBook", mdbook.ok_or_else(|| MDBOOK.to_string())),
        optional("wasm32", wasm32()),
        optional("balancer", load_balancer(Front::find)),
        optional("editor", editor()),
        optional("port 8080", port.map_err(|error| format!("{error}; {OTHER_PORT}"))),
    ];
    ui::print(&shown(&findings, ui::marks()));
    ui::print(&verdict(&findings));
    let ill = findings.iter().any(|finding| finding.needed && finding.found.is_err());
    process::exit(!ill)
}

fn optional(what: &'static str, found: Result<String, String>) -> Finding {
    Finding { what, found, needed: false }
}

/// The remedies when mdBook is missing and when the port is in use.
const MDBOOK: &str = "not of version 0.5; `cargo xtask book` installs it into target/tools";
const OTHER_PORT: &str = "start a chapter with `-- 127.0.0.1:9090` instead";

/// The remedy when Redis is missing.
const REDIS: &str = "not found, and only shared rate limits use it (`cargo xtask scale --redis`): apt install redis-server, \
                     brew install redis";

/// The name and the version of a program, from the first line of its version output.
fn program(name: &str, cure: &str) -> Result<String, String> {
    let finished = process::captured(Command::new(name).arg("--version"));
    let output =
        finished.ok().filter(|finished| finished.status.success()).map(|finished| finished.output);
    let line = output.and_then(|output| output.lines().next().map(String::from));
    line.map(|line| up_to_version(&line)).ok_or_else(|| format!("not found: {cure}"))
}

/// The words of a line up to the version. After it, curl lists all its libraries.
fn up_to_version(line: &str) -> String {
    let has_digit = |word: &str| word.contains(|letter: char| letter.is_ascii_digit());
    let count = line.split(' ').position(has_digit).map_or(usize::MAX, |at| at + 1);
    line.split(' ').take(count).collect::<Vec<_>>().join(" ")
}

/// A program that must be installed. A version that is too old for some commands is reported with what it lacks.
fn recent(what: &'static str, found: Result<String, String>, needs: ([u32; 2], &str)) -> Finding {
    let (first, lacks) = needs;
    let mut words = found.as_deref().unwrap_or_default().split(' ');
    let version = words.find(|word| word.starts_with(|letter: char| letter.is_ascii_digit()));
    match version {
        Some(version) if is_older(version, first) => {
            Finding { what, found: Err(format!("{version}, {lacks}")), needed: false }
        }
        _ => Finding { what, found, needed: true },
    }
}

/// The first versions with everything that the course uses, and what older ones lack.
const GIT: ([u32; 2], &str) = (
    [2, 38],
    "and `cargo xtask restore` needs 2.38 after an update of the course: https://git-scm.com/downloads",
);
const CURL: ([u32; 2], &str) = (
    [7, 84],
    "and some pages use `--json` (curl 7.82) and `%header{}` (7.84); on Ubuntu 22.04, `sudo snap install curl` has a \
     newer one",
);

/// Whether a version such as `7.81.0` is before another.
fn is_older(version: &str, than: [u32; 2]) -> bool {
    let numbers: Vec<u32> = version.split('.').map_while(|number| number.parse().ok()).collect();
    numbers.len() >= 2 && numbers[..2] < than[..]
}

/// A program that only the book's commands use.
fn in_transcripts(name: &str, cure: &str) -> Result<String, String> {
    program(name, "").map_err(|_| format!("not found, and some transcripts use it: {cure}"))
}

/// `HAProxy` or nginx, which `cargo xtask scale` starts.
fn load_balancer(find: impl Fn(Front) -> Option<PathBuf>) -> Result<String, String> {
    let found: Vec<String> =
        Front::ALL.into_iter().filter_map(find).map(|path| path.display().to_string()).collect();
    if found.is_empty() {
        return Err(
            "no HAProxy and no nginx, and `cargo xtask scale` needs one: apt install haproxy, \
                    brew install haproxy"
                .to_string(),
        );
    }
    Ok(found.join(", "))
}

/// The standard library of the modules that the labs of the book run.
fn wasm32() -> Result<String, String> {
    if process::has_library("wasm32-wasip1") {
        return Ok("found".to_string());
    }
    Err("not found, and the labs of the book use it: rustup target add wasm32-wasip1".to_string())
}

/// The language server for an editor.
fn editor() -> Result<String, String> {
    program("rust-analyzer", "").map_err(|_| {
        "no rust-analyzer on the path: `rustup component add rust-analyzer`, unless your editor has its own"
            .to_string()
    })
}

/// Some versions of nc have no `--version` and fail, but they can be started.
fn netcat() -> Result<String, String> {
    match process::captured(Command::new("nc").arg("-h")) {
        Ok(_) => Ok("found".to_string()),
        Err(_) => {
            Err("not found, and a few transcripts use it: apt install netcat-openbsd".to_string())
        }
    }
}

/// The last line, which shows whether the reader can start.
fn verdict(findings: &[Finding]) -> String {
    let missing: Vec<&str> = findings
        .iter()
        .filter(|finding| finding.needed && finding.found.is_err())
        .map(|finding| finding.what)
        .collect();
    if missing.is_empty() {
        let words = "You can start: `cargo xtask book` to read, `cargo xtask start` to write.";
        format!("\n{}\n", ui::paint(ui::GOOD, words))
    } else {
        let words = format!("Missing: {}. The rest of the course needs it.", missing.join(", "));
        format!("\n{}\n", ui::paint(ui::BAD, &words))
    }
}

fn shown(findings: &[Finding], marks: ui::Marks) -> String {
    let optional = format!("{:width$}", "-", width = marks.good.chars().count());
    let optional = optional.as_str();
    let line = |finding: &Finding| {
        let (style, mark, words) = match (&finding.found, finding.needed) {
            (Ok(words), _) => (ui::GOOD, marks.good, words),
            (Err(words), true) => (ui::BAD, marks.bad, words),
            (Err(words), false) => (ui::NOTE, optional, words),
        };
        format!("{} {:<10} {words}\n", ui::paint(style, mark), finding.what)
    };
    findings.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::plain;

    #[test]
    fn a_finding_is_a_line_and_has_its_cure() {
        let findings = [
            Finding { what: "git", found: Ok("git version 2".to_string()), needed: true },
            Finding {
                what: "curl",
                found: program("no-such-program", "apt install it"),
                needed: true,
            },
        ];
        assert_eq!(
            plain(&shown(&findings, ui::UNICODE)),
            "✓ git        git version 2\n✗ curl       not found: apt install it\n"
        );
        assert_eq!(
            plain(&verdict(&findings)),
            "\nMissing: curl. The rest of the course needs it.\n"
        );
        let optional = Finding { what: "jq", found: Err("not found".to_string()), needed: false };
        assert_eq!(plain(&shown(&[optional], ui::UNICODE)), "- jq         not found\n");
        assert!(plain(&verdict(&findings[..1])).starts_with("\nYou can start"));
    }

    #[test]
    fn a_line_ends_with_the_version() {
        for (line, shown) in [
            ("curl 7.88.1 (x86_64-pc-linux-gnu) libcurl/7.88.1 zlib/1.2.13", "curl 7.88.1"),
            ("rustc 1.95.0 (59807616e 2026-04-14)", "rustc 1.95.0"),
            ("git version 2.39.5 (Apple Git-154)", "git version 2.39.5"),
            ("Redis server v=7.0.15 sha=00000000:0 bits=64", "Redis server v=7.0.15"),
            ("jq-1.6", "jq-1.6"),
            ("a program without one", "a program without one"),
        ] {
            assert_eq!(up_to_version(line), shown);
        }
    }

    #[test]
    fn a_version_that_is_too_old_is_reported_with_what_it_lacks() {
        let curl = |version| format!("curl {version} (x86_64-pc-linux-gnu) libcurl/7");
        let git = |version| format!("git version {version}");
        for (needs, line, lacks) in [
            (CURL, curl("7.81.0"), Some("7.81.0, and some pages use `--json`")),
            (CURL, curl("7.83.1"), Some("7.83.1, and some")),
            (CURL, curl("6.99"), Some("6.99, and some")),
            (CURL, curl("7.84.0"), None),
            (CURL, curl("8.5.0-DEV"), None),
            (GIT, git("2.37.1"), Some("2.37.1, and `cargo xtask restore` needs 2.38")),
            (GIT, git("2.38.0"), None),
            (GIT, git("2.39.5 (Apple Git-154)"), None),
        ] {
            let finding = recent("program", Ok(line.clone()), needs);
            match (&finding.found, lacks) {
                (Err(said), Some(lacks)) => assert!(said.starts_with(lacks) && !finding.needed),
                (found, lacks) => assert_eq!((found, lacks), (&Ok(line), None)),
            }
        }
        assert!(recent("curl", Err("not found".to_string()), CURL).needed);
    }

    #[test]
    fn what_only_transcripts_use_says_so_when_it_is_not_there() {
        let found = in_transcripts("no-such-program", "apt install it");
        let expected = "not found, and some transcripts use it: apt install it";
        assert_eq!(found, Err(expected.to_string()));
    }

    #[test]
    fn one_load_balancer_is_enough() {
        let nginx = |front| (front == Front::Nginx).then(|| PathBuf::from("/usr/sbin/nginx"));
        assert_eq!(load_balancer(nginx).as_deref(), Ok("/usr/sbin/nginx"));
        let error = load_balancer(|_| None).unwrap_err();
        assert!(error.contains("apt install haproxy"), "{error}");
    }
}
