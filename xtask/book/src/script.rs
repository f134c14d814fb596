//! Parses a transcript's lines into steps, and renders them for a page.

use std::fmt::Write;

#[cfg(any(unix, test))]
use anyhow::{Result, bail};

use crate::html::escaped;

/// An action of the reader in a terminal, and the output that follows.
#[cfg(any(unix, test))]
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Step {
    /// The number of the terminal. In a transcript with a single terminal it is 0.
    pub(crate) terminal: usize,
    pub(crate) action: Action,
    /// The lines of output, each with its terminal.
    pub(crate) output: Vec<(usize, String)>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Action {
    /// Types a command at the prompt.
    Command(String),
    /// Types a line into the running program.
    Type(String),
    /// Ctrl-C.
    Interrupt,
    /// Ctrl-D.
    EndInput,
}

/// A line of a transcript.
enum Line<'a> {
    Do(usize, Action),
    Output(usize, &'a str),
}

fn classify(line: &str) -> Line<'_> {
    if let Some(command) = line.strip_prefix("$ ") {
        return Line::Do(0, Action::Command(command.to_string()));
    }
    let digits = line.bytes().take_while(u8::is_ascii_digit).count();
    if let Ok(terminal) = line[..digits].parse::<usize>() {
        let rest = &line[digits..];
        if let Some(command) = rest.strip_prefix("$ ") {
            return Line::Do(terminal, Action::Command(command.to_string()));
        }
        if let Some(text) = rest.strip_prefix("> ") {
            return Line::Do(terminal, Action::Type(text.to_string()));
        }
        match rest {
            "^C" => return Line::Do(terminal, Action::Interrupt),
            "^D" => return Line::Do(terminal, Action::EndInput),
            "|" => return Line::Output(terminal, ""),
            _ => {}
        }
        if let Some(text) = rest.strip_prefix("| ") {
            return Line::Output(terminal, text);
        }
    }
    Line::Output(0, line)
}

/// Reads a transcript.
#[cfg(any(unix, test))]
pub(crate) fn parse(lines: &[String]) -> Result<Vec<Step>> {
    let mut steps: Vec<Step> = Vec::new();
    for line in lines {
        match classify(line) {
            Line::Do(terminal, action) => {
                if matches!(&action, Action::Command(command) if connects_to_localhost(command)) {
                    bail!("write 127.0.0.1: `localhost` may be ::1 too, where nobody listens");
                }
                steps.push(Step { terminal, action, output: Vec::new() });
            }
            Line::Output(terminal, text) => {
                let Some(step) = steps.last_mut() else {
                    bail!(
                        "a transcript starts with `$ command` or `1$ command`, not with `{line}`"
                    );
                };
                match &mut step.action {
                    // A backslash at the end of a command continues it.
                    Action::Command(command)
                        if command.ends_with('\\') && step.output.is_empty() =>
                    {
                        command.push('\n');
                        command.push_str(text);
                    }
                    _ => step.output.push((terminal, text.to_string())),
                }
            }
        }
    }
    Ok(steps)
}

/// Writes a step in the syntax of a transcript, with other output.
#[cfg(any(unix, test))]
pub(crate) fn write(step: &Step, output: &[(usize, String)]) -> Vec<String> {
    let number = |terminal: usize| if terminal == 0 { String::new() } else { terminal.to_string() };
    let at = number(step.terminal);
    let first = match &step.action {
        Action::Command(command) => format!("{at}$ {command}"),
        Action::Type(text) => format!("{at}> {text}"),
        Action::Interrupt => format!("{at}^C"),
        Action::EndInput => format!("{at}^D"),
    };
    let mut lines: Vec<String> = first.lines().map(str::to_string).collect();
    lines.extend(output.iter().map(|(terminal, text)| match terminal {
        0 => text.clone(),
        _ => format!("{terminal}| {text}").trim_end().to_string(),
    }));
    lines
}

/// Renders a transcript for a page, with prompts, keys and terminals marked.
pub(crate) fn render(lines: &[String]) -> String {
    let mut html = String::from("<pre class=\"transcript\"><code class=\"nohighlight\">");
    // Whether the line above is a command that continues on this line.
    let mut goes_on = false;
    for (index, line) in lines.iter().enumerate() {
        if index > 0 {
            html.push('\n');
        }
        if goes_on {
            goes_on = line.ends_with('\\');
            let _ = write!(html, "<span class=\"typed\">{}</span>", escaped(line));
            continue;
        }
        goes_on = line.ends_with('\\') && matches!(classify(line), Line::Do(_, Action::Command(_)));
        let (terminal, text) = match classify(line) {
            Line::Do(terminal, Action::Command(command)) => (
                terminal,
                format!(
                    "<span class=\"prompt\">$</span> <span class=\"typed\">{}</span>",
                    escaped(&command)
                ),
            ),
            Line::Do(terminal, Action::Type(text)) => {
                (terminal, format!("<span class=\"typed\">{}</span>", escaped(&text)))
            }
            Line::Do(terminal, Action::Interrupt) => (terminal, "<kbd>Ctrl-C</kbd>".to_string()),
            Line::Do(terminal, Action::EndInput) => (terminal, "<kbd>Ctrl-D</kbd>".to_string()),
            Line::Output(terminal, text) => (terminal, escaped(text).replace("[..]", "…")),
        };
        if terminal > 0 {
            let _ = write!(html, "<span class=\"terminal\">terminal {terminal}</span> ");
        }
        html.push_str(&text);
    }
    html.push_str("</code></pre>\n");
    html
}

/// Whether a command would connect to `localhost`. In an `Origin` it is only a name, and no connection is made.
#[cfg(any(unix, test))]
fn connects_to_localhost(command: &str) -> bool {
    command.replace("http://localhost:3000", "").contains("localhost")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_become_steps_and_steps_lines() {
        let text = [
            "1$ cargo run",
            "1| listening",
            "2$ nc 127.0.0.1 8080",
            "2> hi",
            "2| hi",
            "1| got hi",
            "1^C",
            "$ a \\",
            "  b",
        ];
        let lines: Vec<String> = text.iter().map(ToString::to_string).collect();
        let steps = parse(&lines).unwrap();
        assert_eq!(steps.len(), 5);
        assert_eq!(steps[2].output, [(2, "hi".to_string()), (1, "got hi".to_string())]);
        assert_eq!(steps[4].action, Action::Command("a \\\n  b".to_string()));
        let again: Vec<String> = steps.iter().flat_map(|step| write(step, &step.output)).collect();
        assert_eq!(again, lines);
    }

    #[test]
    fn a_page_tells_what_is_typed_from_what_appears() {
        let html = render(&["$ a \\", "  <b>", "c"].map(str::to_string));
        assert!(html.contains("$</span> <span class=\"typed\">a \\</span>\n"), "{html}");
        assert!(html.contains("<span class=\"typed\">  &lt;b&gt;</span>\nc</code>"), "{html}");
    }

    #[test]
    fn what_comes_before_a_command_is_an_error() {
        assert!(parse(&["output".to_string()]).is_err());
    }
}
