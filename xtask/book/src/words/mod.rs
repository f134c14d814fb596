//! Counts the patterns of `words.toml` in all texts for readers, per 1,000 words, and compares the counts with targets.
//!
//! 1. [`sets`]: the texts, and which are counted together.
//! 2. [`text`]: the words of a page, of comments and of messages.
//! 3. [`rules`]: the patterns and their targets.
//! 4. [`hits`]: the findings, and [`counts`]: how many there are in each set, compared with the targets.
//! 5. [`terms`]: the terms that the book must teach.

mod counts;
mod hits;
mod rules;
mod sets;
mod terms;
mod text;

use std::path::Path;

use anyhow::Result;

use crate::glossary::Glossary;
use hits::{Hit, Rule};
use rules::{Rules, Target};
use sets::Text;

/// Counts, prints a table, and returns the counts that miss their target. `shown` also prints each finding in the files
/// whose path contains this text.
pub(crate) fn check(
    root: &Path,
    shown: Option<&str>,
    problems: &mut Vec<String>,
) -> Result<String> {
    let rules = Rules::read()?;
    let texts = sets::all(root)?;
    let hits: Vec<_> = texts.iter().flat_map(|text| hits::all(&rules, text)).collect();
    let sets = counts::sets(&rules, &texts, &hits);
    print!("{}", counts::table(&rules, &sets));
    problems.extend(counts::problems(&sets));
    for Hit { text: Text { file, .. }, line, found, rule } in &hits {
        let is_shown = shown.is_some_and(|part| file.contains(part));
        match rule {
            Rule::Denied(instead) => {
                if is_shown {
                    println!("{file}:{line}: {found}: denied, write {instead}");
                }
                problems.push(format!("{file}:{line}: `{found}`: write {instead}"));
            }
            Rule::Pattern(pattern) if is_shown && matches!(pattern.target, Target::Most(_)) => {
                println!("{file}:{line}: {found}: {}", pattern.name);
            }
            Rule::Pattern(_) => {}
        }
    }
    problems.extend(terms::check(&Glossary::read(root)?, &rules.terms.names, &sets::taught(root)?));
    let words: usize = texts.iter().map(Text::words).sum();
    Ok(format!("{words} words compared, {} terms", rules.terms.names.len()))
}
