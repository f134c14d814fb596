//! The command of a server that is not built here, as words.

use std::process::Command;

use anyhow::{Context, bail};

use crate::process;

/// Splits a command into words like a shell, but only quotes are supported.
pub(crate) fn split(command: &str) -> anyhow::Result<Vec<String>> {
    let (mut words, mut word, mut quote) = (Vec::new(), None::<String>, None);
    for character in command.chars() {
        match (quote, character) {
            (Some(open), _) if open == character => quote = None,
            (Some(_), _) => word.get_or_insert_default().push(character),
            (None, '"' | '\'') => {
                quote = Some(character);
                word.get_or_insert_default();
            }
            (None, ' ' | '\t') => words.extend(word.take()),
            (None, _) => word.get_or_insert_default().push(character),
        }
    }
    if let Some(open) = quote {
        bail!("--server: {open} is not closed in: {command}");
    }
    words.extend(word);
    words.first().context("--server: the command is empty")?;
    Ok(words)
}

/// The command, as a person would type it, with further arguments.
pub(crate) fn typed(words: &[String], arguments: &[String]) -> String {
    let mut command = Command::new(&words[0]);
    process::typed(command.args(&words[1..]).args(arguments))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_split_at_spaces_outside_of_quotes() {
        let words = split("python3  'my server.py' -p\"\"").unwrap();
        assert_eq!(words, ["python3", "my server.py", "-p"]);
        assert_eq!(typed(&words, &["a b".to_string()]), "python3 'my server.py' -p 'a b'");
        assert!(split("'a").is_err());
        assert!(split(" ").is_err());
    }
}
