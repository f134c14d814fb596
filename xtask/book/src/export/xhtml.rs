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
    // A comment, a tag, a tag without an end, or text.
    let piece = regex!(r"(?s)<!--.*?(?:-->|\z)|<(/?)([^\s/>]+)([^>]*?)(/?)>|<.*|[^<]+");
    let (mut xml, mut open) = (String::with_capacity(html.len()), Vec::new());
    for found in piece.captures_iter(html) {
        let all = &found[0];
        let Some(name) = found.get(2).map(|name| name.as_str()) else {
            match all {
                comment if comment.starts_with("<!--") => {}
                tag if tag.starts_with('<') => bail!("`{tag}` has no end"),
                _ => xml.push_str(&text(all)?),
            }
            continue;
        };
        if all.starts_with("</") {
            match open.pop() {
                Some(last) if last == name => xml.push_str(all),
                last => bail!("</{name}> closes <{}>", last.unwrap_or("nothing")),
            }
        } else if VOID.contains(&name) || all.ends_with("/>") {
            xml.extend(["<", name, &attributes(&found[3]), "/>"]);
        } else {
            xml.extend(["<", name, &attributes(&found[3]), ">"]);
            open.push(name);
        }
    }
    match open.last() {
        Some(name) => bail!("<{name}> is not closed"),
        None => Ok(xml),
    }
}

/// The attributes of a tag, each with a value between quotation marks.
fn attributes(text: &str) -> String {
    let attribute = |found: Captures<'_>| {
        let name = CAMEL.iter().find(|(lower, _)| *lower == &found[1]);
        let name = name.map_or(&found[1], |(_, name)| name);
        let value = found.get(2).map_or("", |value| value.as_str());
        [" ", name, "=\"", &value.replace('<', "&lt;"), "\""].concat()
    };
    regex!(r#"([^\s="]+)(?:="([^"]*)")?"#).captures_iter(text).map(attribute).collect()
}

/// Text between tags. An ampersand that does not begin an entity is escaped.
fn text(text: &str) -> Result<String> {
    let entity = regex!(r"&(\w+;)");
    let known = ["amp;", "lt;", "gt;", "quot;", "apos;"];
    if let Some(found) = entity.captures_iter(text).find(|found| !known.contains(&&found[1])) {
        bail!("{} is no character of XML; write the character itself", &found[0]);
    }
    let ampersand = regex!(r"&(#?\w+;)?");
    let escape = |found: &Captures<'_>| {
        format!("&{}", found.get(1).map_or("amp;", |entity| entity.as_str()))
    };
    Ok(ampersand.replace_all(text, escape).into_owned())
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
