//! Cache-Control directives (RFC 9111 section 5.2).

use std::time::Duration;

use crate::http::{Headers, header};

/// The Cache-Control directives of a request or a response: names in lower case, with their
/// arguments.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CacheControl(Vec<(String, String)>);

impl CacheControl {
    /// Parses all lines of Cache-Control.
    pub fn of(headers: &Headers) -> CacheControl {
        let directives = headers.list(header::CACHE_CONTROL).map(|directive| {
            let (name, argument) = directive.split_once('=').unwrap_or((directive, ""));
            // The argument of any directive may be quoted (section 5.2).
            (name.trim().to_ascii_lowercase(), argument.trim().trim_matches('"').to_string())
        });
        CacheControl(directives.collect())
    }

    /// Returns whether this directive is present, with or without an argument: `private="X-User"`
    /// counts as `private` in a cache that stores whole responses.
    pub fn has(&self, name: &str) -> bool {
        self.argument(name).is_some()
    }

    /// Returns the argument of this directive as a time. An invalid number counts as zero, so that
    /// no response is reused for too long (section 4.2.1). A number that is too large counts as a
    /// very long time.
    pub fn time(&self, name: &str) -> Option<Duration> {
        let argument = self.argument(name)?;
        let is_number = !argument.is_empty() && argument.bytes().all(|it| it.is_ascii_digit());
        let seconds = if is_number { argument.parse().unwrap_or(u64::MAX) } else { 0 };
        Some(Duration::from_secs(seconds))
    }

    /// Returns the argument of this directive. If the directive occurs more than once, the first
    /// one counts.
    fn argument(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(it, _)| it == name).map(|(_, argument)| argument.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::HeaderValue;

    fn control(lines: &[&'static str]) -> CacheControl {
        let mut headers = Headers::new();
        for line in lines {
            headers.append(header::CACHE_CONTROL, HeaderValue::from_static(line));
        }
        CacheControl::of(&headers)
    }

    #[test]
    fn directives_are_parsed_from_all_lines_in_any_spelling() {
        let control = control(&["Public, MAX-AGE = 60", "no-cache=\"Set-Cookie, X\""]);
        assert!(control.has("public") && control.has("no-cache") && !control.has("private"));
        assert_eq!(control.time("max-age"), Some(Duration::from_secs(60)));
    }

    #[test]
    fn an_invalid_time_is_zero_and_a_too_large_one_is_long() {
        let table = [
            ("max-age=0", 0),
            ("max-age=\"7\"", 7),
            ("max-age=7, max-age=8", 7),
            ("max-age", 0),
            ("max-age=", 0),
            ("max-age=-1", 0),
            ("max-age=+1", 0),
            ("max-age=1.5", 0),
            ("max-age=99999999999999999999", u64::MAX),
        ];
        for (line, seconds) in table {
            assert_eq!(
                control(&[line]).time("max-age"),
                Some(Duration::from_secs(seconds)),
                "{line}"
            );
        }
        assert_eq!(control(&["s-maxage=1"]).time("max-age"), None);
    }
}
