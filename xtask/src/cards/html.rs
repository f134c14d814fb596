//! Converts an answer from Markdown to HTML, with paragraphs, lists, tables, code, bold and italics. A link
//! becomes its text.

use std::fmt::Write;

/// The HTML so far, and the open element.
#[derive(Default)]
struct Answer {
    html: String,
    paragraph: Vec<String>,
    /// `ul`, `ol` or `table`, while one is open.
    list: Option<&'static str>,
}

/// Converts the lines of an answer to HTML.
pub(super) fn of(lines: &[&str]) -> String {
    let mut answer = Answer::default();
    let mut lines = lines.iter();
    while let Some(line) = lines.next() {
        let line = line.trim_end();
        if let Some(info) = line.trim_start().strip_prefix("```") {
            let code = lines.by_ref().take_while(|line| line.trim() != "```");
            let code: Vec<String> = code.map(|line| escape(line)).collect();
            answer.end();
            // The source of a drawing is useless without the drawing.
            if !info.starts_with("svgbob") {
                let _ = write!(answer.html, "<pre>{}</pre>", code.join("\n"));
            }
        } else {
            answer.line(line);
        }
    }
    answer.end();
    answer.html
}

impl Answer {
    fn line(&mut self, line: &str) {
        let text = line.trim_start();
        let number = text.trim_start_matches(|it: char| it.is_ascii_digit());
        if text.is_empty() {
            self.end();
        } else if let Some(item) = text.strip_prefix("- ").or_else(|| text.strip_prefix("* ")) {
            self.item("ul", "li", item);
        } else if let (true, Some(item)) = (number != text, number.strip_prefix(". ")) {
            self.item("ol", "li", item);
        } else if text.starts_with('|') {
            self.row(text);
        } else {
            self.paragraph.push(text.to_string());
        }
    }

    fn item(&mut self, list: &'static str, tag: &str, text: &str) {
        self.open(list);
        let _ = write!(self.html, "<{tag}>");
        self.paragraph.push(text.to_string());
    }

    fn row(&mut self, text: &str) {
        // The line below a table's header row.
        if text.chars().all(|it| matches!(it, '|' | '-' | ':' | ' ')) {
            return;
        }
        self.open("table");
        let cells = text.trim_matches('|').split('|').map(|cell| inline(cell.trim()));
        let cells: Vec<String> = cells.map(|cell| format!("<td>{cell}</td>")).collect();
        let _ = write!(self.html, "<tr>{}</tr>", cells.concat());
    }

    /// Begins a list, or continues it.
    fn open(&mut self, list: &'static str) {
        if self.list == Some(list) {
            self.text();
        } else {
            self.end();
            let _ = write!(self.html, "<{list}>");
            self.list = Some(list);
        }
    }

    /// Writes the lines of a paragraph, or of an item.
    fn text(&mut self) {
        if self.paragraph.is_empty() {
            return;
        }
        let text = inline(&self.paragraph.join(" "));
        self.paragraph.clear();
        match self.list {
            Some("ul" | "ol") => _ = write!(self.html, "{text}</li>"),
            _ => _ = write!(self.html, "<p>{text}</p>"),
        }
    }

    /// Ends the open paragraph and the open list.
    fn end(&mut self) {
        if self.list == Some("table") {
            self.html.push_str("</table>");
            self.list = None;
        }
        self.text();
        if let Some(list) = self.list.take() {
            let _ = write!(self.html, "</{list}>");
        }
    }
}

/// A line of Markdown: the text of links, code between backticks, and the rest.
fn inline(text: &str) -> String {
    let mut html = String::new();
    let text = linked(text);
    let mut rest = text.as_str();
    while let Some(at) = rest.find('`') {
        let ticks = rest[at..].bytes().take_while(|byte| *byte == b'`').count();
        let after = &rest[at + ticks..];
        let Some(end) = after.find(&rest[at..at + ticks]) else { break };
        html.push_str(&styled(&rest[..at]));
        let _ = write!(html, "<code>{}</code>", escape(after[..end].trim()));
        rest = &after[end + ticks..];
    }
    html + &styled(rest)
}

/// Text without code, with letters in bold or italics.
fn styled(text: &str) -> String {
    let text = escape(text);
    let text = paired(&text, "**", "b");
    paired(&text, "*", "i")
}

/// The text in the place of each `[text](target)`.
fn linked(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(middle) = rest.find("](") {
        let (Some(start), Some(end)) = (rest[..middle].rfind('['), rest[middle..].find(')')) else {
            break;
        };
        out.push_str(&rest[..start]);
        out.push_str(&rest[start + 1..middle]);
        rest = &rest[middle + end + 1..];
    }
    out + rest
}

/// Puts the text between two signs into a tag.
fn paired(text: &str, sign: &str, tag: &str) -> String {
    let pieces: Vec<&str> = text.split(sign).collect();
    if pieces.len().is_multiple_of(2) {
        return text.to_string();
    }
    let mut html = String::new();
    for (index, piece) in pieces.iter().enumerate() {
        if index % 2 == 0 {
            html.push_str(piece);
        } else {
            let _ = write!(html, "<{tag}>{piece}</{tag}>");
        }
    }
    html
}

/// A summary, which is HTML, with code between backticks as on a page.
pub(super) fn of_summary(summary: &str) -> String {
    let mut html = String::new();
    for (index, piece) in summary.split('`').enumerate() {
        match index % 2 {
            0 => html.push_str(&quoted(piece)),
            _ => _ = write!(html, "<code>{}</code>", escape(piece)),
        }
    }
    html
}

/// Escapes a field without quotation marks, because a quotation mark at the start would quote the field.
fn quoted(html: &str) -> String {
    html.replace('"', "&quot;")
}

fn escape(text: &str) -> String {
    quoted(&text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markdown_becomes_html() {
        for (markdown, expected) in [
            ("One\ntwo.\n\nThree.", "<p>One two.</p><p>Three.</p>"),
            ("1. one\n   two\n2. three", "<ol><li>one two</li><li>three</li></ol>"),
            ("A:\n\n- b\n- c\n\nD", "<p>A:</p><ul><li>b</li><li>c</li></ul><p>D</p>"),
            (
                "| a | `b` |\n|---|---|\n| c | d |",
                "<table><tr><td>a</td><td><code>b</code></td></tr><tr><td>c</td><td>d</td></tr></table>",
            ),
            ("```svgbob\n-->\n```\nA", "<p>A</p>"),
            ("```text\n<a>\n\nb\n```", "<pre>&lt;a&gt;\n\nb</pre>"),
        ] {
            let lines: Vec<&str> = markdown.lines().collect();
            assert_eq!(of(&lines), expected, "{markdown}");
        }
    }

    #[test]
    fn letters_links_and_code_in_a_line() {
        for (markdown, expected) in [
            ("**a** and *b* & `c * d * e`", "<b>a</b> and <i>b</i> &amp; <code>c * d * e</code>"),
            ("[a `b`](c.md#d) (e)", "a <code>b</code> (e)"),
            ("2 * 3 < 7", "2 * 3 &lt; 7"),
            ("``a ` b``", "<code>a ` b</code>"),
        ] {
            assert_eq!(inline(markdown), expected, "{markdown}");
        }
    }
}
