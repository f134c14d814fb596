//! Compares a program's output with its transcript.

/// Compares a line with a pattern in which `[..]` matches any text.
pub(crate) fn line_matches(pattern: &str, line: &str) -> bool {
    let mut parts = pattern.trim_end().split("[..]");
    let line = line.trim_end();
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = line.strip_prefix(first) else { return false };
    let parts: Vec<&str> = parts.collect();
    let Some((last, middle)) = parts.split_last() else { return rest.is_empty() };
    for part in middle {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.len() >= last.len() && rest.ends_with(last)
}

/// Compares lines with patterns. The pattern `...` matches any number of lines. Returns whether the lines match so far;
/// `complete` means that no further lines will be printed.
pub(crate) fn lines_match(patterns: &[&str], lines: &[&str], complete: bool) -> bool {
    match (patterns.split_first(), lines.split_first()) {
        (None, rest) => rest.is_none() || !complete,
        (Some((&"...", patterns)), _) => {
            (0..=lines.len()).any(|skip| lines_match(patterns, &lines[skip..], complete))
        }
        (Some(_), None) => false,
        (Some((pattern, patterns)), Some((line, lines))) => {
            line_matches(pattern, line) && lines_match(patterns, lines, complete)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dots_in_brackets_stand_for_anything() {
        for (pattern, line, expected) in [
            ("abc", "abc", true),
            ("abc", "abcd", false),
            ("a[..]", "abc", true),
            ("[..]c", "abc", true),
            ("a[..]c", "ac", true),
            ("a[..]b[..]c", "axbxc", true),
            ("a[..]b[..]c", "axc", false),
            ("ab[..]bc", "abc", false),
            ("x  ", "x", true),
        ] {
            assert_eq!(line_matches(pattern, line), expected, "{pattern} {line}");
        }
    }

    #[test]
    fn three_dots_stand_for_any_lines() {
        assert!(lines_match(&["a", "...", "d"], &["a", "b", "c", "d"], true));
        assert!(lines_match(&["..."], &[], true));
        assert!(!lines_match(&["a", "...", "d"], &["a", "b"], true));
        assert!(!lines_match(&["a"], &["a", "b"], true));
        assert!(lines_match(&["a"], &["a", "b"], false));
    }
}
