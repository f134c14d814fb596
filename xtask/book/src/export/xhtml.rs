//! Converts mdBook's HTML to well-formed XML, because an EPUB reader rejects anything else.

use anyhow::{Result, bail};
use regex::Captures;

use crate::pattern::regex;

/// Elements without content, which have no end tag in HTML.
const VOID: [&str; 8] = ["area", "br", "col", "hr", "img", "input", "link", "wbr"];

/// SVG names that mdBook writes in lower case. XML is case-sensitive.
const CAMEL: [(&str, &str); 6] = [
    ("markerheight", "markerHeight"),
    ("markerwidth", "markerWidth"),
    ("preserveaspectratio", "preserveAspectRatio"),
    ("refx", "refX"),
    ("refy", "refY"),
    ("viewbox", "viewBox"),
];

/// Converts a piece of HTML.
///
/// # Errors
/// Returns an error for a tag that is not closed or is closed in the wrong order, and for a named character that XML
/// does not have.
pub(super) fn of(html: &str) -> Result<String> {
    let mut xml = String::with_capacity(html.len() + html.len() / 16);
    let mut open: Vec<&str> = Vec::new();
    let mut rest = html;
    while let Some(at) = rest.find('<') {
        xml.push_str(&text(&rest[..at])?);
        rest = &rest[at..];
        if let Some(comment) = rest.strip_prefix("<!--") {
            rest = comment.split_once("-->").map_or("", |(_, after)| after);
            continue;
        }
        let Some((tag, after)) = rest[1..].split_once('>') else { bail!("`{rest}` has no end") };
        rest = after;
        if let Some(name) = tag.strip_prefix('/') {
            match open.pop() {
                Some(last) if last == name => xml.extend(["</", name, ">"]),
                last => bail!("</{name}> closes <{}>", last.unwrap_or("nothing")),
            }
            continue;
        }
        let is_closed = tag.ends_with('/');
        let tag = tag.trim_end_matches('/');
        let name = tag.split_whitespace().next().unwrap_or_default();
        let is_void = VOID.contains(&name);
        let end = if is_void || is_closed { "/>" } else { ">" };
        xml.extend(["<", name, &attributes(&tag[name.len()..]), end]);
        if !is_void && !is_closed {
            open.push(name);
        }
    }
    xml.push_str(&text(rest)?);
    match open.last() {
        Some(name) => bail!("<{name}> is not closed"),
        None => Ok(xml),
    }
}

/// The attributes of a tag, each with a value between quotation marks.
fn attributes(text: &str) -> String {
    let written = regex!(r#"([^\s="]+)(?:="([^"]*)")?"#).captures_iter(text).map(|found| {
        let name =
            CAMEL.iter().find(|(lower, _)| *lower == &found[1]).map_or(&found[1], |(_, name)| name);
        format!(
            " {name}=\"{}\"",
            found.get(2).map_or("", |value| value.as_str()).replace('<', "&lt;")
        )
    });
    written.collect()
}

/// Text between tags. An ampersand that does not begin an entity is escaped.
fn text(text: &str) -> Result<String> {
    let reference = regex!(r"&(#?\w+;)?");
    if !text.contains('&') {
        return Ok(text.to_string());
    }
    let is_known = |name: &str| {
        name.starts_with('#') || ["amp;", "lt;", "gt;", "quot;", "apos;"].contains(&name)
    };
    let mut names = reference.captures_iter(text).filter_map(|found| found.get(1));
    if let Some(unknown) = names.find(|name| !is_known(name.as_str())) {
        bail!("&{} is no character of XML; write the character itself", unknown.as_str());
    }
    let escape =
        |found: &Captures<'_>| format!("&{}", found.get(1).map_or("amp;", |it| it.as_str()));
    Ok(reference.replace_all(text, escape).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn html_becomes_well_formed() {
        for (html, expected) in [
            ("<p>a<br>b &amp; c & d</p>", "<p>a<br/>b &amp; c &amp; d</p>"),
            ("<input disabled type=\"checkbox\">", "<input disabled=\"\" type=\"checkbox\"/>"),
            (
                "<svg viewbox=\"0 0 1 1\"><line x1=\"1\" /></svg>",
                "<svg viewBox=\"0 0 1 1\"><line x1=\"1\"/></svg>",
            ),
            ("a<!-- `b --c` -->d", "ad"),
            ("<a title=\"x < y\">&#39;</a>", "<a title=\"x &lt; y\">&#39;</a>"),
        ] {
            assert_eq!(of(html).unwrap(), expected);
        }
    }

    #[test]
    fn markup_that_is_not_well_formed_is_an_error() {
        for (html, expected) in [
            ("<p><b>a</p></b>", "</p> closes <b>"),
            ("</p>", "</p> closes <nothing>"),
            ("<p>a", "<p> is not closed"),
            ("a&nbsp;b", "&nbsp; is no character of XML; write the character itself"),
            ("a<b", "`<b` has no end"),
        ] {
            assert_eq!(of(html).unwrap_err().to_string(), expected);
        }
    }
}
