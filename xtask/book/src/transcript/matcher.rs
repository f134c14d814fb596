//! Compares a program's output with its transcript, and converts it to the form of a transcript.

use regex::Regex;

use crate::pattern::regex;

/// Whether the output has these lines. The pattern `...` matches any number of lines, and `[..]` any text within a line.
/// White space at the end of a line makes no difference.
pub(super) fn lines_match(patterns: &[&str], lines: &[&str]) -> bool {
    let pattern = patterns.iter().map(|line| match *line {
        "..." => r"(?:.*\n)*".to_string(),
        line => regex::escape(line.trim_end()).replace(r"\[\.\.\]", ".*") + r"\n",
    });
    let pattern = Regex::new(&format!(r"\A{}\z", pattern.collect::<String>()));
    let text: String = lines.iter().flat_map(|line| [line.trim_end(), "\n"]).collect();
    pattern.is_ok_and(|pattern| pattern.is_match(&text))
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
    fn dots_in_brackets_stand_for_anything_and_three_dots_for_any_lines() {
        for (pattern, lines, expected) in [
            ("abc", "abc", true),
            ("abc", "abcd", false),
            ("a.c", "abc", false),
            ("a[..]", "abc", true),
            ("[..]c", "abc", true),
            ("a[..]c", "ac", true),
            ("a[..]b[..]c", "axbxc", true),
            ("a[..]b[..]c", "axc", false),
            ("ab[..]bc", "abc", false),
            ("a[..]d", "a\nd", false),
            ("x  ", "x", true),
            ("a\n...\nd", "a\nb\nc\nd", true),
            ("...", "", true),
            ("a\n...\nd", "a\nb", false),
            ("a", "a\nb", false),
            ("", "a", false),
        ] {
            let [patterns, all] = [pattern, lines].map(|text| text.lines().collect::<Vec<_>>());
            assert_eq!(lines_match(&patterns, &all), expected, "{pattern:?} {lines:?}");
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
