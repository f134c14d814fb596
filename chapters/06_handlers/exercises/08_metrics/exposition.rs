//! A strict parser for the text format of Prometheus, version 0.0.4.
//!
//! <https://prometheus.io/docs/instrumenting/exposition_formats/#text-format-details>

use std::collections::{BTreeMap, HashSet};
use std::fmt;

use wire::exercise::Failure;

/// A metric and all of its series.
#[derive(Debug)]
pub(crate) struct Family {
    pub(crate) name: String,
    /// `counter`, `gauge`, `histogram`, `summary` or `untyped`.
    pub(crate) kind: String,
    pub(crate) help: String,
    pub(crate) samples: Vec<Sample>,
    /// The names and labels of `samples`. A page may have thousands, and each must be unique.
    series: HashSet<(String, BTreeMap<String, String>)>,
}

/// One line with a value.
#[derive(Debug)]
pub(crate) struct Sample {
    /// The name of the family, for a histogram with the suffix `_bucket`, `_sum` or `_count`.
    pub(crate) name: String,
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) value: f64,
    line: String,
}

impl Sample {
    /// The value of a label. An empty value is equivalent to a missing label.
    pub(crate) fn label(&self, name: &str) -> &str {
        self.labels.get(name).map_or("", String::as_str)
    }

    /// The names of the labels, sorted.
    pub(crate) fn label_names(&self) -> Vec<&str> {
        self.labels.keys().map(String::as_str).collect()
    }
}

impl fmt::Display for Sample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.line)
    }
}

/// The error in a page: the rule, and the line that breaks it.
fn invalid<T>(expected: impl Into<Box<str>>, got: impl Into<String>) -> Result<T, Failure> {
    Err(Failure::new(expected, got))
}

/// Reads a page.
pub(crate) fn parse(text: &str) -> Result<Vec<Family>, Failure> {
    let Some(text) = text.strip_suffix('\n') else {
        return invalid("a page whose last line ends with a newline", "none at the end");
    };
    let mut families: Vec<Family> = Vec::new();
    for line in text.split('\n') {
        if let Some(line) = line.strip_suffix('\r') {
            return invalid("lines that end with \\n", format!("\\r\\n behind this one:\n{line}"));
        }
        let trimmed = line.trim_matches([' ', '\t']);
        if trimmed.is_empty() {
            continue;
        }
        match trimmed.strip_prefix('#') {
            Some(comment) => read_comment(comment, line, &mut families)?,
            None => read_sample(trimmed, &mut families)?,
        }
    }
    for family in &families {
        if family.kind.is_empty() {
            return invalid(format!("# TYPE {}", family.name), "a family without it");
        }
    }
    Ok(families)
}

/// `# HELP name text` or `# TYPE name kind`; anything else after a `#` is a comment.
fn read_comment(comment: &str, line: &str, families: &mut Vec<Family>) -> Result<(), Failure> {
    let (keyword, rest) = split_word(comment);
    if !["HELP", "TYPE"].contains(&keyword) {
        return Ok(());
    }
    let (name, text) = split_word(rest);
    if !is_name(name, true) {
        return invalid(format!("# {keyword} and the name of a metric"), line);
    }
    let is_open = families.last().is_some_and(|family| family.name == name);
    if !is_open {
        if families.iter().any(|family| family.name == name) {
            return invalid(format!("{name} in one piece, with one HELP and one TYPE"), line);
        }
        let (name, kind, help) = (name.to_string(), String::new(), String::new());
        families.push(Family { name, kind, help, samples: Vec::new(), series: HashSet::new() });
    }
    let Some(family) = families.last_mut() else { return Ok(()) };
    if !family.samples.is_empty() {
        return invalid(format!("{keyword} of {name} before its series"), line);
    }
    let known = if keyword == "HELP" { &mut family.help } else { &mut family.kind };
    if !known.is_empty() {
        return invalid(format!("one line {keyword} for {name}"), format!("a second: {line}"));
    }
    if keyword == "TYPE" {
        let kinds = ["counter", "gauge", "histogram", "summary", "untyped"];
        if !kinds.contains(&text) {
            return invalid(format!("a type out of {}", kinds.join(", ")), line);
        }
        family.kind = text.to_string();
    } else {
        let mut characters = text.chars();
        while let Some(character) = characters.next() {
            if character == '\\' && !matches!(characters.next(), Some('\\' | 'n')) {
                return invalid("only \\\\ and \\n as escapes in a HELP", line);
            }
        }
        family.help = text.to_string();
    }
    Ok(())
}

