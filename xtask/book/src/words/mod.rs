//! Counts the patterns of `words.toml` in all texts for readers, per 1,000 words, and compares the counts with targets.
//!
//! 1. [`sets`]: the texts, and which are counted together.
//! 2. [`text`]: the words of a page, of comments, of messages and of `--help`.
//! 3. [`rules`]: the patterns and their targets.
//! 4. [`terms`]: the terms that the book must teach.

mod rules;
mod sets;
mod shown;
mod terms;
mod text;

use std::fmt::Write;

use anyhow::Result;

use crate::glossary::Glossary;
use crate::source::Sources;
use rules::{Only, Pattern, Rules, Target};
use sets::Text;

pub(crate) use shown::Wanted;

/// A finding: a match of a pattern or of a denied word.
struct Hit<'a> {
    text: &'a Text,
    line: usize,
    /// The pattern, or the words to write instead.
    name: &'a str,
    found: &'a str,
    is_denied: bool,
}

/// Counts, prints a table, and returns the counts that miss their target. The first line is the summary.
pub(crate) fn check(
    sources: &Sources,
    wanted: &Wanted,
    problems: &mut Vec<String>,
) -> Result<String> {
    let rules = Rules::read()?;
    let texts = sets::all(sources)?;
    let hits: Vec<Hit<'_>> = texts.iter().flat_map(|text| hits(&rules, text)).collect();
    let sets = Sets::of(&rules, &texts, &hits);
    print!("{}", sets.table());
    print!("{}", shown::findings(wanted, &texts, &hits));
    problems.extend(sets.problems());
    for hit in hits.iter().filter(|hit| hit.is_denied) {
        problems.push(format!(
            "{}:{}: `{}`: write {}",
            hit.text.file,
            hit.line,
            hit.found.trim(),
            hit.name
        ));
    }
    let glossary = Glossary::read(sources)?;
    problems.extend(terms::check(&glossary, &rules.terms, &sets::taught(sources.root())?));
    let words: usize = texts.iter().map(|text| text.lines.split_whitespace().count()).sum();
    Ok(format!("{words} words compared, {} terms", rules.terms.len()))
}

/// The findings in a text, by line.
fn hits<'a>(rules: &'a Rules, text: &'a Text) -> Vec<Hit<'a>> {
    let mut hits = Vec::new();
    let line = |at: usize| text.lines[..at].matches('\n').count() + 1;
    for pattern in rules.patterns.iter().filter(|it| matches!(it.target, Target::Most(_))) {
        for found in pattern.regex.find_iter(&text.lines) {
            if pattern.questions && is_question(&text.lines[found.end()..]) {
                continue;
            }
            let at = found.end() - found.as_str().trim_start().len();
            let (line, found) = (line(at), found.as_str());
            hits.push(Hit { text, line, name: &pattern.name, found, is_denied: false });
        }
    }
    for denied in rules.denied.iter().filter(|it| !it.only_prose || text.kind.is_some()) {
        for found in denied.regex.find_iter(&text.lines) {
            let (line, found) = (line(found.start()), found.as_str());
            hits.push(Hit { text, line, name: &denied.instead, found, is_denied: true });
        }
    }
    hits.sort_by_key(|hit| hit.line);
    hits
}

/// Whether a sentence that continues with `rest` is a question.
fn is_question(rest: &str) -> bool {
    rest.find(['.', '!', '?', ';']).is_some_and(|at| rest[at..].starts_with('?'))
}

/// Texts that are counted together.
struct Set<'a> {
    name: &'a str,
    kind: Option<Only>,
    words: usize,
    sentences: usize,
    /// The number of matches of each pattern, in the order of the rules.
    counts: Vec<usize>,
    denied: usize,
}

struct Sets<'a> {
    rules: &'a Rules,
    sets: Vec<Set<'a>>,
}

