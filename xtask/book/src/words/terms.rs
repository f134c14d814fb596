//! Checks that the book teaches its terms: in the glossary, and on a page of the core path or the interview.

use regex::Regex;

use crate::front::{Front, Path};
use crate::glossary::Glossary;

/// Finds the terms that are not taught. `pages` have their paths in the book.
pub(super) fn check(
    glossary: &Glossary,
    terms: &[String],
    pages: &[(String, String)],
    problems: &mut Vec<String>,
) {
    let is_taught_there = |path: &str, content: &str| {
        let front = Front::read(path, content).unwrap_or_default();
        matches!(front.path, Some(Path::Core | Path::Interview))
    };
    let pages = pages.iter().filter(|(path, content)| is_taught_there(path, content));
    let linked: Vec<String> = pages.map(|(path, content)| glossary.link(path, content)).collect();
    for spellings in terms {
        let name = spellings.split('|').next().unwrap_or_default();
        let entries: Vec<_> = spellings.split('|').filter_map(|it| glossary.entry(it)).collect();
        let is_taught = entries.iter().any(|(anchor, pattern)| {
            let link = format!("#{anchor} \"");
            linked.iter().any(|page| page.contains(&link) || is_in_bold(page, pattern))
        });
        if entries.is_empty() {
            problems.push(format!("the glossary has no entry for `{name}`"));
        } else if !is_taught {
            problems.push(format!(
                "`{name}` is on no core or interview page, in bold or linked to the glossary"
            ));
        }
    }
}

/// Whether a page has the term in bold letters, which marks a definition.
fn is_in_bold(page: &str, term: &Regex) -> bool {
    page.split("**").skip(1).step_by(2).any(|bold| term.is_match(bold))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_term_is_in_the_glossary_and_on_a_page() {
        let glossary = Glossary::parse(
            "**Jitter**: a random part of a delay. [A](../a.md)\n\
             **Round robin**: each in turn. [A](../a.md)\n**Canary**: one first. [A](../b.md) <!-- in -->\n",
        )
        .unwrap();
        let terms = ["jitter", "round robin", "canary", "spin|busy loop"].map(str::to_string);
        let pages = [
            ("a.md", "---\npath: core\n---\nIts **jitter** is small, round robin."),
            ("part/c.md", "---\npath: interview\n---\nA round robin. A canary."),
            ("deeper/c.md", "A **canary**."),
        ];
        let pages = pages.map(|(path, content)| (path.to_string(), content.to_string()));
        let mut problems = Vec::new();
        check(&glossary, &terms, &pages, &mut problems);
        assert_eq!(
            problems,
            [
                "`canary` is on no core or interview page, in bold or linked to the glossary",
                "the glossary has no entry for `spin`"
            ]
        );
    }
}
