//! The arguments that several directives have.

/// Splits `WORD REST`. Without a second word the rest is empty.
pub(crate) fn word(arguments: &str) -> (&str, &str) {
    let (word, rest) = arguments.split_once(char::is_whitespace).unwrap_or((arguments, ""));
    (word, rest.trim())
}

/// The names in `ITEM, ITEM …`.
pub(crate) fn names(arguments: &str) -> Vec<&str> {
    arguments.split(',').map(str::trim).filter(|name| !name.is_empty()).collect()
}
