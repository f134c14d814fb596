//! Values that a change has replaced, such as the 10 seconds of `DRAIN`, and how to find the lines that quote them.

use std::collections::BTreeSet;

use super::change::Change;
use crate::merge::Content;

/// The old value: its name, its number, and the line of code.
type Value<'a> = (&'a str, &'a str, &'a str);

/// How numbers are spelled, from zero on.
const NUMBERS: &str = "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen \
                       sixteen seventeen eighteen nineteen twenty";

/// The call or constant beside a number, and the units that may follow the number in a text.
const UNITS: [(&str, &str); 5] = [
    ("from_secs", "[ -]?(s|seconds?)"),
    ("from_millis", "[ -]?(ms|milliseconds?)"),
    ("from_mins", "[ -]?(min|minutes?)"),
    ("KIB", " KiB"),
    ("MIB", " MiB"),
];

/// Names each replaced value, with a command that lists the lines that may quote it.
pub(super) fn report(changes: &[Change]) -> String {
    let text = |content: &Content| {
        String::from_utf8_lossy(content.as_deref().unwrap_or_default()).into_owned()
    };
    let mut lines = BTreeSet::new();
    for change in changes {
        let [old, new] = [text(&change.old), text(&change.new)];
        lines.extend(values(&old, &new).into_iter().map(|value| {
            let (name, number, _) = value;
            let pattern = pattern(value);
            format!("{name} was {number}; `git grep -nwiE '{pattern}'` lists what may quote it.\n")
        }));
    }
    lines.into_iter().collect()
}

/// The name, and the number as it may be written in a text: 16384 as `16_384`, and 10 seconds as `ten seconds`. A small
/// number without a unit is left out, because thousands of lines contain it.
fn pattern((name, number, line): Value<'_>) -> String {
    let digits = number.replace('_', "");
    let spelled = digits.parse().ok().and_then(|number| NUMBERS.split(' ').nth(number));
    let spelled = spelled.map(|word| format!("|{word}")).unwrap_or_default();
    let groups = digits.as_bytes().rchunks(3).rev().map(String::from_utf8_lossy);
    let groups: Vec<_> = groups.collect();
    let unit = UNITS.iter().find(|(call, _)| line.contains(call)).map_or("", |(_, unit)| unit);
    if unit.is_empty() && digits.len() < 3 {
        return name.to_string();
    }
    format!("({}{spelled}){unit}|{name}", groups.join("_?"))
}

/// The numbers that the change has replaced: pairs of lines that differ in one number.
fn values<'a>(old: &'a str, new: &str) -> Vec<Value<'a>> {
    let [before, after] = [old, new].map(|text| text.lines().collect::<BTreeSet<_>>());
    let removed = old.lines().filter(|line| !after.contains(line));
    let value = |line| {
        let mut added = new.lines().filter(|line| !before.contains(line));
        let number = added.find_map(|new| only_difference(line, new))?;
        Some((name(line)?, number, line))
    };
    removed.filter_map(value).collect()
}

/// The number of the old line in which two lines differ, when that is all.
fn only_difference<'a>(old: &'a str, new: &str) -> Option<&'a str> {
    let (old, new) = (words(old), words(new));
    let mut differ = (0..old.len()).filter(|&at| old.get(at) != new.get(at));
    let at = differ.next().filter(|_| differ.next().is_none() && old.len() == new.len())?;
    let is_number = |word: &str| word.starts_with(|first: char| first.is_ascii_digit());
    (is_number(old[at]) && is_number(new[at])).then_some(old[at])
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_number_is_a_value_with_a_name() {
        for ([old, new], expected) in [
            (["const SIZE: usize = 16_384;", "const SIZE: usize = 8;"], Some(("SIZE", "16_384"))),
            (["    write: from_secs(10),", "    write: from_secs(15),"], Some(("write", "10"))),
            (["    workers: 4,", "    workers: 8,"], Some(("workers", "4"))),
            (["pub const A: u8 = 1;", "pub const A: u8 = 2;"], Some(("A", "1"))),
            (["timeout = 5", "timeout = 6"], Some(("timeout", "5"))),
            (["let a = f(10);", "let a = f(15);"], None),
            (["const A: u8 = 1;", "const B: u8 = 2;"], None),
            (["const A: u8 = 1;", "const A: u16 = 2;"], None),
            (["10 => a,", "15 => a,"], None),
            (["// ten: 10", "// ten: 15"], None),
        ] {
            let found = values(old, new).pop().map(|(name, number, _)| (name, number));
            assert_eq!(found, expected, "{old}");
        }
    }

    #[test]
    fn a_value_is_searched_for_as_a_text_has_it() {
        for (line, expected) in [
            ("const MAX_SIZE: usize = 16_384;", "(16_?384)|MAX_SIZE"),
            ("const DRAIN: Duration = Duration::from_secs(10);", "(10|ten)[ -]?(s|seconds?)|DRAIN"),
            ("    workers: 4,", "workers"),
        ] {
            let new = line.replace(['4', '0'], "7");
            assert_eq!(pattern(values(line, &new).pop().unwrap()), expected);
        }
    }
}
