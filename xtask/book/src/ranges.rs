//! Numbers as a reader writes them: `1-3, 7`.

use std::collections::BTreeSet;

/// The numbers in order, with consecutive numbers as a range.
pub(crate) fn ranges(numbers: &BTreeSet<usize>, dash: &str) -> String {
    let mut ranges: Vec<(usize, usize)> = Vec::new();
    for number in numbers {
        match ranges.last_mut() {
            Some((_, last)) if *last + 1 == *number => *last = *number,
            _ => ranges.push((*number, *number)),
        }
    }
    let text = |(first, last): &(usize, usize)| {
        if first == last { first.to_string() } else { format!("{first}{dash}{last}") }
    };
    ranges.iter().map(text).collect::<Vec<_>>().join(", ")
}
