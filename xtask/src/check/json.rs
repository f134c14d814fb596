//! The report for programs: one JSON object for each exercise, on one line.

use serde_json::{Value, json};
use wire::exercise::{Conversation, Event, Failure};

use super::result::{Checked, Ended, Results};
use crate::exercise::Exercise;

/// The results of the checks of an exercise.
pub(super) fn report(exercise: &Exercise, title: &str, results: &Results) -> Value {
    let solved = results.all_passed();
    let next = match results.ended {
        Ended::NotBuilt(_) => "check-exercise",
        _ if solved => "solution",
        _ => "hint",
    };
    let (ended, detail) = of_end(&results.ended);
    json!({
        "exercise": exercise.number,
        "title": title,
        "ended": ended,
        "detail": detail,
        "solved": solved,
        "passed": results.passed(),
        "checks": of_checks(results),
        "next": format!("cargo xtask {next} {}", exercise.number),
    })
}

/// How the checks ended, as one word and details.
pub(crate) fn of_end(ended: &Ended) -> (&'static str, Value) {
    match ended {
        Ended::NotBuilt(said) => ("not built", json!({"compiler": said})),
        Ended::Done => ("done", Value::Null),
        Ended::GaveUp { seconds } => ("gave up", json!({"seconds": seconds})),
        Ended::TimedOut { seconds, during } => {
            ("timed out", json!({"seconds": seconds, "during": during}))
        }
        Ended::NoServer(failure) => ("no server", of_failure(failure, &[])),
        Ended::Early { status, during, said } => {
            ("broke off", json!({"status": status, "during": during, "said": said}))
        }
    }
}

pub(crate) fn of_checks(results: &Results) -> Vec<Value> {
    let of_check = |checked: &Checked| {
        let failure = checked.failure.as_ref();
        json!({
            "check": checked.sentence,
            "rule": checked.rule,
            "passed": failure.is_none(),
            "failure": failure.map(|failure| of_failure(failure, &checked.conversations)),
        })
    };
    results.checks.iter().map(of_check).collect()
}

/// Bytes are written as text: each character is the byte of that number.
fn of_failure(failure: &Failure, conversations: &[Conversation]) -> Value {
    let line = Event::Fail(failure.clone(), conversations.to_vec()).to_line();
    let mut value: Value = serde_json::from_str(&line).unwrap_or_default();
    if let Some(members) = value.as_object_mut() {
        members.remove("event");
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::Workspace;
    use crate::workspace::tests::folder_with;

    fn exercise() -> Exercise {
        let folder = folder_with(&[("chapters/04_router/exercises/02_time/task.md", "# Time\n")]);
        Exercise::find(&Workspace::at(folder.path()).unwrap(), "2").unwrap()
    }

    #[test]
    fn a_program_finds_what_a_person_sees() {
        let failure = Failure::new("status 200", "status 404").with_bytes(b"GET /\xff", b"HTTP");
        let checks = vec![Checked::of("it is", None), Checked::of("it is", Some(failure))];
        let value = report(&exercise(), "Time", &Results { checks, ended: Ended::Done });
        assert_eq!(value["passed"], 1);
        assert_eq!(value["solved"], false);
        assert_eq!(value["checks"][0]["failure"], Value::Null);
        assert_eq!(value["checks"][1]["failure"]["sent"], "GET /\u{ff}");
        assert_eq!(value["checks"][1]["failure"]["got"], "status 404");
        assert_eq!(value["next"], "cargo xtask hint 2");
        let not_built = Results::none(Ended::NotBuilt("error[E1]".to_string()));
        let value = report(&exercise(), "Time", &not_built);
        assert_eq!(value["detail"]["compiler"], "error[E1]");
        assert_eq!(value["next"], "cargo xtask check-exercise 2");
    }

    #[test]
    fn checks_that_did_not_end_solve_nothing() {
        for (ended, word, solved) in [
            (Ended::Done, "done", true),
            (Ended::GaveUp { seconds: 10 }, "gave up", false),
            (Ended::TimedOut { seconds: 1, during: None }, "timed out", false),
            (Ended::NoServer(Failure::new("a", "b")), "no server", false),
            (
                Ended::Early { status: "1".into(), during: None, said: String::new() },
                "broke off",
                false,
            ),
        ] {
            let results = Results { checks: vec![Checked::of("x", None)], ended };
            let value = report(&exercise(), "Time", &results);
            assert_eq!((&value["ended"], &value["solved"]), (&json!(word), &json!(solved)));
        }
    }
}
