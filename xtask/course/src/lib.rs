//! The steps of the course. Each is a small program with one more idea than the previous step, as listed in a chapter's
//! `steps/steps.toml`. `cargo xtask prove-climb` proves the claims in the lists, and the book shows the lines that each
//! step adds.

pub mod plot;

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};
use serde::Deserialize;

/// A step adds at most this many lines to the step before it, and the book shows at most this many new lines at a time.
pub const MAX_ADDED: usize = 40;

/// One program.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// `03_loop.rs`, in the directory of its steps.
    pub file: String,
    /// The new idea, in one sentence.
    pub idea: String,
    /// The stages that it passes.
    pub passes: Vec<u8>,
    /// The stage that it fails, and the check that fails. The last steps of a part may fail none.
    pub fails: Option<Failing>,
    /// The step that it adds to, unless that is the previous step.
    pub after: Option<String>,
    /// Whether it begins a new program, which does not build on a step.
    #[serde(default)]
    pub begins: bool,
    /// The directory of its steps, from the root.
    #[serde(skip)]
    pub folder: String,
    /// The package that it belongs to.
    #[serde(skip)]
    pub package: String,
}

/// A common mistake, as a patch on a step.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mistake {
    /// The patch, in the directory of the steps.
    pub patch: String,
    /// The step that it changes.
    pub step: String,
    /// The check that catches it.
    pub caught: Failing,
    /// The directory of its steps, from the root.
    #[serde(skip)]
    pub folder: String,
    /// The package that it belongs to.
    #[serde(skip)]
    pub package: String,
}

/// A stage that is not passed, and the first of its checks that fails.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Failing {
    /// The stage's number.
    pub stage: u8,
    /// The check's sentence.
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
    /// `03_loop`
    pub fn name(&self) -> &str {
        self.file.trim_end_matches(".rs")
    }

    /// The name of its example: `step_03_loop`.
    pub fn example(&self) -> String {
        example(&self.file)
    }
}

/// `step_03_loop` for `03_loop.rs`.
pub fn example(file: &str) -> String {
    format!("step_{}", file.trim_end_matches(".rs"))
}

/// All steps and mistakes of these chapters, given as directory and package, in the order of the course.
///
/// # Errors
/// Returns an error when a list cannot be read. A chapter without a list has no steps.
pub fn read<'a>(
    root: &Path,
    chapters: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> Result<(Vec<Step>, Vec<Mistake>)> {
    let (mut steps, mut mistakes) = (Vec::new(), Vec::new());
    for (folder, package) in chapters {
        let (folder, package) = (format!("{folder}/steps"), package.to_string());
        let path = root.join(&folder).join("steps.toml");
        let Ok(text) = fs::read_to_string(&path) else { continue };
        let listed: Listed = toml::from_str(&text).with_context(|| path.display().to_string())?;
        let own = |step: Step| Step { folder: folder.clone(), package: package.clone(), ..step };
        steps.extend(listed.step.into_iter().map(own));
        let own = |it: Mistake| Mistake { folder: folder.clone(), package: package.clone(), ..it };
        mistakes.extend(listed.mistake.into_iter().map(own));
    }
    Ok((steps, mistakes))
}

/// The step called `03_loop`, `03_loop.rs`, `03` or `3`.
///
/// # Errors
/// Returns an error that lists the steps if there is no such step.
pub fn find<'a>(steps: &'a [Step], called: &str) -> Result<&'a Step> {
    let name = called.trim_end_matches(".rs");
    let number = |name: &str| name.split('_').next().and_then(|it| it.parse::<u8>().ok());
    let is_number = name.bytes().all(|byte| byte.is_ascii_digit());
    let same =
        |step: &&Step| step.name() == name || (is_number && number(step.name()) == number(name));
    let Some(step) = steps.iter().find(same) else {
        let known: Vec<&str> = steps.iter().map(Step::name).collect();
        bail!("no step `{called}`; there are {}", known.join(", "));
    };
    Ok(step)
}

/// The step on which this step builds: the step in `after`, or else the previous step, which may be the last step of
/// the previous chapter. `None` for a step that begins a new program.
pub fn before<'a>(steps: &'a [Step], step: &Step) -> Option<&'a Step> {
    if step.begins {
        return None;
    }
    if let Some(file) = &step.after {
        return steps.iter().find(|other| other.file == *file);
    }
    let at = steps.iter().position(|other| other.file == step.file)?;
    steps.get(at.checked_sub(1)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn steps() -> Vec<Step> {
        let listed = "[[step]]\nfile = '01_a.rs'\nidea = ''\npasses = []\n\
            [[step]]\nfile = '02_b.rs'\nidea = ''\npasses = [1]\nfails = { stage = 2, check = 'c' }\n\
            [[step]]\nfile = '03_c.rs'\nidea = ''\npasses = []\nafter = '01_a.rs'\n\
            [[step]]\nfile = '12_d.rs'\nidea = ''\npasses = []\nbegins = true\n";
        toml::from_str::<Listed>(listed).unwrap().step
    }

    #[test]
    fn a_step_is_found_by_its_name_its_file_or_its_number() {
        let steps = steps();
        for called in ["02_b", "02_b.rs", "2", "02"] {
            assert_eq!(find(&steps, called).unwrap().example(), "step_02_b", "{called}");
        }
        for called in ["02_x", "4", ""] {
            let error = find(&steps, called).unwrap_err().to_string();
            assert!(error.ends_with("there are 01_a, 02_b, 03_c, 12_d"), "{error}");
        }
    }

    #[test]
    fn the_step_before_is_the_one_above_unless_the_list_names_another() {
        let steps = steps();
        let file = |at: usize| before(&steps, &steps[at]).map(|step| step.file.as_str());
        assert_eq!([0, 1, 2, 3].map(file), [None, Some("01_a.rs"), Some("01_a.rs"), None]);
    }
}
