//! The command of a server that is not built here.

use anyhow::{Context, bail};

/// A command that starts a server, as it was typed and split into words.
#[derive(Debug)]
pub(crate) struct OtherServer {
    pub typed: String,
    pub words: Vec<String>,
}

impl OtherServer {
    pub(crate) fn parse(typed: &str) -> anyhow::Result<OtherServer> {
        Ok(OtherServer { typed: typed.to_string(), words: split_words(typed)? })
    }
}

/// Splits a command into words like a shell, but only quotes are supported.
fn split_words(command: &str) -> anyhow::Result<Vec<String>> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_split_at_spaces_outside_of_quotes() {
        assert_eq!(
            split_words("python3  'my server.py' -p\"\"").unwrap(),
            ["python3", "my server.py", "-p"]
        );
        assert!(split_words("'a").is_err());
        assert!(split_words(" ").is_err());
    }
}
