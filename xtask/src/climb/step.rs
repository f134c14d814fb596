//! `climb --step`: runs a step of the book in place of the reader's server.

use course::Step;
use wire::climb::Stage;

use crate::process;
use crate::ui;

/// Builds a step, and returns the command that starts it. `None` if it does not compile; the compiler has printed why.
pub(super) fn build(step: &Step, quiet: bool) -> anyhow::Result<Option<Vec<String>>> {
    if !quiet {
        ui::print(&ui::paint(ui::DIM, &format!("Building {} …\n", step.name())));
    }
    let mut command = process::cargo();
    // Uses the features of the whole workspace, so that no dependency is compiled twice.
    command.args(["build", "--quiet", "--workspace", "--example", &step.example()]);
    let Ok(messages) = process::build(&mut command, false)? else { return Ok(None) };
    let program = process::executable(&messages, "example", &step.example())?;
    Ok(Some(vec![program.to_string_lossy().into_owned()]))
}

/// The command with which a user starts it.
pub(super) fn by_hand(step: &Step) -> String {
    // The package of `chapters/02_thread_pool` is `ch02_thread_pool`.
    format!("cargo run -p {} --example {} 127.0.0.1:8080", step.package, step.example())
}

/// Which later step passes a stage, if this one is meant to fail it.
pub(super) fn on_purpose(all: &[Step], step: &Step, stage: &Stage) -> String {
    if step.fails.as_ref().is_none_or(|fails| fails.stage != stage.number) {
        return String::new();
    }
    let later = all.iter().skip_while(|other| *other != step);
    let passes = later.skip(1).find(|other| other.passes.contains(&stage.number));
    passes.map_or(String::new(), |other| {
        format!("{} fails this stage on purpose; {} passes it.\n", step.name(), other.name())
    })
}

#[cfg(test)]
mod tests {
    use super::super::steps;
    use super::super::target::Target;
    use super::*;
    use crate::workspace::Workspace;

    #[test]
    fn a_step_is_started_by_its_package_and_its_example() {
        let workspace = Workspace::find().unwrap();
        let Target::Step(step) = Target::step(&workspace, "6").unwrap() else { panic!() };
        assert_eq!(
            by_hand(&step),
            "cargo run -p ch02_thread_pool --example step_06_thread_each 127.0.0.1:8080"
        );
        let error = Target::step(&workspace, "99").err().unwrap().to_string();
        assert!(error.starts_with("no step `99`; there are 01_accept, "), "{error}");
    }

    #[test]
    fn the_step_that_passes_the_stage_is_named() {
        let (all, _) = steps::all(&Workspace::find().unwrap()).unwrap();
        let stages = wire::climb::stages();
        let step = course::find(&all, "01_accept").unwrap();
        let said = on_purpose(&all, step, &stages[0]);
        assert_eq!(said, "01_accept fails this stage on purpose; 03_loop passes it.\n");
        let last = course::find(&all, "35_drain").unwrap();
        assert_eq!(on_purpose(&all, last, &stages[0]), "");
        assert_eq!(on_purpose(&all, step, &stages[1]), "");
    }
}
