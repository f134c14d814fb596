//! Counts the findings of each set, and compares them with the targets.

use std::collections::BTreeMap;
use std::ptr;

use super::rules::{Hit, Kind, Rules, Target, Text};
use crate::pattern::regex;

/// The counts that miss a target, for each set.
pub(super) fn missed(rules: &Rules, texts: &[Text], hits: &[Hit<'_>]) -> Vec<String> {
    let mut problems = Vec::new();
    let sets: BTreeMap<&str, Kind> = texts.iter().map(|text| (text.set, text.kind)).collect();
    for (set, kind) in sets {
        let texts = || texts.iter().filter(|text| text.set == set).map(|text| &text.lines);
        let words = texts().map(|lines| lines.split_whitespace().count()).sum();
        let sentences = texts().map(|lines| regex!(r"[.!?](\s|$)").find_iter(lines).count()).sum();
        for pattern in rules.patterns.iter().filter(|pattern| kind >= pattern.only) {
            let is_its = |hit: &&Hit| hit.text.set == set && ptr::eq(hit.pattern, pattern);
            let count = hits.iter().filter(is_its).count();
            if let Some(bound) = bound(&pattern.target, count, words, sentences) {
                problems.push(format!("{set}: {}: {count}, {bound}", pattern.name));
            }
        }
    }
    problems
}

/// The target, if the count misses it by at least one. A short text may match a pattern once.
#[expect(clippy::cast_precision_loss, reason = "a book has fewer words than an f64 has integers")]
fn bound(target: &Target, count: usize, words: usize, sentences: usize) -> Option<String> {
    let (count, thousands, sentences) = (count as f64, words as f64 / 1000.0, sentences as f64);
    match target {
        Target::Most(most) if count > (most * thousands).ceil() => {
            Some(format!("more than {most} for 1,000 words"))
        }
        Target::Least(least) if count < (least * thousands).floor() => {
            Some(format!("less than {least} for 1,000 words"))
        }
        Target::MostASentence(most) if count > (most * sentences).ceil() => {
            Some(format!("more than {most} for a sentence"))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(set: &'static str, kind: Kind, text: &str) -> Text {
        Text { file: format!("{set}.md"), set, kind, lines: text.to_string() }
    }

    fn problems(texts: &[Text]) -> Vec<String> {
        let rules = Rules::read().unwrap();
        let hits: Vec<_> = texts.iter().flat_map(|text| rules.hits(text)).collect();
        missed(&rules, texts, &hits)
    }

    #[test]
    fn a_pattern_may_be_there_as_often_as_its_target_says() {
        let words = "word ".repeat(100);
        let one = format!("Whoever comes.\n{words}");
        assert_eq!(problems(&[text("a", Kind::Any, &one)]), [""; 0]);
        let two = format!("Whoever comes.\nSomebody.\n{words}");
        assert_eq!(
            problems(&[text("a", Kind::Any, &two)]),
            ["a: persons: 2, more than 0.5 for 1,000 words"]
        );
        let far = [text("a", Kind::Any, &two), text("a", Kind::Any, &"word ".repeat(4000))];
        assert_eq!(problems(&far), [""; 0]);
    }

    #[test]
    fn a_core_page_speaks_to_its_reader_and_no_page_is_full_of_colons() {
        let words = "Word. ".repeat(1000);
        assert_eq!(
            problems(&[text("a", Kind::Core, &words), text("b", Kind::Prose, &words)]),
            ["a: we, let's: 0, less than 5 for 1,000 words"]
        );
        let colons = "A: b. ".repeat(10);
        assert_eq!(
            problems(&[text("a", Kind::Prose, &colons), text("b", Kind::Any, &colons)]),
            ["a: colons: 10, more than 0.15 for a sentence"]
        );
    }
}
