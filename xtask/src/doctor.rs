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
    let programs = PROGRAMS.into_iter();
    let mut findings: Vec<Finding> =
        programs.map(|(what, probe, remedy)| finding(what, probe(workspace), remedy)).collect();
    let port = book::is_free(8080).map(|()| "free".to_string());
    let port = port.map_err(|it| format!("{it}; start a chapter with `-- 127.0.0.1:9090` instead"));
    findings.push(Finding { what: "port 8080", found: port, needed: false });
    ui::print(&shown(&findings, ui::marks()));
    ui::print(&verdict(&findings));
    process::exit(!findings.iter().any(|finding| finding.needed && finding.found.is_err()))
}

/// What finds a program: its version, or its path.
type Probe = fn(&Workspace) -> Option<String>;

/// The programs without which much of the course fails.
const NEEDED: [&str; 3] = ["Rust", "git", "curl"];

/// All programs, and for each the remedy when it is missing.
const PROGRAMS: [(&str, Probe, &str); 11] = [
    ("Rust", |_| version("rustc"), "not found: https://rustup.rs"),
    ("git", |_| version("git"), "not found: https://git-scm.com/downloads"),
    ("curl", |_| version("curl"), "not found: apt install curl, brew install curl"),
    // Some versions of nc have no `--version` and fail, but they can be started.
    (
        "nc",
        |_| found(process::is_installed("nc")),
        "not found, and a few transcripts use it: apt install netcat-openbsd",
    ),
    (
        "python3",
        |_| version("python3"),
        "not found, and some transcripts use it: apt install python3, brew install python",
    ),
    (
        "jq",
        |_| version("jq"),
        "not found, and some transcripts use it: apt install jq, brew install jq",
    ),
    (
        "Redis",
        |_| version("redis-server"),
        "not found, and only shared rate limits use it (`cargo xtask scale --redis`): apt install redis-server, \
         brew install redis",
    ),
    (
        "mdBook",
        |workspace| mdbook::find(workspace).map(|path| path.display().to_string()),
        "not of version 0.5; `cargo xtask book` installs it into target/tools",
    ),
    (
        "wasm32",
        |_| found(process::has_library("wasm32-wasip1")),
        "not found, and the labs of the book use it: rustup target add wasm32-wasip1",
    ),
    (
        "balancer",
        |_| load_balancer(Front::find),
        "no HAProxy and no nginx, and `cargo xtask scale` needs one: apt install haproxy, brew install haproxy",
    ),
    (
        "editor",
        |_| version("rust-analyzer"),
        "no rust-analyzer on the path: `rustup component add rust-analyzer`, unless your editor has its own",
    ),
];

fn finding(what: &'static str, found: Option<String>, remedy: &str) -> Finding {
    let needed = NEEDED.contains(&what);
    match found.as_deref().and_then(|line| too_old(what, line)) {
        // The reader can start with it.
        Some(old) => Finding { what, found: Err(old), needed: false },
        None => Finding { what, found: found.ok_or_else(|| remedy.to_string()), needed },
    }
}

fn found(is_found: bool) -> Option<String> {
    is_found.then(|| "found".to_string())
}

/// `HAProxy` or nginx, which `cargo xtask scale` starts.
fn load_balancer(find: impl Fn(Front) -> Option<PathBuf>) -> Option<String> {
    let paths = Front::ALL.into_iter().filter_map(find);
    let found: Vec<String> = paths.map(|path| path.display().to_string()).collect();
    (!found.is_empty()).then(|| found.join(", "))
}

/// The name and the version of a program, from the first line of its version output.
fn version(name: &str) -> Option<String> {
    let finished = process::captured(Command::new(name).arg("--version")).ok()?;
    let line = finished.output.lines().next().filter(|_| finished.status.success())?;
    Some(up_to_version(line))
}

/// The words of a line up to the version. After it, curl lists all its libraries.
fn up_to_version(line: &str) -> String {
    let words: Vec<&str> = line.split(' ').collect();
    let has_digit = |word: &&str| word.contains(|letter: char| letter.is_ascii_digit());
    let last = words.iter().position(has_digit).unwrap_or(words.len() - 1);
    words[..=last].join(" ")
}

/// What is missing in versions older than the first with everything that the course uses.
fn too_old(what: &str, line: &str) -> Option<String> {
    let (first, lacks) = match what {
        "git" => (
            [2, 38],
            "`cargo xtask restore` needs 2.38 after an update of the course: https://git-scm.com/downloads",
        ),
        "curl" => (
            [7, 84],
            "some pages use `--json` (curl 7.82) and `%header{}` (7.84); on Ubuntu 22.04, `sudo snap install curl` has a \
             newer one",
        ),
        _ => return None,
    };
    let version = line.rsplit(' ').next()?;
    let numbers: Vec<u32> = version.split('.').map_while(|number| number.parse().ok()).collect();
    let is_older = numbers.len() >= 2 && numbers[..] < first[..];
    is_older.then(|| format!("{version}, and {lacks}"))
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
            finding("git", Some("git version 2".to_string()), ""),
            finding("curl", version("no-such-program"), "not found: apt install it"),
            finding("jq", version("no-such-program"), "not found, and some"),
        ];
        assert_eq!(
            plain(&shown(&findings, ui::UNICODE)),
            "✓ git        git version 2\n✗ curl       not found: apt install it\n\
             - jq         not found, and some\n"
        );
        assert_eq!(
            plain(&verdict(&findings)),
            "\nMissing: curl. The rest of the course needs it.\n"
        );
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
        for (what, line, lacks) in [
            ("curl", "curl 7.81.0", Some("7.81.0, and some pages use `--json`")),
            ("curl", "curl 7.83.1", Some("7.83.1, and some")),
            ("curl", "curl 6.99", Some("6.99, and some")),
            ("curl", "curl 7.84.0", None),
            ("curl", "curl 8.5.0-DEV", None),
            ("git", "git version 2.37.1", Some("2.37.1, and `cargo xtask restore` needs 2.38")),
            ("git", "git version 2.38.0", None),
            ("jq", "jq 1.6", None),
        ] {
            let finding = finding(what, Some(line.to_string()), "");
            match (finding.found, lacks) {
                (Err(said), Some(lacks)) => assert!(said.starts_with(lacks) && !finding.needed),
                (found, lacks) => assert_eq!((found, lacks), (Ok(line.to_string()), None)),
            }
        }
    }

    #[test]
    fn one_load_balancer_is_enough() {
        let nginx = |front| (front == Front::Nginx).then(|| PathBuf::from("/usr/sbin/nginx"));
        assert_eq!(load_balancer(nginx).as_deref(), Some("/usr/sbin/nginx"));
        assert_eq!(load_balancer(|_| None), None);
    }
}
