//! Reads the lines of a transcript, and renders them for a page.

use std::fmt;

use crate::html::escaped;

/// A line of a transcript. A command may take several lines of text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Line {
    /// The number of the terminal. In a transcript with a single terminal it is 0.
    pub(crate) terminal: usize,
    pub(crate) entry: Entry,
}

/// What appears in the terminal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Entry {
    /// The reader types a command at the prompt.
    Command(String),
    /// The reader types a line into the running program.
    Input(String),
    /// The reader presses Ctrl and this letter.
    Ctrl(char),
    /// A program prints a line.
    Output(String),
}

/// In the syntax of a transcript.
impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let terminal = if self.terminal == 0 { String::new() } else { self.terminal.to_string() };
        match &self.entry {
            Entry::Command(command) => write!(f, "{terminal}$ {command}"),
            Entry::Input(text) => write!(f, "{terminal}> {text}"),
            Entry::Ctrl(letter) => write!(f, "{terminal}^{letter}"),
            Entry::Output(text) if self.terminal == 0 => write!(f, "{text}"),
            Entry::Output(text) if text.is_empty() => write!(f, "{terminal}|"),
            Entry::Output(text) => write!(f, "{terminal}| {text}"),
        }
    }
}

/// Reads a transcript.
pub(crate) fn lines(text: &[String]) -> Vec<Line> {
    let mut lines: Vec<Line> = Vec::new();
    for text in text {
        match lines.last_mut() {
            // A backslash at the end of a command continues it.
            Some(Line { entry: Entry::Command(command), .. }) if command.ends_with('\\') => {
                command.extend(["\n", text]);
            }
            _ => lines.push(line(text)),
        }
    }
    lines
}

fn line(text: &str) -> Line {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, rest) = text.split_at(digits);
    let terminal = number.parse().unwrap_or(0);
    let (mark, after) = rest.split_once(' ').unwrap_or((rest, ""));
    let entry = match (mark, after) {
        ("$", command) if !command.is_empty() => Entry::Command(command.to_string()),
        (">", text) if terminal > 0 => Entry::Input(text.to_string()),
        ("|", text) if terminal > 0 => Entry::Output(text.to_string()),
        ("^C", "") if terminal > 0 => Entry::Ctrl('C'),
        ("^D", "") if terminal > 0 => Entry::Ctrl('D'),
        _ => return Line { terminal: 0, entry: Entry::Output(text.to_string()) },
    };
    Line { terminal, entry }
}

/// Renders a transcript for a page, with prompts, keys and terminals marked.
pub(crate) fn render(text: &[String]) -> String {
    let lines = lines(text).into_iter().map(|Line { terminal, entry }| {
        let html = match entry {
            Entry::Command(text) => format!("<span class=\"prompt\">$</span> {}", typed(&text)),
            Entry::Input(text) => typed(&text),
            Entry::Ctrl(letter) => format!("<kbd>Ctrl-{letter}</kbd>"),
            Entry::Output(text) => escaped(&text).replace("[..]", "…"),
        };
        match terminal {
            0 => html,
            _ => format!("<span class=\"terminal\">terminal {terminal}</span> {html}"),
        }
    });
    let lines = lines.collect::<Vec<_>>().join("\n");
    format!("<pre class=\"transcript\"><code class=\"nohighlight\">{lines}</code></pre>\n")
}

fn typed(text: &str) -> String {
    let line = |line| format!("<span class=\"typed\">{}</span>", escaped(line));
    text.split('\n').map(line).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_marks_what_is_typed_and_where() {
        let mark = |class: &str, text: &str| format!("<span class=\"{class}\">{text}</span>");
        let terminal = |number| mark("terminal", &format!("terminal {number}"));
        let (prompt, typed) = (mark("prompt", "$"), |text| mark("typed", text));
        for (lines, expected) in [
            ("$ a <b>", format!("{prompt} {}", typed("a &lt;b&gt;"))),
            ("$ a \\\n  b\nc", format!("{prompt} {}\n{}\nc", typed("a \\"), typed("  b"))),
            ("12$ a", format!("{} {prompt} {}", terminal(12), typed("a"))),
            ("1> a", format!("{} {}", terminal(1), typed("a"))),
            ("1| a[..]\n1|", format!("{0} a…\n{0} ", terminal(1))),
            (
                "1^C\n2^D",
                format!("{} <kbd>Ctrl-C</kbd>\n{} <kbd>Ctrl-D</kbd>", terminal(1), terminal(2)),
            ),
            ("a\n$\n> b\n^C\n1^C d\n200 OK", "a\n$\n&gt; b\n^C\n1^C d\n200 OK".to_string()),
        ] {
            let html = render(&lines.lines().map(str::to_string).collect::<Vec<_>>());
            assert!(
                html.contains(&format!("<code class=\"nohighlight\">{expected}</code>")),
                "{html}"
            );
        }
    }
}
