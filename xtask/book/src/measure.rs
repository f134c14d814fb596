//! Measures how much there is to read on a page, in words, lines of code, and transcripts outside of folds.

use crate::page::{Fence, Part, parts};
use crate::pattern::regex;

/// The number of words that a reader reads in a minute.
const WORDS_A_MINUTE: usize = 200;

/// The number of lines of code that a reader reads in a minute.
const LINES_A_MINUTE: usize = 20;

/// The minutes that a reader needs to repeat a transcript.
const SECONDS_A_TRANSCRIPT: usize = 90;

/// Two listings with fewer words between them count as one.
const WORDS_BETWEEN: usize = 25;

/// The size of a page.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Measure {
    /// Words of prose outside of folds.
    pub(crate) words: usize,
    /// Lines of code outside of folds.
    pub(crate) code: usize,
    /// The largest number of new lines in one listing.
    pub(crate) longest: usize,
    /// The longest run of code lines without enough words in between.
    pub(crate) run: usize,
    /// Transcripts outside of folds, or in a fold with a prediction.
    pub(crate) transcripts: usize,
    /// All transcripts.
    pub(crate) runs: usize,
}

impl Measure {
    fn seconds(&self) -> usize {
        let words = 60 * self.words / WORDS_A_MINUTE;
        words + 60 * self.code / LINES_A_MINUTE + SECONDS_A_TRANSCRIPT * self.transcripts
    }

    /// Adds two pages that are read one after the other.
    pub(crate) fn and(self, other: Measure) -> Measure {
        Measure {
            words: self.words + other.words,
            code: self.code + other.code,
            longest: self.longest.max(other.longest),
            run: self.run.max(other.run),
            transcripts: self.transcripts + other.transcripts,
            runs: self.runs + other.runs,
        }
    }

    /// Rounded up, and at least 1.
    pub(crate) fn minutes(&self) -> usize {
        self.seconds().div_ceil(60).max(1)
    }
}

/// Measures a page part by part.
#[derive(Debug, Default)]
pub(crate) struct Meter {
    pub(crate) measure: Measure,
    /// The open folds, and whether each is a prediction.
    folds: Vec<bool>,
    /// Lines of code since the last sufficient run of words, and the words since the last of these lines.
    run: usize,
    between: usize,
}

impl Meter {
    /// Adds a part of a page. `markdown` is the expansion of a directive.
    pub(crate) fn add(&mut self, part: &Part, markdown: &str) {
        match part {
            Part::Text(_, line) => self.text(line),
            Part::Directive(_, directive) => {
                let is_prose = directive.starts_with("exercise");
                for part in parts(markdown) {
                    match part {
                        Part::Text(_, line) if is_prose => self.text(&line),
                        Part::Fence(fence) => self.code(&fence),
                        _ => {}
                    }
                }
            }
            Part::Fence(fence) => match fence.kind() {
                "svgbob" => {}
                "transcript" | "transcript-not-run" => {
                    self.measure.runs += 1;
                    self.measure.transcripts += usize::from(self.folds.iter().all(|it| *it));
                }
                _ => self.code(fence),
            },
        }
    }

    fn text(&mut self, line: &str) {
        let before = line.split("<details").next().unwrap_or_default();
        let words = if self.folds.is_empty() { words(before) } else { 0 };
        for tag in regex!(r"<details[^>]*>|</details>").find_iter(line) {
            match tag.as_str() {
                "</details>" => _ = self.folds.pop(),
                tag => self.folds.push(tag.contains("predict")),
            }
        }
        self.measure.words += words;
        self.between += words;
        if self.between >= WORDS_BETWEEN {
            self.run = 0;
        }
    }

    fn code(&mut self, Fence { info, body, .. }: &Fence) {
        if !self.folds.is_empty() {
            return;
        }
        let is_diff = info.starts_with("diff");
        let new = body.iter().filter(|line| !is_diff || line.starts_with('+')).count();
        self.between = 0;
        self.run += body.len();
        self.measure.code += body.len();
        self.measure.longest = self.measure.longest.max(new);
        self.measure.run = self.measure.run.max(self.run);
    }
}

/// The number of words in a line of prose.
fn words(line: &str) -> usize {
    prose(line).split_whitespace().filter(|word| word.contains(char::is_alphanumeric)).count()
}

/// A line of Markdown without HTML, addresses, and the targets of links with their titles. Code between backticks is one
/// word.
pub(crate) fn prose(line: &str) -> String {
    let line = regex!(r"(`+)[^`]+`+").replace_all(line, "CODE");
    let line = regex!(r#"\]\((?:[^()"]|"[^"]*"|\([^()]*\))*\)"#).replace_all(&line, "]");
    regex!(r"<!--.*?-->|</?[a-zA-Z][^>]*>|https?://\S+").replace_all(&line, " ").into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measure(page: &str) -> Measure {
        let mut meter = Meter::default();
        for part in parts(page) {
            meter.add(&part, "");
        }
        meter.measure
    }

    #[test]
    fn words_are_what_a_reader_reads() {
        for (line, expected) in [
            ("# A title", 2),
            (
                "- [ ] the [kernel](../a.md \"It (not we) does.\") calls `accept(2) twice` <!-- no -->",
                4,
            ),
            ("| `a` | b |", 2),
            ("<p class=\"a b c\">one</p> 2 < 3", 3),
            ("<https://example.org/a>", 0),
        ] {
            assert_eq!(words(line), expected, "{line}");
        }
    }

    #[test]
    fn folds_are_closed_but_the_transcript_of_a_prediction_is_repeated() {
        let page = "One.\n<details class=\"predict\"><summary>Two?</summary>\n\nThree.\n\n```transcript\n$ a\n```\n\
            <details class=\"more\">\n\n```transcript\n$ b\n```\n</details>\n</details>\n\nFour.\n\n\
            <details class=\"question\">\n\n```text\nfive\n```\n</details>\n";
        let expected = Measure { words: 2, transcripts: 1, runs: 2, ..Measure::default() };
        assert_eq!(measure(page), expected);
    }

    #[test]
    fn a_run_of_code_ends_with_enough_words() {
        let block = "```text\na\nb\n```\n";
        let words = |count: usize| "word ".repeat(count) + "\n";
        let page = [block, &words(24), block, &words(25), block].concat();
        let expected = Measure { words: 49, code: 6, longest: 2, run: 4, transcripts: 0, runs: 0 };
        assert_eq!(measure(&page), expected);
        assert_eq!(measure("```diff\n a\n+b\n-c\n```\n").longest, 1);
    }
}
