//! A value that a change has replaced, such as the 10 seconds of `DRAIN`, and the ways to write it.

use std::collections::BTreeSet;
use std::ops::Range;

/// The old value, and its name.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Value {
    pub name: String,
    pub number: String,
    unit: Unit,
}

#[derive(Debug, PartialEq, Eq)]
enum Unit {
    /// The call or constant beside the number, and the words that may follow the number in a text.
    Known {
        call: &'static str,
        words: &'static [&'static str],
    },
    /// The name of the field, such as `workers: 4`.
    Field(String),
    None,
}

const UNITS: [(&str, &[&str]); 6] = [
    ("from_secs", &["s", "second", "seconds"]),
    ("from_millis", &["ms", "millisecond", "milliseconds"]),
    ("from_mins", &["min", "minute", "minutes"]),
    ("1024", &["1024", "kib"]),
    ("KIB", &["kib"]),
    ("MIB", &["mib"]),
];

const NUMBERS: [(&str, &str); 16] = [
    ("1", "one"),
    ("2", "two"),
    ("3", "three"),
    ("4", "four"),
    ("5", "five"),
    ("6", "six"),
    ("7", "seven"),
    ("8", "eight"),
    ("9", "nine"),
    ("10", "ten"),
    ("12", "twelve"),
    ("15", "fifteen"),
    ("16", "sixteen"),
    ("20", "twenty"),
    ("30", "thirty"),
    ("60", "sixty"),
];

/// The numbers that the change has replaced: pairs of lines that differ in one number.
pub(super) fn values(old: &str, new: &str) -> Vec<Value> {
    let [before, after] = [old, new].map(|text| text.lines().collect::<BTreeSet<_>>());
    let mut values = Vec::new();
    for line in old.lines().filter(|line| !after.contains(line)) {
        let mut added = new.lines().filter(|line| !before.contains(line));
        if let Some(at) = added.find_map(|new| only_difference(line, new))
            && let Some(name) = name(line)
        {
            let number = line[at.clone()].to_string();
            values.push(Value { name: name.to_string(), number, unit: unit(line, &at) });
        }
    }
    values
}

/// The number in which two lines differ, when that is all.
fn only_difference(old: &str, new: &str) -> Option<Range<usize>> {
    let [before, after] = [old, new].map(words);
    if before.len() != after.len() {
        return None;
    }
    let mut differ =
        before.into_iter().zip(after).filter(|(a, b)| old[a.clone()] != new[b.clone()]);
    let (a, b) = differ.next().filter(|_| differ.next().is_none())?;
    let is_number = |word: &str| word.starts_with(|first: char| first.is_ascii_digit());
    (is_number(&old[a.clone()]) && is_number(&new[b])).then_some(a)
}

/// The name of a constant, a field or a setting.
fn name(line: &str) -> Option<&str> {
    let mut rest = line.trim_start();
    for keyword in ["pub ", "pub(crate) ", "pub(super) ", "const ", "static "] {
        rest = rest.strip_prefix(keyword).unwrap_or(rest);
    }
    let first = words(rest).into_iter().next().filter(|word| word.start == 0)?;
    let after = rest[first.end..].trim_start();
    (after.starts_with(':') || after.starts_with("= ")).then_some(&rest[first])
}

fn unit(line: &str, number: &Range<usize>) -> Unit {
    let all = words(line);
    let at = all.iter().position(|word| word == number).unwrap_or_default();
    let before = at.checked_sub(1).map(|before| all[before].clone());
    let beside = [before.clone(), all.get(at + 1).cloned()].into_iter().flatten();
    let beside: Vec<&str> = beside.map(|word| &line[word]).collect();
    if let Some((call, words)) = UNITS.iter().find(|(call, _)| beside.contains(call)) {
        return Unit::Known { call, words };
    }
    match before.filter(|word| line[word.end..number.start].trim() == ":") {
        Some(field) => Unit::Field(line[field].to_string()),
        None => Unit::None,
    }
}

/// The ranges of the words of a line: letters, digits and `_`.
fn words(line: &str) -> Vec<Range<usize>> {
    let mut words: Vec<Range<usize>> = Vec::new();
    for (at, letter) in line.char_indices() {
        if !(letter.is_alphanumeric() || letter == '_') {
            continue;
        }
        let end = at + letter.len_utf8();
        match words.last_mut().filter(|word| word.end == at) {
            Some(word) => word.end = end,
            None => words.push(at..end),
        }
    }
    words
}

