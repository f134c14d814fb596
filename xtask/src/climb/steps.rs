//! The steps of the course: small programs, each one idea more than the one before, as `steps/steps.toml` of a chapter
//! lists them.

use std::fs;
use std::path::PathBuf;

use anyhow::Context;
use serde::Deserialize;

use crate::diff::LineDiff;
use crate::workspace::Workspace;

/// A step adds at most so many lines to the one before.
pub(crate) const MAX_ADDED: usize = 40;

/// One program.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Step {
    /// `03_loop.rs`, in the folder of its steps.
    pub file: String,
    /// What is new, in one sentence.
    pub idea: String,
    /// The stages that it passes.
    pub passes: Vec<u8>,
    /// The stage that it fails, and by which check. The last steps of a part may fail none.
    pub fails: Option<Failing>,
    /// The step that it adds to, if that is not the one above.
    pub after: Option<String>,
    /// Whether it begins a new program, which has no step before.
    #[serde(default)]
    pub begins: bool,
    /// The folder of its steps, from the root.
    #[serde(skip)]
    pub folder: String,
    /// The package that it belongs to.
    #[serde(skip)]
    pub package: String,
}

/// A famous mistake, as a patch on a step.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Mistake {
    pub patch: String,
    pub step: String,
    pub caught: Failing,
    #[serde(skip)]
    pub folder: String,
    #[serde(skip)]
    pub package: String,
}

/// A stage that is not passed, and the first of its checks that fails.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Failing {
    pub stage: u8,
    pub check: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Listed {
    step: Vec<Step>,
    #[serde(default)]
    mistake: Vec<Mistake>,
}

impl Step {
    /// The name of its example: `step_03_loop`.
    pub(crate) fn example(&self) -> String {
        example(&self.file)
    }
}

/// `step_03_loop` for `03_loop.rs`.
pub(crate) fn example(file: &str) -> String {
    format!("step_{}", file.trim_end_matches(".rs"))
}

/// All steps and mistakes, in the order of the course.
///
/// # Errors
/// When a list cannot be read.
pub(crate) fn all(workspace: &Workspace) -> anyhow::Result<(Vec<Step>, Vec<Mistake>)> {
    let (mut steps, mut mistakes) = (Vec::new(), Vec::new());
    for chapter in workspace.chapters() {
        let folder = format!("{}/steps", chapter.folder);
        let path = workspace.path(&folder).join("steps.toml");
        let Ok(text) = fs::read_to_string(&path) else { continue };
        let listed: Listed = toml::from_str(&text).with_context(|| path.display().to_string())?;
        let package = &chapter.package;
        let own = |step: Step| Step { folder: folder.clone(), package: package.clone(), ..step };
        steps.extend(listed.step.into_iter().map(own));
        let own = |it: Mistake| Mistake { folder: folder.clone(), package: package.clone(), ..it };
        mistakes.extend(listed.mistake.into_iter().map(own));
    }
    Ok((steps, mistakes))
}

/// How many lines each step adds to the one before; `None` for one that begins a new program.
///
/// # Errors
/// When a program cannot be read.
pub(crate) fn added(workspace: &Workspace, steps: &[Step]) -> anyhow::Result<Vec<Option<usize>>> {
    let path = |step: &Step| -> PathBuf { workspace.path(&step.folder).join(&step.file) };
    let read = |step: &Step| {
        fs::read_to_string(path(step)).with_context(|| path(step).display().to_string())
    };
    let mut all = Vec::new();
    for (at, step) in steps.iter().enumerate() {
        let before = match &step.after {
            Some(file) => steps.iter().find(|other| other.file == *file),
            None => at.checked_sub(1).map(|before| &steps[before]),
        };
        let Some(before) = before.filter(|_| !step.begins) else {
            all.push(None);
            continue;
        };
        all.push(Some(LineDiff::new(&read(before)?, &read(step)?).added()));
    }
    Ok(all)
}
