//! A regular expression that is compiled once, where it is used.

/// The compiled pattern, as `&'static Regex`.
macro_rules! regex {
    ($pattern:expr) => {{
        static REGEX: std::sync::LazyLock<::regex::Regex> = std::sync::LazyLock::new(|| {
            ::regex::Regex::new($pattern).expect("the pattern is valid")
        });
        &*REGEX
    }};
}
pub(crate) use regex;
