//! Tests `.github/progress.jq`, which formats the summary of a run in a fork.

use std::io::Write;
use std::process::{Command, Stdio};

/// Lines as `.github/progress` collects them.
const RESULTS: &str = r#"
{"stage":1,"title":"echoes","passed":4,"of":4,"done":true,"ended":"done","checks":[],"program":"my_server"}
{"stage":1,"title":"echoes","passed":3,"of":4,"done":false,"ended":"done","checks":[{"check":"a","passed":false}],"program":"part2"}
{"stage":2,"title":"a | b","passed":1,"of":2,"done":false,"ended":"done","checks":[{"check":"x","passed":true},{"check":"y","passed":false}],"program":"my_server"}
{"ended":"not built","program":"part3"}
{"exercise":1,"title":"curl","ended":"done","solved":true,"passed":1,"checks":[{"check":"a","passed":true}]}
{"exercise":2,"title":"time","ended":"not built","solved":false,"passed":0,"checks":[]}
"#;

const SUMMARY: &str = "\
## Progress

Checks pass for **1 of 2 stages** and **1 of 2 exercises**.

`part3`: not built. The log of this step has the details.

| stage | | program | checks | fails first |
|--:|---|---|--:|---|
| 1 | ✓ echoes | `my_server` | 4/4 |  |
| 2 | ✗ a \\| b | `my_server` | 1/2 | y |

| exercise | | checks | fails first |
|--:|---|--:|---|
| 1 | ✓ curl | 1/1 |  |
| 2 | ✗ time | 0/0 | not built |
";

#[test]
fn the_summary_has_the_best_result_of_each_stage_and_all_exercises() {
    let Some(summary) = summary(RESULTS) else { return };
    assert_eq!(summary, SUMMARY);
}

#[test]
fn without_my_server_the_summary_says_how_to_create_it() {
    let Some(summary) = summary(RESULTS.lines().last().unwrap()) else { return };
    assert!(summary.contains("`cargo xtask start` creates it"), "{summary}");
    assert!(!summary.contains("| stage |"), "{summary}");
}

/// `None` if jq is not installed.
fn summary(results: &str) -> Option<String> {
    let program = concat!(env!("CARGO_MANIFEST_DIR"), "/../.github/progress.jq");
    let child = Command::new("jq")
        .args(["--raw-output", "--slurp", "--from-file", program])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn();
    let Ok(mut child) = child else {
        println!("skipped: jq is not installed (apt install jq)");
        return None;
    };
    // Dropped at the end of the statement, which ends the input of jq.
    child.stdin.take().unwrap().write_all(results.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    Some(String::from_utf8(output.stdout).unwrap())
}
