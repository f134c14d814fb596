//! `cargo xtask cards`: the questions of the book as flashcards, in a text file that Anki imports.
//!
//! Each `<details class="question">` of a core or interview page is a card. Its front is the summary, and its back is
//! the short answer, to be spoken aloud: paragraphs of text. The longer answer, in a nested fold, is left out.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;
use std::process::ExitCode;

use anyhow::{Context, ensure};

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

/// A question with its short answer, both in HTML.
#[derive(Debug, PartialEq, Eq)]
struct Card {
    front: String,
    back: String,
    tags: BTreeSet<String>,
}

pub(crate) fn run(workspace: &Workspace) -> anyhow::Result<ExitCode> {
    let cards = cards(workspace)?;
    let file = workspace.target().join("cards.tsv");
    fs::create_dir_all(workspace.target())?;
    fs::write(&file, tsv(&cards)).with_context(|| file.display().to_string())?;
    ui::print(&format!(
        "{} cards in {}. In Anki: File, Import, and choose this file.\n",
        cards.len(),
        file.display()
    ));
    Ok(ExitCode::SUCCESS)
}

/// The cards of all core and interview pages.
fn cards(workspace: &Workspace) -> anyhow::Result<Vec<Card>> {
    let mut cards = Vec::new();
    for (page, text) in workspace.pages()?.iter().filter(|(_, text)| is_on_path(text)) {
        cards.extend(cards_of(page.trim_start_matches("book/src/"), text)?);
    }
    ensure!(!cards.is_empty(), "the book has no questions on its core and interview pages");
    Ok(without_repetitions(cards))
}

/// Whether the page's front matter has `path: core` or `path: interview`.
fn is_on_path(text: &str) -> bool {
    let front = text.strip_prefix("---\n").and_then(|text| text.split("\n---\n").next());
    front.is_some_and(|front| {
        front.lines().any(|line| ["path: core", "path: interview"].contains(&line))
    })
}

/// The cards of a page.
///
/// # Errors
/// Returns an error with the line for a question that cannot be parsed.
fn cards_of(page: &str, text: &str) -> anyhow::Result<Vec<Card>> {
    let mut pieces = text.split("<details class=\"question\">");
    let mut line = 1 + pieces.next().unwrap_or_default().matches('\n').count();
    let card = |piece: &str| {
        let place = format!("book/src/{page}:{line}");
        line += piece.matches('\n').count();
        let (summary, rest) = piece
            .strip_prefix("<summary>")
            .and_then(|it| it.split_once("</summary>"))
            .with_context(|| {
                format!("{place}: `<summary>…</summary>` must be on the line of its question")
            })?;
        let answer = rest.split("<details").next().unwrap_or_default();
        let answer = answer.split("</details>").next().unwrap_or_default();
        ensure!(
            !answer.contains("](") && !answer.lines().any(is_block),
            "{place}: the short answer is text; a link, a list, a table or a block belongs in the longer answer"
        );
        let back: String = answer.split("\n\n").map(paragraph).collect();
        ensure!(!back.is_empty(), "{place}: this question has no answer");
        // A summary is HTML, with code between backticks as on a page.
        let question = words(summary.trim().trim_start_matches(STAR));
        let front = alternating(&question, "`", code, quoted);
        Ok(Card { front, back, tags: tags(page, summary) })
    };
    pieces.map(card).collect()
}

/// Whether a line of Markdown begins something else than a paragraph.
fn is_block(line: &str) -> bool {
    let text = line.trim_start();
    let number = text.trim_start_matches(|it: char| it.is_ascii_digit());
    let is_numbered = number != text && number.starts_with(". ");
    is_numbered || ["- ", "* ", "|", "```"].iter().any(|start| text.starts_with(start))
}

/// A paragraph of Markdown as HTML: code, bold and italics.
fn paragraph(text: &str) -> String {
    let italics = |text: &str| alternating(text, "*", |it| format!("<i>{it}</i>"), str::to_string);
    let styled =
        |text: &str| alternating(&escape(text), "**", |it| format!("<b>{it}</b>"), italics);
    match words(text) {
        text if text.is_empty() => text,
        text => format!("<p>{}</p>", alternating(&text, "`", code, styled)),
    }
}

