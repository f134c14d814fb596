//! A value that a change has replaced, such as the 10 seconds of `DRAIN`, and how git finds it.

use std::collections::BTreeSet;

/// The old value, and its name.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Value {
    pub name: String,
    pub number: String,
    /// What `git grep -wiE` looks for. A small number without a unit is found everywhere, and has none.
    pub pattern: Option<String>,
}

/// The call or constant beside a number, and the words that may follow the number in a text.
const UNITS: [(&str, &str); 6] = [
    ("from_secs", "s|second|seconds"),
    ("from_millis", "ms|millisecond|milliseconds"),
    ("from_mins", "min|minute|minutes"),
    ("1024", "1024|kib"),
    ("KIB", "kib"),
    ("MIB", "mib"),
];

/// How numbers are spelled, from zero on.
const NUMBERS: &str = "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen \
                       sixteen seventeen eighteen nineteen twenty";

/// The numbers that the change has replaced: pairs of lines that differ in one number.
pub(super) fn values(old: &str, new: &str) -> Vec<Value> {
    let [before, after] = [old, new].map(|text| text.lines().collect::<BTreeSet<_>>());
    let removed = old.lines().filter(|line| !after.contains(line));
    let value = |line| {
        let mut added = new.lines().filter(|line| !before.contains(line));
        let at = added.find_map(|new| only_difference(line, new))?;
        let (number, pattern) = (words(line)[at].to_string(), pattern(line, at));
        Some(Value { name: name(line)?.to_string(), number, pattern })
    };
    removed.filter_map(value).collect()
}

/// Which word is the number in which two lines differ, when that is all.
fn only_difference(old: &str, new: &str) -> Option<usize> {
    let [old, new] = [old, new].map(words);
    let mut differ = (0..old.len()).filter(|&at| old.get(at) != new.get(at));
    let at = differ.next().filter(|_| differ.next().is_none() && old.len() == new.len())?;
    let is_number = |word: &str| word.starts_with(|first: char| first.is_ascii_digit());
    (is_number(old[at]) && is_number(new[at])).then_some(at)
}

fn is_in_word(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_'
}

fn words(line: &str) -> Vec<&str> {
    line.split(|letter| !is_in_word(letter)).filter(|word| !word.is_empty()).collect()
}

/// The name of a constant, a field or a setting.
fn name(line: &str) -> Option<&str> {
    let mut rest = line.trim_start();
    for keyword in ["pub ", "pub(crate) ", "pub(super) ", "const ", "static "] {
        rest = rest.strip_prefix(keyword).unwrap_or(rest);
    }
    let (name, after) = rest.split_at(rest.find(|letter| !is_in_word(letter))?);
    let after = after.trim_start();
    (!name.is_empty() && (after.starts_with(':') || after.starts_with("= "))).then_some(name)
}

/// A number of a line as it may be written elsewhere: with its unit, or with the name of its field, such as
/// `workers: 4`.
fn pattern(line: &str, at: usize) -> Option<String> {
    let words = words(line);
    let before = at.checked_sub(1).map(|before| words[before]);
    let beside = [before, words.get(at + 1).copied()];
    let digits = words[at].replace('_', "");
    let spelled = match digits.parse().ok() {
        Some(30) => Some("thirty"),
        Some(60) => Some("sixty"),
        number => number.and_then(|number| NUMBERS.split(' ').nth(number)),
    };
    // 16384 may be written as 16_384.
    let groups: Vec<_> = digits.as_bytes().rchunks(3).rev().map(String::from_utf8_lossy).collect();
    let digits = groups.join("_?");
    if let Some((call, units)) = UNITS.iter().find(|(call, _)| beside.contains(&Some(call))) {
        // Ten may be 10s, but not tens.
        let spelled = spelled.map(|word| format!("|{word}[ -]+")).unwrap_or_default();
        return Some(format!("({digits}[ *-]*{spelled})({units})|{call}[ *(]*{digits}"));
    }
    let spelled = spelled.map(|word| format!("|{word}")).unwrap_or_default();
    let number = format!("({digits}{spelled})");
    if let Some(field) = before.filter(|field| line.contains(&format!("{field}: {}", words[at]))) {
        let field = format!("{}s?", field.strip_suffix('s').unwrap_or(field));
        return Some(format!("{number}[ -]+{field}|{field}[ :=]+{number}"));
    }
    (groups.len() > 1).then_some(number)
}

