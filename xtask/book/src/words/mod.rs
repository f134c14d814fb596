//! Counts the patterns of `words.toml` in all texts for readers, per 1,000 words, and compares the counts with targets.
//!
//! 1. [`sets`]: the texts, and which are counted together.
//! 2. [`text`]: the words of a page, of comments, of messages and of `--help`.
//! 3. [`rules`]: the patterns and their targets.
//! 4. [`hits`]: the findings, and [`counts`]: how many there are in each set, compared with the targets.
//! 5. [`terms`]: the terms that the book must teach.

mod counts;
mod hits;
mod rules;
mod sets;
mod shown;
mod terms;
mod text;

use std::path::Path;

use anyhow::Result;

use crate::glossary::Glossary;
use counts::Counts;
use rules::Rules;

pub(crate) use shown::Wanted;

/// Counts, prints a table, and returns the counts that miss their target. The first line is the summary.
pub(crate) fn check(root: &Path, wanted: &Wanted, problems: &mut Vec<String>) -> Result<String> {
    let rules = Rules::read()?;
    let texts = sets::all(root)?;
    let hits: Vec<_> = texts.iter().flat_map(|text| hits::all(&rules, text)).collect();
    let counts = Counts::of(&rules, &texts, &hits);
    print!("{}{}", counts.table(), shown::findings(wanted, &texts, &hits));
    problems.extend(counts.problems());
    for hit in hits.iter().filter(|hit| hit.is_denied) {
        let (file, found) = (&hit.text.file, hit.found.trim());
        problems.push(format!("{file}:{}: `{found}`: write {}", hit.line, hit.name));
    }
    problems.extend(terms::check(&Glossary::read(root)?, &rules.terms.names, &sets::taught(root)?));
    let words: usize = texts.iter().map(sets::Text::words).sum();
    Ok(format!("{words} words compared, {} terms", rules.terms.names.len()))
}
