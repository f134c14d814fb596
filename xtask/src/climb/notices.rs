//! Messages that are printed in place of a report.

use std::process::ExitCode;

use serde_json::json;
use wire::climb::{Scheme, Stage};

use super::args::Args;
use super::ladder;
use super::target::Target;
use crate::check::report;
use crate::ui;

/// The error for a stage that is for the other kind of server.
pub(super) fn wrong_scheme(stage: &Stage, scheme: Scheme) -> String {
    let (is, needs) = match scheme {
        Scheme::Echo => {
            ("an echo (tcp://)", "HTTP server (it prints `listening on http://ADDRESS`)")
        }
        Scheme::Http => ("an HTTP server", "echo (it prints `listening on tcp://ADDRESS`)"),
    };
    format!("stage {} is for an {needs}, and this server is {is}", stage.number)
}

/// The contract and the hint of a stage.
pub(super) fn hint(stage: &Stage) -> String {
    format!(
        "{}\n\n{}\n\n{}\n\nRead: book/src/{}\n",
        ladder::title(stage),
        ui::wrapped(stage.contract),
        ui::wrapped(stage.hint),
        stage.page
    )
}

/// The message for a server that cannot be started or prints nothing.
pub(super) fn no_server(error: &str, target: &Target, args: &Args) -> ExitCode {
    if args.json {
        ui::print(&format!("{}\n", json!({ "ended": "no server", "detail": error })));
    } else {
        ui::print(&format!(
            "{} The server did not start, so no stage could run.\n\n  {}\n\n{}Start it by hand and read its output: `{}`\n",
            ui::paint(ui::BAD, "Stopped."),
            error.trim_end().replace('\n', "\n  "),
            report::port_is_taken(error),
            target.by_hand()
        ));
    }
    ExitCode::FAILURE
}

#[cfg(test)]
mod tests {
    use wire::climb::stages;

    use super::*;

    #[test]
    fn a_stage_for_the_other_kind_of_server_says_which_it_needs() {
        let all = stages();
        let said = wrong_scheme(&all[0], Scheme::Http);
        assert!(said.contains("stage 1 is for an echo") && said.contains("tcp://"), "{said}");
        let said = wrong_scheme(&all[8], Scheme::Echo);
        assert!(said.contains("stage 9 is for an HTTP server"), "{said}");
    }
}