/// `name{label="value",…} value [timestamp]`
fn read_sample(line: &str, families: &mut [Family]) -> Result<(), Failure> {
    let end = line.find(|it: char| !is_name_character(it, true)).unwrap_or(line.len());
    let (name, rest) = line.split_at(end);
    if !is_name(name, true) {
        return invalid("a line that begins with a metric's name, or with #", line);
    }
    let (labels, rest) = match rest.trim_start_matches([' ', '\t']).strip_prefix('{') {
        Some(inside) => read_labels(inside, line)?,
        None => (BTreeMap::new(), rest),
    };
    if !rest.starts_with([' ', '\t']) {
        return invalid("a space, and then a value", line);
    }
    let words: Vec<&str> = rest.split([' ', '\t']).filter(|word| !word.is_empty()).collect();
    let value = match words[..] {
        [value] => number(value),
        [value, timestamp] => timestamp.parse::<i64>().ok().and_then(|_| number(value)),
        _ => None,
    };
    let Some(value) = value else {
        return invalid("a number behind the name and the labels", line);
    };
    let Some(family) = families.last_mut() else {
        return invalid(format!("# TYPE {name} before its first series"), line);
    };
    let suffixes = match family.kind.as_str() {
        "histogram" => &["_bucket", "_sum", "_count"][..],
        "summary" => &["", "_sum", "_count"],
        _ => &[""],
    };
    let suffix = name.strip_prefix(family.name.as_str());
    if !suffix.is_some_and(|suffix| suffixes.contains(&suffix)) {
        let expected = format!("series of {} here, a {}", family.name, family.kind);
        return invalid(expected, line);
    }
    if name.ends_with("_bucket") && family.kind == "histogram" && !labels.contains_key("le") {
        return invalid("a bucket with the label le", line);
    }
    if !family.series.insert((name.to_string(), labels.clone())) {
        return invalid("each series once", format!("a second: {line}"));
    }
    let is_count =
        family.kind == "counter" || name.ends_with("_count") || name.ends_with("_bucket");
    if is_count && (value < 0.0 || value.is_nan()) {
        return invalid("a count, which is never negative", line);
    }
    family.samples.push(Sample { name: name.to_string(), labels, value, line: line.to_string() });
    Ok(())
}

type Labels = BTreeMap<String, String>;

/// Parses the text after the opening brace. Returns the labels and the text after the closing
/// brace.
fn read_labels<'a>(mut rest: &'a str, line: &str) -> Result<(Labels, &'a str), Failure> {
    let mut labels = BTreeMap::new();
    loop {
        rest = rest.trim_start_matches([' ', '\t']);
        if let Some(behind) = rest.strip_prefix('}') {
            return Ok((labels, behind));
        }
        let Some((name, behind)) = rest.split_once('=') else {
            return invalid("name=\"value\", or }", line);
        };
        let name = name.trim_end_matches([' ', '\t']);
        if !is_name(name, false) {
            return invalid("a label's name out of letters, digits and _", line);
        }
        let Some(quoted) = behind.trim_start_matches([' ', '\t']).strip_prefix('"') else {
            return invalid(format!("the value of {name} between quotes"), line);
        };
        let (value, behind) = read_quoted(quoted, line)?;
        if labels.insert(name.to_string(), value).is_some() {
            return invalid(format!("the label {name} once"), line);
        }
        rest = behind.trim_start_matches([' ', '\t']);
        match rest.strip_prefix(',') {
            Some(behind) => rest = behind,
            None if rest.starts_with('}') => {}
            None => return invalid("a comma or } behind a label's value", line),
        }
    }
}

/// A value up to its closing quote, with the escapes `\\`, `\"` and `\n` decoded.
fn read_quoted<'a>(text: &'a str, line: &str) -> Result<(String, &'a str), Failure> {
    let mut value = String::new();
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match character {
            '"' => return Ok((value, characters.as_str())),
            '\\' => match characters.next() {
                Some('\\') => value.push('\\'),
                Some('"') => value.push('"'),
                Some('n') => value.push('\n'),
                _ => return invalid("only \\\\, \\\" and \\n as escapes in a label", line),
            },
            other => value.push(other),
        }
    }
    invalid("a quote at the end of a label's value", line)
}

/// A number in Go's format.
pub(crate) fn number(text: &str) -> Option<f64> {
    match text {
        "+Inf" => Some(f64::INFINITY),
        "-Inf" => Some(f64::NEG_INFINITY),
        "NaN" => Some(f64::NAN),
        // Rust would also parse `inf` and `nan` in any spelling.
        _ if text.bytes().all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte)) => {
            text.parse().ok()
        }
        _ => None,
    }
}

fn split_word(text: &str) -> (&str, &str) {
    let text = text.trim_start_matches([' ', '\t']);
    let (word, rest) = text.split_once([' ', '\t']).unwrap_or((text, ""));
    (word, rest.trim_start_matches([' ', '\t']))
}

/// The name of a metric may contain colons, and the name of a label may not.
fn is_name(name: &str, is_metric: bool) -> bool {
    !name.is_empty()
        && !name.starts_with(|it: char| it.is_ascii_digit())
        && name.chars().all(|it| is_name_character(it, is_metric))
}

fn is_name_character(character: char, is_metric: bool) -> bool {
    character.is_ascii_alphanumeric() || character == '_' || (is_metric && character == ':')
}
