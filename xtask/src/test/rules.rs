//! What `--quick` checks after a change of a file outside of the chapters.

/// What a change of a file outside of the chapters affects.
pub(super) struct Rule {
    /// A file, or a directory with all its files.
    path: &'static str,
    pub packages: &'static [&'static str],
    pub parts: &'static [&'static str],
    /// Something that only a whole run checks.
    pub left: &'static str,
}

const fn rule(
    path: &'static str,
    packages: &'static [&'static str],
    parts: &'static [&'static str],
    left: &'static str,
) -> Rule {
    Rule { path, packages, parts, left }
}

const RULES: [Rule; 20] = [
    rule("book", &[], &["book"], ""),
    rule(
        "xtask/wire",
        &["wire"],
        &["clippy", "tests", "ladder"],
        "the wire tests of the chapters, which use xtask/wire",
    ),
    rule("xtask/wire/src/climb", &[], &["climb"], ""),
    rule(
        "xtask/book",
        &["book_tools"],
        &["clippy", "tests", "book", "coverage"],
        "the transcripts, which xtask/book replays",
    ),
    rule("xtask/course", &["course"], &["clippy", "tests", "book", "climb"], ""),
    rule("xtask/figures", &[], &["book"], ""),
    rule("xtask/models", &[], &["loom"], ""),
    rule("xtask/fuzz", &[], &["fuzz"], ""),
    rule("xtask/page", &["page", "page_std"], &["clippy", "page"], ""),
    // The modules of the pages have some of its files.
    rule("xtask/labs", &["labs"], &["clippy", "tests", "book", "page", "transcripts"], ""),
    rule(
        "xtask/scale",
        &["scale"],
        &["clippy", "tests"],
        "the tests of final behind a load balancer",
    ),
    rule("xtask/plots", &["plots"], &["clippy", "tests"], ""),
    rule("xtask/src", &["xtask"], &["clippy", "tests"], ""),
    rule("xtask/tests", &["xtask"], &["clippy", "tests"], ""),
    rule("CONTRIBUTING.md", &["xtask"], &["clippy", "tests"], ""),
    rule(".github/progress.jq", &["xtask"], &["clippy", "tests"], ""),
    // The parts `lessons` and `spelling` read them.
    rule("xtask/lessons.toml", &[], &[], ""),
    rule("AGENTS.md", &[], &[], ""),
    rule("CHANGELOG.md", &[], &[], ""),
    rule(".typos.toml", &[], &[], ""),
];

/// All rules for a file.
pub(super) fn rules_for(path: &str) -> impl Iterator<Item = &'static Rule> {
    RULES.iter().filter(move |rule| path == rule.path || is_below(path, rule.path))
}

/// Whether a file is in this directory, or in a directory below it.
pub(super) fn is_below(path: &str, folder: &str) -> bool {
    path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'))
}
