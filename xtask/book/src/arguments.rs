//! The arguments that several directives have.

use anyhow::{Context, Result};

/// Splits `context=LINES` off the end of the arguments: the number of unchanged lines around a change.
pub(crate) fn context(arguments: &str, default: usize) -> Result<(&str, usize)> {
    let Some((rest, lines)) = arguments.rsplit_once(" context=") else {
        return Ok((arguments, default));
    };
    Ok((rest.trim_end(), lines.parse().context("`context=` is a number of lines")?))
}

/// Splits `WORD REST`. Without a second word the rest is empty.
pub(crate) fn word(arguments: &str) -> (&str, &str) {
    let (word, rest) = arguments.split_once(char::is_whitespace).unwrap_or((arguments, ""));
    (word, rest.trim())
}

/// The names in `ITEM, ITEM …`.
pub(crate) fn names(arguments: &str) -> Vec<&str> {
    arguments.split(',').map(str::trim).filter(|name| !name.is_empty()).collect()
}
