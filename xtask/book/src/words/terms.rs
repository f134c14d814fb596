//! Checks that the book teaches its terms: in the glossary, and on a page of the core path or the interview.

use regex::Regex;

use crate::glossary::Glossary;

/// The problems with the terms. `pages` are the core and interview pages, with their paths.
pub(crate) fn check(
    glossary: &Glossary,
    terms: &[String],
    pages: &[(String, String)],
) -> Vec<String> {
    let linked: Vec<String> =
        pages.iter().map(|(path, content)| glossary.link(path, content)).collect();
    let mut problems = Vec::new();
    for spellings in terms {
        let name = spellings.split('|').next().unwrap_or_default();
        let entries: Vec<_> = spellings.split('|').filter_map(|it| glossary.entry(it)).collect();
        if entries.is_empty() {
            problems.push(format!("the glossary has no entry for `{name}`"));
            continue;
        }
        let is_taught = entries.iter().any(|(anchor, pattern)| {
            let link = format!("#{anchor} \"");
            linked.iter().any(|page| page.contains(&link) || is_in_bold(page, pattern))
        });
        if !is_taught {
            problems.push(format!(
                "`{name}` is on no core or interview page, in bold or linked to the glossary"
            ));
        }
    }
    problems
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
            ("a.md".to_string(), "Its **jitter** is small, round robin.".to_string()),
            ("part/c.md".to_string(), "A round robin. A canary.".to_string()),
        ];
        assert_eq!(
            check(&glossary, &terms, &pages),
            [
                "`canary` is on no core or interview page, in bold or linked to the glossary",
                "the glossary has no entry for `spin`"
            ]
        );
    }
}