impl Value {
    /// The offset at which a line quotes the value.
    pub(super) fn quoted(&self, line: &str) -> Option<usize> {
        let places = words(line);
        let lower: Vec<String> =
            places.iter().map(|word| line[word.clone()].to_lowercase()).collect();
        let digits = self.number.replace('_', "");
        let spelled = NUMBERS.iter().find(|(number, _)| *number == digits).map(|(_, word)| *word);
        let is_number = |word: &str| word.replace('_', "") == digits || Some(word) == spelled;
        let place = (0..places.len()).find(|&at| {
            let before = at.checked_sub(1).map(|before| lower[before].as_str());
            let after = lower.get(at + 1).map(String::as_str);
            match &self.unit {
                Unit::Known { call, words } => {
                    let has_unit = after.is_some_and(|after| words.contains(&after));
                    let joined = lower[at].strip_prefix(&digits);
                    (is_number(&lower[at]) && (has_unit || before == Some(call)))
                        || joined.is_some_and(|unit| words.contains(&unit))
                }
                Unit::Field(field) => {
                    let named = |word: Option<&str>| {
                        word.is_some_and(|word| {
                            word == field || Some(word) == field.strip_suffix('s')
                        })
                    };
                    is_number(&lower[at]) && (named(after) || named(before))
                }
                // A small number without a unit is found everywhere.
                Unit::None => digits.len() > 3 && is_number(&lower[at]),
            }
        });
        place.map(|at| places[at].start)
    }

    /// Whether the line has all words of the name: `drain-timeout` has `drain`, the word of `DRAIN`.
    pub(super) fn is_named_in(&self, line: &str) -> bool {
        let line = line.to_lowercase();
        let parts: BTreeSet<&str> = line.split(|letter: char| !letter.is_alphanumeric()).collect();
        self.name.to_lowercase().split('_').all(|part| parts.contains(part))
    }

    /// Whether a page names the constant itself.
    pub(super) fn is_written_out_in(&self, line: &str) -> bool {
        self.name.len() > 2
            && self.name.chars().all(|letter| letter.is_uppercase() || letter == '_')
            && !line.starts_with("{{#")
            && words(line).into_iter().any(|word| line[word] == self.name)
    }

    /// A command that finds every line with the value, whatever its name.
    pub(super) fn search(&self) -> Option<String> {
        let Unit::Known { words, .. } = &self.unit else { return None };
        let spelled = NUMBERS.iter().find(|(number, _)| *number == self.number);
        let spelled = spelled.map(|(_, word)| format!("|{word}")).unwrap_or_default();
        Some(format!("git grep -nwiE '({}{spelled})[ -]?({})'", self.number, words.join("|")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
        let drain = drain();
        for (line, quotes) in [
            ("gives them ten seconds.", true),
            ("after 10 s", true),
            (r#"setting("drain-timeout", "TIME", "10s")"#, true),
            ("drain: Duration::from_secs(10),", true),
            ("section 10 says", false),
            ("RFC 9110 section 8", false),
            ("110 s", false),
            ("ten requests, sixty seconds", false),
        ] {
            assert_eq!(drain.quoted(line).is_some(), quotes, "{line}");
        }
        let workers = value("    workers: 4,", "    workers: 8,");
        assert!(workers.quoted("Four workers wait").is_some());
        assert!(workers.quoted("four clients").is_none());
        let most = value("const MAX_SIZE: usize = 16_384;", "const MAX_SIZE: usize = 1;");
        assert!(most.quoted("up to 16384 clients").is_some());
        let few = value("const FEW: usize = 16;", "const FEW: usize = 1;");
        assert!(few.quoted("16 clients").is_none());
        let kib = value("const A: usize = 64 * 1024;", "const A: usize = 32 * 1024;");
        assert!(kib.quoted("64 * 1024").is_some() && kib.quoted("64 KiB").is_some());
    }

    #[test]
    fn a_setting_has_the_words_of_the_constant_s_name() {
        let drain = drain();
        assert!(drain.is_named_in("as long as `--drain-timeout`"));
        assert!(!drain.is_named_in("const DRAINED: usize"));
        assert!(drain.is_written_out_in("It waits for `DRAIN`."));
        assert!(!drain.is_written_out_in("{{#item 02 src/server.rs DRAIN}}"));
        assert_eq!(
            drain.search().as_deref(),
            Some("git grep -nwiE '(10|ten)[ -]?(s|second|seconds)'")
        );
    }
}
