//! Counts the findings of each set, and compares them with the targets.

use std::fmt::Write;
use std::ptr;

use super::hits::{Hit, Rule};
use super::rules::{Only, Pattern, Rules, Target};
use super::sets::Text;
use crate::pattern::regex;

/// Texts that are counted together.
pub(super) struct Set<'a> {
    name: &'a str,
    kind: Option<Only>,
    words: usize,
    sentences: usize,
    /// Each pattern with the number of its matches.
    counts: Vec<(&'a Pattern, usize)>,
    denied: usize,
}

/// The sets of the texts, in the order of their first texts.
pub(super) fn sets<'a>(rules: &'a Rules, texts: &'a [Text], hits: &[Hit<'_>]) -> Vec<Set<'a>> {
    let mut sets: Vec<Set<'a>> = Vec::new();
    for text in texts {
        let at = sets.iter().position(|set| set.name == text.set).unwrap_or_else(|| {
            let counts = rules.patterns.iter().map(|pattern| (pattern, 0)).collect();
            let (name, kind) = (text.set.as_str(), text.kind);
            sets.push(Set { name, kind, words: 0, sentences: 0, counts, denied: 0 });
            sets.len() - 1
        });
        let set = &mut sets[at];
        set.words += text.words();
        set.sentences += regex!(r"[.!?](\s|$)").find_iter(&text.lines).count();
        for hit in hits.iter().filter(|hit| ptr::eq(hit.text, text)) {
            set.denied += usize::from(matches!(hit.rule, Rule::Denied(_)));
            for (pattern, count) in &mut set.counts {
                *count +=
                    usize::from(matches!(hit.rule, Rule::Pattern(it) if ptr::eq(it, *pattern)));
            }
        }
    }
    sets
}

/// What misses a target, for each set.
pub(super) fn problems(sets: &[Set<'_>]) -> Vec<String> {
    let mut problems = Vec::new();
    for set in sets {
        for (pattern, count) in &set.counts {
            if let Some(bound) = set.missed(pattern, *count) {
                problems.push(format!("{}: {}: {count}, {bound}", set.name, pattern.name));
            }
        }
    }
    problems
}

/// A row for each set: its words, and the matches of each pattern per 1,000 words. A `*` marks a missed target.
pub(super) fn table(rules: &Rules, sets: &[Set<'_>]) -> String {
    let mut text = format!("{:<18}{:>8}", "for 1,000 words", "words");
    for pattern in &rules.patterns {
        let name: String = pattern.name.chars().take(9).collect();
        let _ = write!(text, "{name:>10} ");
    }
    text.push_str("  denied\n");
    for set in sets {
        let _ = write!(text, "{:<18}{:>8}", set.name, set.words);
        for (pattern, count) in &set.counts {
            let missed = if set.missed(pattern, *count).is_some() { '*' } else { ' ' };
            let _ = write!(text, "{:>10.2}{missed}", set.rate(pattern, *count));
        }
        let _ = writeln!(text, "{:>8}", set.denied);
    }
    text
}

#[expect(clippy::cast_precision_loss, reason = "a book has fewer words than an f64 has integers")]
impl Set<'_> {
    fn rate(&self, pattern: &Pattern, count: usize) -> f64 {
        let (all, of) = match pattern.target {
            Target::MostASentence(_) => (self.sentences, 1.0),
            Target::Most(_) | Target::Least(_) => (self.words, 1000.0),
        };
        of * count as f64 / all.max(1) as f64
    }

    /// The target, if this count misses it by at least one. A short text may match a pattern once.
    fn missed(&self, pattern: &Pattern, count: usize) -> Option<String> {
        let is_for = match pattern.only {
            None => true,
            Some(Only::Core) => self.kind == Some(Only::Core),
            Some(Only::Prose) => self.kind.is_some(),
        };
        let (count, words) = (count as f64, self.words as f64 / 1000.0);
        match pattern.target {
            Target::Most(most) if is_for && count > (most * words).ceil() => {
                Some(format!("more than {most} for 1,000 words"))
            }
            Target::Least(least) if is_for && count < (least * words).floor() => {
                Some(format!("less than {least} for 1,000 words"))
            }
            Target::MostASentence(most)
                if is_for && count > (most * self.sentences as f64).ceil() =>
            {
                Some(format!("more than {most} for a sentence"))
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::hits;
    use super::*;

    fn text(set: &str, kind: Option<Only>, text: &str) -> Text {
        let (file, set) = (format!("{set}.md"), set.to_string());
        Text { file, set, kind, lines: text.to_string() }
    }

    fn problems(texts: &[Text]) -> Vec<String> {
        let rules = Rules::read().unwrap();
        let hits: Vec<_> = texts.iter().flat_map(|text| hits::all(&rules, text)).collect();
        super::problems(&sets(&rules, texts, &hits))
    }

    #[test]
    fn a_pattern_may_be_there_as_often_as_its_target_says() {
        let words = "word ".repeat(100);
        let one = format!("Whoever comes.\n{words}");
        assert_eq!(problems(&[text("a", None, &one)]), [""; 0]);
        let two = format!("Whoever comes.\nSomebody.\n{words}");
        assert_eq!(
            problems(&[text("a", None, &two)]),
            ["a: persons: 2, more than 0.5 for 1,000 words"]
        );
        let far = [text("a", None, &two), text("a", None, &"word ".repeat(4000))];
        assert_eq!(problems(&far), [""; 0]);
    }

    #[test]
    fn a_core_page_speaks_to_its_reader_and_no_page_is_full_of_colons() {
        let words = "Word. ".repeat(1000);
        assert_eq!(
            problems(&[text("a", Some(Only::Core), &words), text("b", Some(Only::Prose), &words)]),
            ["a: we, let's: 0, less than 5 for 1,000 words"]
        );
        let colons = "A: b. ".repeat(10);
        assert_eq!(
            problems(&[text("a", Some(Only::Prose), &colons), text("b", None, &colons)]),
            ["a: colons: 10, more than 0.15 for a sentence"]
        );
    }
}