impl Value {
    /// Whether the line has all words of the name: `drain-timeout` has `drain`, the word of `DRAIN`.
    pub(super) fn is_named_in(&self, line: &str) -> bool {
        let line = line.to_lowercase();
        let parts: BTreeSet<&str> = line.split(|letter: char| !letter.is_alphanumeric()).collect();
        self.name.to_lowercase().split('_').all(|part| parts.contains(part))
    }

    /// Whether a page would name it: it is a constant.
    pub(super) fn is_constant(&self) -> bool {
        self.name.len() > 2
            && self.name.chars().all(|letter| letter.is_uppercase() || letter == '_')
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::git::Git;
    use crate::workspace::tests::folder_with;

    fn value(old: &str, new: &str) -> Value {
        values(old, new).pop().unwrap_or_else(|| panic!("no value in {old}"))
    }

    fn drain() -> Value {
        let line = "/// It waits.\nconst DRAIN: Duration = Duration::from_secs(10);\n";
        value(line, &line.replace("10", "15"))
    }

    #[test]
    fn a_changed_number_is_a_value_with_a_name() {
        for (old, new, name, number) in [
            (
                "const MAX_SIZE: usize = 16_384;",
                "const MAX_SIZE: usize = 8_192;",
                "MAX_SIZE",
                "16_384",
            ),
            ("    write: from_secs(10),", "    write: from_secs(15),", "write", "10"),
            ("    workers: 4,", "    workers: 8,", "workers", "4"),
            ("pub const A: u8 = 1;", "pub const A: u8 = 2;", "A", "1"),
            ("timeout = 5", "timeout = 6", "timeout", "5"),
        ] {
            let value = value(old, new);
            assert_eq!((value.name.as_str(), value.number.as_str()), (name, number), "{old}");
        }
        for (old, new) in [
            ("let a = f(10);", "let a = f(15);"),
            ("const A: u8 = 1;", "const B: u8 = 2;"),
            ("const A: u8 = 1;", "const A: u16 = 2;"),
            ("10 => a,", "15 => a,"),
            ("// ten: 10", "// ten: 15"),
        ] {
            assert_eq!(values(old, new), [], "{old}");
        }
    }

    #[test]
    fn the_value_is_found_with_its_unit_only() {
        let workers = value("    workers: 4,", "    workers: 8,");
        let most = value("const MAX_SIZE: usize = 16_384;", "const MAX_SIZE: usize = 1;");
        let kib = value("const A: usize = 64 * 1024;", "const A: usize = 32 * 1024;");
        assert_eq!(value("const FEW: usize = 16;", "const FEW: usize = 1;").pattern, None);
        let folder = folder_with(&[]);
        for (value, line, quotes) in [
            (&drain(), "gives them ten seconds.", true),
            (&drain(), "after 10 s", true),
            (&drain(), r#"setting("drain-timeout", "TIME", "10s")"#, true),
            (&drain(), "drain: Duration::from_secs(10),", true),
            (&drain(), "section 10 says", false),
            (&drain(), "RFC 9110 section 8", false),
            (&drain(), "110 s", false),
            (&drain(), "tens of clients", false),
            (&drain(), "ten requests, sixty seconds", false),
            (&workers, "Four workers wait", true),
            (&workers, "four clients", false),
            (&most, "up to 16384 clients", true),
            (&most, "up to 116384 clients", false),
            (&kib, "64 * 1024", true),
            (&kib, "64 KiB", true),
        ] {
            std::fs::write(folder.path().join("page.md"), line).unwrap();
            let pattern = value.pattern.as_deref().unwrap();
            let search = ["grep", "--no-index", "-qwiE", pattern];
            let found = Git::at(folder.path()).output(&search).unwrap();
            assert_eq!(found.status.code(), Some(i32::from(!quotes)), "{pattern}: {line}");
        }
    }

    #[test]
    fn a_setting_has_the_words_of_the_constant_s_name() {
        let drain = drain();
        assert!(drain.is_named_in("as long as `--drain-timeout`"));
        assert!(!drain.is_named_in("const DRAINED: usize"));
        assert!(drain.is_constant());
        assert!(!value("    workers: 4,", "    workers: 8,").is_constant());
    }
}
