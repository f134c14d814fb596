//! Values that a change has replaced, such as the 10 seconds of `DRAIN`, and how to find the lines that quote them.

use std::collections::BTreeSet;

use super::change::Change;
use crate::merge::Content;

/// Names each replaced value, with a command that lists the lines that may quote it.
pub(super) fn report(changes: &[Change]) -> String {
    let text = |content: &Content| {
        String::from_utf8_lossy(content.as_deref().unwrap_or_default()).into_owned()
    };
    let mut lines = BTreeSet::new();
    for change in changes {
        let [old, new] = [text(&change.old), text(&change.new)];
        lines.extend(replaced(&old, &new).into_iter().map(|(name, number)| {
            format!("{name} was {number}; `git grep -nwi {name}` lists what may quote it.\n")
        }));
    }
    lines.into_iter().collect()
}

/// The old numbers, each after its name, that the name no longer has.
fn replaced<'a>(old: &'a str, new: &str) -> Vec<(&'a str, &'a str)> {
    let new = values(new);
    let is_there = |name: &str| new.iter().any(|(other, _)| *other == name);
    let gone = values(old).into_iter().filter(|value| !new.contains(value));
    gone.filter(|(name, _)| is_there(name)).collect()
}

/// The numbers of a text that are in a line with a name.
fn values(text: &str) -> BTreeSet<(&str, &str)> {
    let is_number = |word: &&str| word.starts_with(|first: char| first.is_ascii_digit());
    let mut values = BTreeSet::new();
    for line in text.lines() {
        if let Some(name) = name(line) {
            let numbers = line.split(|letter| !is_in_word(letter)).filter(is_number);
            values.extend(numbers.map(|number| (name, number)));
        }
    }
    values
}

fn is_in_word(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_'
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
            (["pub const A: u8 = 1;", "pub const A: u8 = 2;"], Some(("A", "1"))),
            (["timeout = 5", "timeout = 6"], Some(("timeout", "5"))),
            (["let a = f(10);", "let a = f(15);"], None),
            (["const A: u8 = 1;", "const B: u8 = 2;"], None),
            (["10 => a,", "15 => a,"], None),
            (["// ten: 10", "// ten: 15"], None),
        ] {
            assert_eq!(replaced(old, new).pop(), expected, "{old}");
        }
    }
}
