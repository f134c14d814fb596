//! Counts the findings of each set, and compares them with the targets.

use std::fmt::Write;
use std::ptr;

use super::rules::{Hit, Kind, Pattern, Rules, Target, Text};
use crate::pattern::regex;

/// Texts that are counted together.
pub(super) struct Set<'a> {
    name: &'a str,
    kind: Kind,
    words: usize,
    sentences: usize,
    hits: Vec<&'a Hit<'a>>,
}

/// The sets of the texts, in the order of their first texts.
pub(super) fn sets<'a>(texts: &'a [Text], hits: &'a [Hit<'a>]) -> Vec<Set<'a>> {
    let mut sets: Vec<Set<'a>> = Vec::new();
    for Text { set: name, kind, lines, .. } in texts {
        if !sets.iter().any(|set| set.name == *name) {
            let hits = hits.iter().filter(|hit| hit.text.set == *name).collect();
            sets.push(Set { name, kind: *kind, words: 0, sentences: 0, hits });
        }
        for set in sets.iter_mut().filter(|set| set.name == *name) {
            set.words += lines.split_whitespace().count();
            set.sentences += regex!(r"[.!?](\s|$)").find_iter(lines).count();
        }
    }
    sets
}

/// A row for each set: its words, and the matches of each pattern per 1,000 words. A `*` marks a missed target.
pub(super) fn table(rules: &Rules, sets: &[Set<'_>]) -> String {
    let (denied, counted): (Vec<_>, Vec<_>) = rules.patterns.iter().partition(|it| it.is_denied());
    let mut text = format!("{:<18}{:>8}", "for 1,000 words", "words");
    for pattern in &counted {
        let name: String = pattern.name.chars().take(9).collect();
        let _ = write!(text, "{name:>10} ");
    }
    text.push_str("  denied\n");
    for set in sets {
        let _ = write!(text, "{:<18}{:>8}", set.name, set.words);
        for pattern in &counted {
            let missed = if set.missed(pattern).is_some() { '*' } else { ' ' };
            let _ = write!(text, "{:>10.2}{missed}", set.count(pattern) / set.size(pattern));
        }
        let denied: f64 = denied.iter().map(|pattern| set.count(pattern)).sum();
        let _ = writeln!(text, "{denied:>8}");
    }
    text
}

#[expect(clippy::cast_precision_loss, reason = "a book has fewer words than an f64 has integers")]
impl Set<'_> {
    fn count(&self, pattern: &Pattern) -> f64 {
        self.hits.iter().filter(|hit| ptr::eq(hit.pattern, pattern)).count() as f64
    }

    /// The size for which the pattern has its target, in sentences or in thousands of words.
    fn size(&self, pattern: &Pattern) -> f64 {
        match pattern.target {
            Target::MostASentence(_) => self.sentences as f64,
            _ => self.words as f64 / 1000.0,
        }
    }

    /// The target, if the count misses it by at least one. A short text may match a pattern once.
    pub(super) fn missed(&self, pattern: &Pattern) -> Option<String> {
        let (count, size) = (self.count(pattern), self.size(pattern));
        let bound = match pattern.target {
            _ if self.kind < pattern.only => return None,
            Target::Most(most) if count > (most * size).ceil() => {
                format!("more than {most} for 1,000 words")
            }
            Target::Least(least) if count < (least * size).floor() => {
                format!("less than {least} for 1,000 words")
            }
            Target::MostASentence(most) if count > (most * size).ceil() => {
                format!("more than {most} for a sentence")
            }
            _ => return None,
        };
        Some(format!("{}: {}: {count}, {bound}", self.name, pattern.name))
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
        let sets = sets(texts, &hits);
        let missed = |set: &Set| rules.patterns.iter().filter_map(|it| set.missed(it)).collect();
        sets.iter().flat_map(|set| -> Vec<String> { missed(set) }).collect()
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
