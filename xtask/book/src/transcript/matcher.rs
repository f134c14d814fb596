//! Compares a program's output with its transcript, and converts it to the form of a transcript.

use regex::Regex;

use crate::pattern::regex;

/// How many of the first lines match: all, or as few as possible. The pattern `...` matches any number of lines, and
/// `[..]` any text within a line. White space at the end of a line makes no difference.
pub(super) fn matching(patterns: &[&str], lines: &[String], all: bool) -> Option<usize> {
    let pattern = patterns.iter().map(|line| match *line {
        "..." => r"(?:.*\n)*?".to_string(),
        line => regex::escape(line.trim_end()).replace(r"\[\.\.\]", ".*") + r"\n",
    });
    let end = if all { r"\z" } else { "" };
    let pattern = Regex::new(&format!(r"\A{}{end}", pattern.collect::<String>())).ok()?;
    let text: String = lines.iter().flat_map(|line| [line.trim_end(), "\n"]).collect();
    Some(pattern.find(&text)?.as_str().lines().count())
}

/// Replaces the parts of a line that differ between runs by patterns.
pub(super) fn blessed(line: &str) -> String {
    let line = regex!(r"^((?:< )?[Dd]ate: ).*").replace(line, "$1[..]");
    let line = regex!(r"curl/[0-9.]+").replace_all(&line, "curl/[..]");
    let port = |found: &regex::Captures<'_>| match &found[1] {
        "8080" => found[0].to_string(),
        _ => "127.0.0.1:[..]".to_string(),
    };
    regex!(r"127\.0\.0\.1:(\d+)").replace_all(&line, port).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dots_in_brackets_match_any_text_and_three_dots_any_lines() {
        for (patterns, lines, all, first) in [
            ("abc", "abc", Some(1), Some(1)),
            ("abc", "abcd", None, None),
            ("a.c", "abc", None, None),
            ("a[..]", "abc", Some(1), Some(1)),
            ("[..]c", "abc", Some(1), Some(1)),
            ("a[..]c", "ac", Some(1), Some(1)),
            ("a[..]b[..]c", "axbxc", Some(1), Some(1)),
            ("a[..]b[..]c", "axc", None, None),
            ("ab[..]bc", "abc", None, None),
            ("a[..]d", "a\nd", None, None),
            ("x  ", "x", Some(1), Some(1)),
            ("a\n...\nd", "a\nb\nc\nd", Some(4), Some(4)),
            ("a\n...\nd", "a\nd\nd", Some(3), Some(2)),
            ("...", "", Some(0), Some(0)),
            ("...", "a\nb", Some(2), Some(0)),
            ("a\n...\nd", "a\nb", None, None),
            ("a", "a\nb", None, Some(1)),
            ("", "a", None, Some(0)),
        ] {
            let output: Vec<String> = lines.lines().map(str::to_string).collect();
            let patterns: Vec<&str> = patterns.lines().collect();
            assert_eq!(matching(&patterns, &output, true), all, "{patterns:?} {lines:?}");
            assert_eq!(matching(&patterns, &output, false), first, "{patterns:?} {lines:?}");
        }
    }

    #[test]
    fn dates_versions_and_ports_of_clients_are_not_kept() {
        assert_eq!(blessed("Date: Mon, 23 Nov 2026 07:54:28 GMT"), "Date: [..]");
        assert_eq!(blessed("127.0.0.1:41074: connected"), "127.0.0.1:[..]: connected");
        assert_eq!(blessed("Host: 127.0.0.1:8080"), "Host: 127.0.0.1:8080");
        assert_eq!(blessed("User-Agent: curl/7.88.1"), "User-Agent: curl/[..]");
    }
}
