//! Counts the patterns of `words.toml` in all texts for readers, per 1,000 words, and compares the counts with targets.
//!
//! 1. [`sets`]: the texts, and which are counted together.
//! 2. [`text`]: the words of a page, of comments and of messages.
//! 3. [`rules`]: the patterns, their targets, and where they are found.
//! 4. [`counts`]: how many findings there are in each set, compared with the targets.
//! 5. [`terms`]: the terms that the book must teach.

mod counts;
mod rules;
mod sets;
mod terms;
mod text;

use std::path::Path;

use anyhow::Result;

use crate::files;
use crate::glossary::Glossary;
use rules::{Hit, Rules, Target, Text};

/// Finds the counts that miss their target, denied words, and terms that are not taught. `shown` prints each finding in the
/// files whose path contains this text.
pub(crate) fn check(
    root: &Path,
    shown: Option<&str>,
    problems: &mut Vec<String>,
) -> Result<String> {
    let rules = Rules::read()?;
    let texts = sets::all(root)?;
    let hits: Vec<_> = texts.iter().flat_map(|text| rules.hits(text)).collect();
    problems.extend(counts::missed(&rules, &texts, &hits));
    for Hit { text: Text { file, .. }, line, found, pattern } in &hits {
        let is_shown = shown.is_some_and(|part| file.contains(part));
        match &pattern.target {
            Target::Instead(words) => {
                if is_shown {
                    println!("{file}:{line}: {found}: denied, write {words}");
                }
                problems.push(format!("{file}:{line}: `{found}`: write {words}"));
            }
            Target::Most(_) if is_shown => println!("{file}:{line}: {found}: {}", pattern.name),
            _ => {}
        }
    }
    terms::check(&Glossary::read(root)?, &rules.terms, &files::pages(root)?, problems);
    let words: usize = texts.iter().map(|text| text.lines.split_whitespace().count()).sum();
    Ok(format!("{words} words compared, {} terms", rules.terms.len()))
}
