//! Prints details below the table on request: each finding, and the files with the most findings.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::hits::Hit;
use super::sets::Text;

/// The details to print.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct Wanted {
    /// Words: also lists the N files with the most findings.
    #[arg(long, value_name = "N")]
    worst: Option<usize>,
    /// Words: also prints each finding, or those in the files whose path contains TEXT.
    #[arg(long, value_name = "TEXT", num_args = 0..=1, default_missing_value = "")]
    show: Option<String>,
}

/// The requested details.
pub(super) fn findings(wanted: &Wanted, texts: &[Text], hits: &[Hit<'_>]) -> String {
    let mut text = String::new();
    if let Some(only) = &wanted.show {
        let is_wanted = |hit: &&Hit<'_>| hit.text.file.contains(only);
        for hit in hits.iter().filter(is_wanted) {
            let Hit { text: Text { file, .. }, line, name, found, is_denied } = hit;
            let name =
                if *is_denied { format!("denied, write {name}") } else { (*name).to_string() };
            let _ = writeln!(text, "{file}:{line}: {}: {name}", found.trim());
        }
    }
    if let Some(count) = wanted.worst {
        let mut by_file: BTreeMap<&str, usize> = BTreeMap::new();
        for hit in hits {
            *by_file.entry(&hit.text.file).or_default() += 1;
        }
        let words = |file: &str| -> usize {
            let of_file = texts.iter().filter(|text| text.file == file);
            of_file.map(Text::words).sum()
        };
        let mut files: Vec<_> = by_file.into_iter().collect();
        files.sort_by_key(|(_, hits)| std::cmp::Reverse(*hits));
        for (file, hits) in files.into_iter().take(count) {
            let _ = writeln!(text, "{hits:>5} findings in {:>6} words  {file}", words(file));
        }
    }
    text
}
