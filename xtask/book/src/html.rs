//! HTML that the tools write into pages.

/// Escapes a text for the content of an element, or for an attribute.
pub(crate) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('"', "&quot;").replace('<', "&lt;").replace('>', "&gt;")
}

/// Makes `<code>` elements of the code between backticks, and passes the text around it through `rest`. A text with a
/// backtick too many has no code.
pub(crate) fn with_code(text: &str, rest: impl Fn(&str) -> String) -> String {
    let pieces: Vec<&str> = text.split('`').collect();
    if pieces.len().is_multiple_of(2) {
        return rest(text);
    }
    let piece = |(index, piece): (usize, &&str)| match index % 2 {
        0 => rest(piece),
        _ => format!("<code>{}</code>", escaped(piece)),
    };
    pieces.iter().enumerate().map(piece).collect()
}
