//! Replaces the name of a crate in its files, and the arguments of its program.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::workspace::Chapter;

/// How a test of a chapter finds its program, and how one of `final` does.
const PROGRAM: [&str; 2] = [
    r#"env!(concat!("CARGO_BIN_EXE_", env!("CARGO_PKG_NAME")))"#,
    r#"env!("CARGO_BIN_EXE_httpserver")"#,
];

/// The content of a file of one chapter as another chapter would have it: with the name of that crate, and
/// in `final` with its arguments. Rustfmt then sorts and wraps the lines again.
pub(super) fn translate(
    root: &Path,
    content: &[u8],
    path: &str,
    from: &Chapter,
    to: &Chapter,
) -> Vec<u8> {
    let mut translated = from.rename(content, path, to);
    let starts_it = path.starts_with("tests/") && from.number.is_some() && to.number.is_none();
    if starts_it && let Ok(text) = std::str::from_utf8(&translated) {
        translated = arguments(&text.replace(PROGRAM[0], PROGRAM[1])).into_bytes();
    }
    let is_rust = Path::new(path).extension().is_some_and(|extension| extension == "rs");
    // A text that rustfmt has not formatted keeps its form.
    if is_rust && translated != content && formatted(root, content).as_deref() == Some(content) {
        return formatted(root, &translated).unwrap_or(translated);
    }
    translated
}

/// A chapter is started with an address and a directory, `final` with options.
fn arguments(text: &str) -> String {
    let mut lists = text.split(r#"&["127.0.0.1:0""#);
    let before = lists.next().unwrap_or_default().to_string();
    lists.fold(before, |text, rest| {
        // A value that is no option is the directory. A list of several lines ends with a comma and no value.
        let value = rest.strip_prefix(',').map(str::trim_start);
        let is_option = |value: &str| value.starts_with("\"-") || value.starts_with(']');
        let rest = match value.filter(|value| !is_option(value)) {
            Some(directory) => format!(r#", "--root", {directory}"#),
            None => rest.to_string(),
        };
        text + r#"&["--addr", "127.0.0.1:0""# + &rest
    })
}

/// `None` when rustfmt is not there, or the text is not Rust.
fn formatted(root: &Path, content: &[u8]) -> Option<Vec<u8>> {
    let mut child = Command::new("rustfmt")
        .args(["--edition", "2024"])
        .current_dir(root)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .ok()?;
    // It reads everything before it prints anything.
    let written = child.stdin.take()?.write_all(content);
    let output = child.wait_with_output().ok()?;
    (written.is_ok() && output.status.success()).then_some(output.stdout)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn final_is_started_with_options() {
        for (chapter, last) in [
            (r#"&["127.0.0.1:0"])"#, r#"&["--addr", "127.0.0.1:0"])"#),
            (
                r#"&["127.0.0.1:0", "--log", "json"])"#,
                r#"&["--addr", "127.0.0.1:0", "--log", "json"])"#,
            ),
            (
                r#"&["127.0.0.1:0", root.to_str()])"#,
                r#"&["--addr", "127.0.0.1:0", "--root", root.to_str()])"#,
            ),
            (
                r#"&["127.0.0.1:0", "no/folder"])"#,
                r#"&["--addr", "127.0.0.1:0", "--root", "no/folder"])"#,
            ),
            (r#"bind("127.0.0.1:0")"#, r#"bind("127.0.0.1:0")"#),
        ] {
            assert_eq!(arguments(chapter), last);
        }
    }

    #[test]
    fn a_longer_name_is_put_in_order_by_rustfmt() {
        let text = b"use std::env;\n\nmod a {\n    use ch06_handlers::b;\n    use wire::c;\n}\n";
        let formatted = formatted(Path::new("."), text).unwrap();
        assert_eq!(formatted, text);
        let moved = "use ch06_handlers::b;\nuse anyhow::c;\n";
        assert!(
            self::formatted(Path::new("."), moved.as_bytes()).unwrap().starts_with(b"use anyhow")
        );
        assert_eq!(self::formatted(Path::new("."), b"no rust {"), None);
    }
}
