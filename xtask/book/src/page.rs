//! Splits a page into directives, fenced blocks, and other lines.

use crate::front;

/// A part of a page, with the number of its first line, counted from 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Part {
    /// A line that is kept unchanged.
    Text(usize, String),
    /// A line of the form `{{#…}}`, without the braces.
    Directive(usize, String),
    Fence(Fence),
}

/// A fenced block.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Fence {
    pub(crate) line: usize,
    /// The text after the opening fence.
    pub(crate) info: String,
    pub(crate) body: Vec<String>,
    /// The body between its fences.
    pub(crate) raw: Vec<String>,
}

impl Fence {
    /// The first word after the opening fence, such as `rust`.
    pub(crate) fn kind(&self) -> &str {
        self.info.split([' ', ',']).next().unwrap_or_default()
    }
}

impl Part {
    /// The line on which it starts.
    pub(crate) fn line(&self) -> usize {
        match self {
            Part::Text(line, _) | Part::Directive(line, _) | Part::Fence(Fence { line, .. }) => {
                *line
            }
        }
    }
}

/// The fenced blocks of a page.
pub(crate) fn fences(text: &str) -> impl Iterator<Item = Fence> {
    parts(text).into_iter().filter_map(|part| match part {
        Part::Fence(fence) => Some(fence),
        _ => None,
    })
}

/// Splits a page. The lines of its front matter become blank, so that all other lines keep their numbers.
pub(crate) fn parts(text: &str) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut lines = text.lines().enumerate().map(|(index, line)| (index + 1, line));
    let front = front::lines(text);
    while let Some((number, line)) = lines.next() {
        if number <= front {
            parts.push(Part::Text(number, String::new()));
            continue;
        }
        let trimmed = line.trim();
        let ticks = trimmed.bytes().take_while(|byte| *byte == b'`').count();
        if ticks >= 3 {
            let info = trimmed[ticks..].trim().to_string();
            let (mut body, mut raw) = (Vec::new(), vec![line.to_string()]);
            for (_, line) in lines.by_ref() {
                raw.push(line.to_string());
                let end = line.trim();
                if end.len() >= ticks && end.bytes().all(|byte| byte == b'`') {
                    break;
                }
                body.push(line.to_string());
            }
            parts.push(Part::Fence(Fence { line: number, info, body, raw }));
        } else if let Some(inner) =
            trimmed.strip_prefix("{{#").and_then(|rest| rest.strip_suffix("}}"))
        {
            parts.push(Part::Directive(number, inner.trim().to_string()));
        } else {
            parts.push(Part::Text(number, line.to_string()));
        }
    }
    parts
}

/// The lines of prose, each passed through `line`, and a blank line for every other, so that lines keep their numbers.
pub(crate) fn prose(text: &str, line: impl Fn(&str) -> String) -> String {
    let mut prose = String::new();
    for part in parts(text) {
        match part {
            Part::Text(_, text) => prose.push_str(&line(&text)),
            Part::Directive(..) => {}
            Part::Fence(Fence { raw, .. }) => prose.push_str(&"\n".repeat(raw.len() - 1)),
        }
        prose.push('\n');
    }
    prose
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn front_matter_is_blank_and_keeps_the_numbers_of_the_lines() {
        let text = |number, text: &str| Part::Text(number, text.to_string());
        assert_eq!(
            parts("---\npath: core\n---\n# A\n"),
            [text(1, ""), text(2, ""), text(3, ""), text(4, "# A")]
        );
        assert_eq!(parts("---\n# A\n"), [text(1, "---"), text(2, "# A")]);
    }

    #[test]
    fn directives_inside_a_fence_are_text() {
        let page = "a\n{{#file 01 x}}\n```text x\n{{#no}}\n```\n";
        let fence = Fence {
            line: 3,
            info: "text x".to_string(),
            body: vec!["{{#no}}".to_string()],
            raw: ["```text x", "{{#no}}", "```"].map(str::to_string).to_vec(),
        };
        let expected = [
            Part::Text(1, "a".to_string()),
            Part::Directive(2, "file 01 x".to_string()),
            Part::Fence(fence),
        ];
        assert_eq!(parts(page), expected);
    }
}