impl<'a> Sets<'a> {
    fn of(rules: &'a Rules, texts: &'a [Text], hits: &[Hit<'_>]) -> Sets<'a> {
        let mut sets: Vec<Set<'a>> = Vec::new();
        let sentence = regex::Regex::new(r"[.!?](\s|$)").expect("the pattern is valid");
        for text in texts {
            let at = sets.iter().position(|set| set.name == text.set).unwrap_or_else(|| {
                let counts = vec![0; rules.patterns.len()];
                let (name, kind) = (text.set.as_str(), text.kind);
                sets.push(Set { name, kind, words: 0, sentences: 0, counts, denied: 0 });
                sets.len() - 1
            });
            let set = &mut sets[at];
            set.words += text.lines.split_whitespace().count();
            set.sentences += sentence.find_iter(&text.lines).count();
            for (count, pattern) in set.counts.iter_mut().zip(&rules.patterns) {
                if !matches!(pattern.target, Target::Most(_)) {
                    *count += pattern.regex.find_iter(&text.lines).count();
                }
            }
        }
        for hit in hits {
            let Some(set) = sets.iter_mut().find(|set| set.name == hit.text.set) else { continue };
            if hit.is_denied {
                set.denied += 1;
            } else if let Some(at) = rules.patterns.iter().position(|it| it.name == hit.name) {
                set.counts[at] += 1;
            }
        }
        Sets { rules, sets }
    }

    /// What misses a target, for each set.
    fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        for set in &self.sets {
            for (pattern, count) in self.rules.patterns.iter().zip(&set.counts) {
                if let Some(bound) = set.missed(pattern, *count) {
                    problems.push(format!("{}: {}: {count}, {bound}", set.name, pattern.name));
                }
            }
        }
        problems
    }

    /// A row for each set: its words, and the matches of each pattern per 1,000 words. A `*` marks a missed target.
    fn table(&self) -> String {
        let mut text = format!("{:<18}{:>8}", "for 1,000 words", "words");
        for pattern in &self.rules.patterns {
            let name: String = pattern.name.chars().take(9).collect();
            let _ = write!(text, "{name:>10} ");
        }
        text.push_str("  denied\n");
        for set in &self.sets {
            let _ = write!(text, "{:<18}{:>8}", set.name, set.words);
            for (pattern, count) in self.rules.patterns.iter().zip(&set.counts) {
                let missed = if set.missed(pattern, *count).is_some() { '*' } else { ' ' };
                let _ = write!(text, "{:>10.2}{missed}", set.rate(pattern, *count));
            }
            let _ = writeln!(text, "{:>8}", set.denied);
        }
        text
    }
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
        let (count, thousands) = (count as f64, self.words as f64 / 1000.0);
        match pattern.target {
            Target::Most(most) if is_for && count > (most * thousands).ceil() => {
                Some(format!("more than {most} for 1,000 words"))
            }
            Target::Least(least) if is_for && count < (least * thousands).floor() => {
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
    use super::*;

    fn text(set: &str, kind: Option<Only>, text: &str) -> Text {
        let (file, set) = (format!("{set}.md"), set.to_string());
        Text { file, set, kind, lines: text.to_string() }
    }

    fn problems(texts: &[Text]) -> Vec<String> {
        let rules = Rules::read().unwrap();
        let hits: Vec<_> = texts.iter().flat_map(|text| hits(&rules, text)).collect();
        Sets::of(&rules, texts, &hits).problems()
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

    #[test]
    fn a_finding_has_its_line_and_a_question_is_none() {
        let rules = Rules::read().unwrap();
        let text = text("a", None, "One\n\nWhat is a head?\nWhat is left waits\nat the door.");
        let found: Vec<_> =
            hits(&rules, &text).iter().map(|hit| (hit.line, hit.found.trim())).collect();
        assert_eq!(found, [(3, "a head"), (4, "What is"), (5, "door")]);
    }

    #[test]
    fn a_word_may_be_denied_on_pages_only() {
        let rules = Rules::read().unwrap();
        let denied = |kind| hits(&rules, &text("a", kind, "A parked connection.")).len();
        assert_eq!((denied(Some(Only::Prose)), denied(None)), (1, 0));
    }
}
