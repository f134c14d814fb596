//! `cargo xtask cards`: the questions of the book as flashcards, in a text file that Anki imports.
//!
//! Each `<details class="question">` of a core or interview page is a card. Its front is the summary, and its back is
//! the short answer, to be spoken aloud. The longer answer, in a nested fold, is left out.

mod html;

use std::fmt::Write;
use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, bail, ensure};

use crate::ui;
use crate::workspace::Workspace;

/// The header that Anki reads first: <https://docs.ankiweb.net/importing/text-files.html>
///
/// It puts the cards into a separate deck.
const HEAD: &str = "#separator:tab\n#html:true\n#notetype:Basic\n#deck:From Socket to Server\n\
                    #columns:Front\tBack\tTags\n#tags column:3\n";

/// A tag of all cards, to find them in a collection.
const TAG: &str = "from-socket-to-server";

/// Marks the most frequent interview questions.
const STAR: char = '★';

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Where to write the cards, in place of target/cards.tsv
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// A question with its short answer, both in HTML.
#[derive(Debug, PartialEq, Eq)]
struct Card {
    front: String,
    back: String,
    tags: String,
}

pub(crate) fn run(workspace: &Workspace, args: &Args) -> anyhow::Result<ExitCode> {
    let mut cards = Vec::new();
    for (page, text) in workspace.pages()?.iter().filter(|(_, text)| is_on_path(text)) {
        cards.extend(cards_of(page.trim_start_matches("book/src/"), text)?);
    }
    let cards = without_repetitions(cards);
    ensure!(!cards.is_empty(), "the book has no questions on its core and interview pages");
    let file = args.output.clone().unwrap_or_else(|| workspace.target().join("cards.tsv"));
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    }
    fs::write(&file, tsv(&cards)).with_context(|| file.display().to_string())?;
    ui::print(&format!(
        "{} cards in {}. In Anki: File, Import, and choose this file.\n",
        cards.len(),
        file.display()
    ));
    Ok(ExitCode::SUCCESS)
}

/// Whether the page's front matter has `path: core` or `path: interview`.
fn is_on_path(text: &str) -> bool {
    let mut lines = text.lines().map(str::trim_end);
    lines.next() == Some("---")
        && lines
            .take_while(|line| *line != "---")
            .any(|line| matches!(line, "path: core" | "path: interview"))
}

/// The cards of a page.
///
/// # Errors
/// Returns an error with the line for a question that cannot be parsed.
fn cards_of(page: &str, text: &str) -> anyhow::Result<Vec<Card>> {
    let mut cards = Vec::new();
    let mut lines = text.lines().enumerate();
    while let Some((index, line)) = lines.next() {
        if !line.contains("<details class=\"question\">") {
            continue;
        }
        let place = || format!("book/src/{page}:{}", index + 1);
        let Some((summary, _)) =
            line.split_once("<summary>").and_then(|(_, rest)| rest.split_once("</summary>"))
        else {
            bail!("{}: `<summary>…</summary>` must be on the line of its question", place());
        };
        let is_answer = |line: &&str| !line.contains("<details") && !line.contains("</details>");
        let answer: Vec<&str> =
            lines.by_ref().map(|(_, line)| line).take_while(is_answer).collect();
        let back = html::of(&answer);
        ensure!(!back.is_empty(), "{}: this question has no answer", place());
        let front = html::of_summary(summary.trim().trim_start_matches(STAR).trim());
        cards.push(Card { front, back, tags: tags(page, summary) });
    }
    Ok(cards)
}

/// The cards without duplicate questions. A duplicate's tags are added to the first card.
///
/// Anki recognises a note by its first field, so a second card with the same question would replace the first.
fn without_repetitions(cards: Vec<Card>) -> Vec<Card> {
    let mut kept: Vec<Card> = Vec::new();
    for card in cards {
        let Some(first) = kept.iter_mut().find(|first| first.front == card.front) else {
            kept.push(card);
            continue;
        };
        for tag in card.tags.split(' ') {
            if !first.tags.split(' ').any(|known| known == tag) {
                first.tags = format!("{} {tag}", first.tags);
            }
        }
    }
    kept
}

