//! Converts a program's output to the form of a transcript.

use regex::Regex;

/// Replaces parts that differ between runs by patterns.
pub(super) fn blessed(line: &str) -> String {
    let date = Regex::new(r"^((?:< )?[Dd]ate: ).*").expect("the pattern is valid");
    let port = Regex::new(r"127\.0\.0\.1:(\d+)").expect("the pattern is valid");
    let curl = Regex::new(r"curl/[0-9.]+").expect("the pattern is valid");
    let line = date.replace(line, "$1[..]");
    let line = curl.replace_all(&line, "curl/[..]").into_owned();
    port.replace_all(&line, |found: &regex::Captures<'_>| match &found[1] {
        "8080" => found[0].to_string(),
        _ => "127.0.0.1:[..]".to_string(),
    })
    .into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_versions_and_ports_of_clients_are_not_kept() {
        assert_eq!(blessed("Date: Mon, 23 Nov 2026 07:54:28 GMT"), "Date: [..]");
        assert_eq!(blessed("127.0.0.1:41074: connected"), "127.0.0.1:[..]: connected");
        assert_eq!(blessed("Host: 127.0.0.1:8080"), "Host: 127.0.0.1:8080");
        assert_eq!(blessed("User-Agent: curl/7.88.1"), "User-Agent: curl/[..]");
    }
}
