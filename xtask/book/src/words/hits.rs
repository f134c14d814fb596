//! Finds the patterns and the denied words in a text.

use super::rules::Rules;
use super::sets::Text;

/// A match of a pattern with an upper limit, or of a denied word.
pub(super) struct Hit<'a> {
    pub(super) text: &'a Text,
    pub(super) line: usize,
    /// The pattern, or the words to write instead.
    pub(super) name: &'a str,
    pub(super) found: &'a str,
    pub(super) is_denied: bool,
}

/// The findings in a text, by line.
pub(super) fn all<'a>(rules: &'a Rules, text: &'a Text) -> Vec<Hit<'a>> {
    let mut hits = Vec::new();
    let line = |at: usize| text.lines[..at].matches('\n').count() + 1;
    for pattern in rules.patterns.iter().filter(|it| it.most.is_some()) {
        for found in pattern.regex.find_iter(&text.lines) {
            if pattern.questions && is_question(&text.lines[found.end()..]) {
                continue;
            }
            let at = found.end() - found.as_str().trim_start().len();
            let (line, found) = (line(at), found.as_str());
            hits.push(Hit { text, line, name: &pattern.name, found, is_denied: false });
        }
    }
    for denied in rules.denied.iter().filter(|it| it.only.is_none() || text.kind.is_some()) {
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
