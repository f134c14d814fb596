//! The outcomes that cargo-mutants reports.

use std::fs;
use std::path::Path;

use anyhow::Context;

use crate::workspace::Workspace;

/// The outcome of a mutation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Fate {
    Killed,
    TimedOut,
    Survived,
}

/// A mutation that was tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Tried {
    /// The name that cargo-mutants gives it: `src/a.rs:7:5: replace f -> bool with true`.
    pub name: String,
    pub file: String,
    /// The changed line of code, which identifies the mutation also after lines have moved.
    pub code: String,
    pub fate: Fate,
}

impl Tried {
    /// The name without its position: `replace f -> bool with true`.
    pub(super) fn mutation(&self) -> &str {
        self.name.splitn(3, ':').last().and_then(|it| it.split_once(": ")).map_or("", |it| it.1)
    }
}

/// Reads the report of cargo-mutants, without the mutations that did not compile.
pub(super) fn outcomes(path: &Path, workspace: &Workspace) -> anyhow::Result<Vec<Tried>> {
    let text = fs::read_to_string(path).with_context(|| path.display().to_string())?;
    let json: serde_json::Value = serde_json::from_str(&text)?;
    let mut tried = Vec::new();
    for outcome in json["outcomes"].as_array().into_iter().flatten() {
        let mutant = &outcome["scenario"]["Mutant"];
        let fate = match outcome["summary"].as_str() {
            Some("CaughtMutant") => Fate::Killed,
            Some("Timeout") => Fate::TimedOut,
            Some("MissedMutant") => Fate::Survived,
            _ => continue,
        };
        let (Some(name), Some(file)) = (mutant["name"].as_str(), mutant["file"].as_str()) else {
            continue;
        };
        let source = fs::read_to_string(workspace.path(file)).unwrap_or_default();
        let line = mutant["span"]["start"]["line"].as_u64().and_then(|it| usize::try_from(it).ok());
        let code = line.and_then(|line| source.lines().nth(line.checked_sub(1)?));
        let code = code.unwrap_or_default().trim().to_string();
        tried.push(Tried { name: name.to_string(), file: file.to_string(), code, fate });
    }
    Ok(tried)
}
