//! Finds the patterns and the denied words in a text.

use super::rules::{Pattern, Rules};
use super::sets::Text;

/// A match of a pattern, or of a denied word.
pub(super) struct Hit<'a> {
    pub(super) text: &'a Text,
    pub(super) line: usize,
    pub(super) found: &'a str,
    pub(super) rule: Rule<'a>,
}

#[derive(Clone, Copy)]
pub(super) enum Rule<'a> {
    Pattern(&'a Pattern),
    /// The words to write instead.
    Denied(&'a str),
}

/// The findings in a text, by line.
pub(super) fn all<'a>(rules: &'a Rules, text: &'a Text) -> Vec<Hit<'a>> {
    let mut hits = Vec::new();
    let line = |at: usize| text.lines[..at].matches('\n').count() + 1;
    for pattern in &rules.patterns {
        for found in pattern.regex.find_iter(&text.lines) {
            if pattern.questions && is_question(&text.lines[found.end()..]) {
                continue;
            }
            let at = found.end() - found.as_str().trim_start().len();
            let rule = Rule::Pattern(pattern);
            hits.push(Hit { text, line: line(at), found: found.as_str().trim(), rule });
        }
    }
    for denied in rules.denied.iter().filter(|it| it.only.is_none() || text.kind.is_some()) {
        for found in denied.regex.find_iter(&text.lines) {
            let rule = Rule::Denied(&denied.instead);
            hits.push(Hit { text, line: line(found.start()), found: found.as_str(), rule });
        }
    }
    hits.sort_by_key(|hit| hit.line);
    hits
}

/// Whether a sentence that continues with `rest` is a question.
fn is_question(rest: &str) -> bool {
    rest.find(['.', '!', '?', ';']).is_some_and(|at| rest[at..].starts_with('?'))
}

#[cfg(test)]
mod tests {
    use super::super::rules::Only;
    use super::*;

    fn found(kind: Option<Only>, text: &str) -> Vec<(usize, String)> {
        let rules = Rules::read().unwrap();
        let text = Text { file: String::new(), set: String::new(), kind, lines: text.to_string() };
        let hits = all(&rules, &text).into_iter();
        hits.map(|hit| (hit.line, hit.found.trim().to_string())).collect()
    }

    #[test]
    fn a_finding_has_its_line_and_a_question_is_none() {
        let found = found(None, "One\n\nWhat is a head?\nWhat is left waits\nat the door.");
        let expected = [(3, "a head"), (4, "What is"), (5, "door")];
        assert_eq!(found, expected.map(|(line, text)| (line, text.to_string())));
    }

    #[test]
    fn a_word_may_be_denied_on_pages_only() {
        let denied = |kind| found(kind, "A parked connection.").len();
        assert_eq!((denied(Some(Only::Prose)), denied(None)), (1, 0));
    }
}
