//! Compares a program's output with its transcript.

use regex::Regex;

/// Whether the output has these lines. The pattern `...` matches any number of lines, and `[..]` any text within a line.
/// White space at the end of a line makes no difference.
pub(crate) fn lines_match(patterns: &[&str], lines: &[&str]) -> bool {
    let pattern = patterns.iter().map(|line| match *line {
        "..." => r"(?:.*\n)*".to_string(),
        line => regex::escape(line.trim_end()).replace(r"\[\.\.\]", ".*") + r"\n",
    });
    let pattern = Regex::new(&format!(r"\A{}\z", pattern.collect::<String>()));
    let text: String = lines.iter().flat_map(|line| [line.trim_end(), "\n"]).collect();
    pattern.is_ok_and(|pattern| pattern.is_match(&text))
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
}
