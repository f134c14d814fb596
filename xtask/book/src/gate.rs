//! Checks that are switched on in `book.toml` once the book passes them. Until then they only print their findings.

use std::fs;

use anyhow::{Context, Result};

use crate::source::Sources;

/// Returns the problems of a check, which fail the build, if `switch = true` is below `[preprocessor.course]`.
/// Otherwise prints them.
pub(crate) fn keep(
    sources: &Sources,
    switch: &str,
    found: Vec<String>,
    problems: &mut Vec<String>,
) -> Result<()> {
    let file = sources.root().join("book/book.toml");
    let text = fs::read_to_string(&file).with_context(|| file.display().to_string())?;
    if is_on(&text, switch)? {
        problems.extend(found);
    } else if !found.is_empty() {
        println!("{} findings that do not fail yet (`{switch}` in book.toml):", found.len());
        for finding in found {
            println!("  {finding}");
        }
    }
    Ok(())
}

fn is_on(config: &str, switch: &str) -> Result<bool> {
    let config: toml::Table = toml::from_str(config)?;
    let course = config.get("preprocessor").and_then(|all| all.get("course"));
    Ok(course.and_then(|course| course.get(switch)).and_then(toml::Value::as_bool) == Some(true))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gate_is_off_until_it_is_switched_on() {
        for (value, expected) in [("", false), ("a = false", false), ("a = true", true)] {
            let config = format!("[preprocessor.course]\n{value}\n");
            assert_eq!(is_on(&config, "a").unwrap(), expected, "{value}");
        }
    }
}