/// The words of a text on one line. A tab or a line break would end a field of the file.
fn words(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Passes the text between two signs through `inside`, and the text around them through `outside`. With a sign too
/// many, the whole text is outside.
fn alternating(
    text: &str,
    sign: &str,
    inside: impl Fn(&str) -> String,
    outside: impl Fn(&str) -> String,
) -> String {
    let pieces: Vec<&str> = text.split(sign).collect();
    if pieces.len().is_multiple_of(2) {
        return outside(text);
    }
    let piece = |(index, piece): (usize, &&str)| match index % 2 {
        0 => outside(piece),
        _ => inside(piece),
    };
    pieces.iter().enumerate().map(piece).collect()
}

fn code(text: &str) -> String {
    format!("<code>{}</code>", escape(text))
}

/// Escapes a field without quotation marks, because a quotation mark at the start would quote the field.
fn quoted(html: &str) -> String {
    html.replace('"', "&quot;")
}

fn escape(text: &str) -> String {
    quoted(&text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;"))
}

/// The cards without duplicate questions. A duplicate's tags are added to the first card.
///
/// Anki recognises a note by its first field, so a second card with the same question would replace the first.
fn without_repetitions(cards: Vec<Card>) -> Vec<Card> {
    let mut kept: Vec<Card> = Vec::new();
    for card in cards {
        match kept.iter_mut().find(|first| first.front == card.front) {
            Some(first) => first.tags.extend(card.tags),
            None => kept.push(card),
        }
    }
    kept
}

/// `from-socket-to-server` and `part2`, with the parts of part 3 as `part3::messages` and `part3::routing`.
fn tags(page: &str, summary: &str) -> BTreeSet<String> {
    let part = page.rsplit_once('/').map_or("front", |(folder, _)| folder).replace('/', "::");
    let star = summary.trim_start().starts_with(STAR).then(|| "must-know".to_string());
    [TAG.to_string(), part].into_iter().chain(star).collect()
}

/// The content of the file.
fn tsv(cards: &[Card]) -> String {
    cards.iter().fold(HEAD.to_string(), |mut text, Card { front, back, tags }| {
        let tags: Vec<&str> = tags.iter().map(String::as_str).collect();
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{front}\t{back}\t{}", tags.join(" "));
        text
    })
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    const PAGE: &str = "---\npath: core\n---\n# Questions\n\n\
        <details class=\"question\"><summary>Why \"not\" <code>a&lt;b</code>?</summary>\n\nBecause\tof `<this>`.\nAnd *that*.\n\n\
        <details class=\"more\"><summary>More</summary>\n\nLonger.\n\n</details>\n\n</details>\n\n\
        <details class=\"question\"><summary>★ And `c`?</summary>\n\n**One** & \"two\".\n\nThree.\n\n</details>\n";

    #[test]
    fn a_card_has_the_question_and_its_first_answer() {
        let cards = cards_of("part3/messages/questions.md", PAGE).unwrap();
        let expected = "#separator:tab\n#html:true\n#notetype:Basic\n#deck:From Socket to Server\n\
            #columns:Front\tBack\tTags\n#tags column:3\n\
            Why &quot;not&quot; <code>a&lt;b</code>?\t<p>Because of <code>&lt;this&gt;</code>. And <i>that</i>.</p>\tfrom-socket-to-server part3::messages\n\
            And <code>c</code>?\t<p><b>One</b> &amp; &quot;two&quot;.</p><p>Three.</p>\tfrom-socket-to-server must-know part3::messages\n";
        assert_eq!(tsv(&cards), expected);
    }

    #[test]
    fn a_question_of_two_pages_is_one_card_with_the_tags_of_both() {
        let mut cards = cards_of("interview/index.md", PAGE).unwrap();
        cards.extend(cards_of("part2/questions.md", PAGE).unwrap());
        let cards = without_repetitions(cards);
        let tags: Vec<Vec<&str>> =
            cards.iter().map(|card| card.tags.iter().map(String::as_str).collect()).collect();
        assert_eq!(
            tags,
            [vec![TAG, "interview", "part2"], vec![TAG, "interview", "must-know", "part2"]]
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
        for (rest, told) in [
            ("\n<summary>A?</summary>\n", "`<summary>…</summary>` must be on the line"),
            ("<summary>A?</summary>\n\n</details>\n", "this question has no answer"),
            ("<summary>A?</summary>\n\n- b\n\n</details>\n", "the short answer is text"),
            ("<summary>A?</summary>\n\n[b](c)\n", "the short answer is text; a link"),
        ] {
            let page = format!("a\n<details class=\"question\">{rest}");
            let error = cards_of("a.md", &page).unwrap_err().to_string();
            assert!(error.starts_with(&format!("book/src/a.md:2: {told}")), "{error}");
        }
    }

    #[test]
    fn letters_and_code_in_a_line() {
        for (markdown, expected) in [
            ("**a** and *b* & `c * d * e`", "<b>a</b> and <i>b</i> &amp; <code>c * d * e</code>"),
            ("2 * 3 < 7", "2 * 3 &lt; 7"),
        ] {
            assert_eq!(paragraph(markdown), format!("<p>{expected}</p>"), "{markdown}");
        }
    }

    #[test]
    fn the_book_has_cards() {
        let text = tsv(&cards(&Workspace::find().unwrap()).unwrap());
        let cards: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
        assert!(cards.len() > 30, "{}", cards.len());
        assert!(cards.iter().all(|card| card.matches('\t').count() == 2 && !card.contains('`')));
        let questions: HashSet<_> = cards.iter().map(|card| card.split('\t').next()).collect();
        assert_eq!(questions.len(), cards.len());
    }
}