/// `from-socket-to-server part2`, with the parts of part 3 as `part3::messages` and `part3::routing`.
fn tags(page: &str, summary: &str) -> String {
    let part = page.rsplit_once('/').map_or("front", |(folder, _)| folder).replace('/', "::");
    let star = if summary.trim_start().starts_with(STAR) { " must-know" } else { "" };
    format!("{TAG} {part}{star}")
}

/// The content of the file. A tab or a line break would end a field, and a quotation mark could begin one.
fn tsv(cards: &[Card]) -> String {
    let field = |text: &str| text.replace('\t', "    ").replace('\n', "<br>");
    cards.iter().fold(HEAD.to_string(), |mut text, Card { front, back, tags }| {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{}\t{}\t{tags}", field(front), field(back));
        text
    })
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    const PAGE: &str = "---\npath: core\n---\n# Questions\n\n\
        <details class=\"question\"><summary>Why \"not\" <code>a&lt;b</code>?</summary>\n\nBecause\tof `<this>`.\nAnd [that](x.md).\n\n\
        <details class=\"more\"><summary>More</summary>\n\nLonger.\n\n</details>\n\n</details>\n\n\
        <details class=\"question\"><summary>★ And `c`?</summary>\n\n- **one** & \"two\"\n- three\n\n```text\na\tb\nc\n```\n\n</details>\n";

    #[test]
    fn a_card_has_the_question_and_its_first_answer() {
        let cards = cards_of("part3/messages/questions.md", PAGE).unwrap();
        let expected = "#separator:tab\n#html:true\n#notetype:Basic\n#deck:From Socket to Server\n\
            #columns:Front\tBack\tTags\n#tags column:3\n\
            Why &quot;not&quot; <code>a&lt;b</code>?\t<p>Because    of <code>&lt;this&gt;</code>. And that.</p>\tfrom-socket-to-server part3::messages\n\
            And <code>c</code>?\t<ul><li><b>one</b> &amp; &quot;two&quot;</li><li>three</li></ul><pre>a    b<br>c</pre>\tfrom-socket-to-server part3::messages must-know\n";
        assert_eq!(tsv(&cards), expected);
    }

    #[test]
    fn a_question_of_two_pages_is_one_card_with_the_tags_of_both() {
        let mut cards = cards_of("interview/index.md", PAGE).unwrap();
        cards.extend(cards_of("part2/questions.md", PAGE).unwrap());
        let tags: Vec<String> =
            without_repetitions(cards).into_iter().map(|card| card.tags).collect();
        assert_eq!(
            tags,
            [
                "from-socket-to-server interview part2",
                "from-socket-to-server interview must-know part2"
            ]
        );
    }

    #[test]
    fn only_pages_of_the_core_and_the_interview_have_cards() {
        assert!(is_on_path(PAGE) && is_on_path("---\nstage: 1\npath: interview\n---\n"));
        assert!(
            !is_on_path("# A\npath: core\n") && !is_on_path("---\npath: deeper\n---\npath: core\n")
        );
    }

    #[test]
    fn a_question_that_cannot_be_read_is_an_error_with_its_line() {
        for (page, expected) in [
            (
                "a\n<details class=\"question\">\n<summary>A?</summary>\n",
                "book/src/a.md:2: `<summary>",
            ),
            (
                "<details class=\"question\"><summary>A?</summary>\n\n</details>\n",
                "book/src/a.md:1: this question has no answer",
            ),
        ] {
            let error = cards_of("a.md", page).unwrap_err().to_string();
            assert!(error.starts_with(expected), "{error}");
        }
    }

    #[test]
    fn the_book_has_cards() {
        let workspace = Workspace::find().unwrap();
        let file = tempfile::tempdir().unwrap().path().join("a/cards.tsv");
        run(&workspace, &Args { output: Some(file.clone()) }).unwrap();
        let text = fs::read_to_string(file).unwrap();
        let cards: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
        assert!(cards.len() > 30, "{}", cards.len());
        assert!(cards.iter().all(|card| card.matches('\t').count() == 2 && !card.contains('`')));
        let questions: HashSet<_> = cards.iter().map(|card| card.split('\t').next()).collect();
        assert_eq!(questions.len(), cards.len());
    }
}
