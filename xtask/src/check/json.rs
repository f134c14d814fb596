//! The report for programs: one JSON object for each exercise, on one line.

use serde_json::{Value, json};
use wire::exercise::{Conversation, Event, Failure};

use super::result::{Checked, Ended, passed};
use crate::exercise::Exercise;

/// The results of the checks. `ended` is how the run ended.
pub(super) fn report(exercise: &Exercise, title: &str, all: &[Checked], ended: &Ended) -> Value {
    let passed = passed(all);
    let (word, detail) = of_end(ended);
    let solved = *ended == Ended::Done && passed == all.len() && !all.is_empty();
    let next = if solved { "solution" } else { "hint" };
    json!({
        "exercise": exercise.number,
        "title": title,
        "ended": word,
        "detail": detail,
        "solved": solved,
        "passed": passed,
        "checks": all.iter().map(of_check).collect::<Vec<_>>(),
        "next": format!("cargo xtask {next} {}", exercise.number),
    })
}

/// A chapter that does not compile, with the compiler's message.
pub(super) fn not_built(exercise: &Exercise, title: &str, compiler: &str) -> Value {
    json!({
        "exercise": exercise.number,
        "title": title,
        "ended": "not built",
        "detail": {"compiler": compiler},
        "solved": false,
        "passed": 0,
        "checks": [],
        "next": format!("cargo xtask check-exercise {}", exercise.number),
    })
}

/// How the checks ended, as one word and details.
pub(crate) fn of_end(ended: &Ended) -> (&'static str, Value) {
    match ended {
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

pub(crate) fn of_check(checked: &Checked) -> Value {
    json!({
        "check": checked.sentence,
        "rule": checked.rule,
        "passed": checked.failure.is_none(),
        "failure": checked.failure.as_ref().map(|failure| of_failure(failure, &checked.conversations)),
    })
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
        let check = |failure| Checked::of("it is", failure);
        let value = report(&exercise(), "Time", &[check(None), check(Some(failure))], &Ended::Done);
        assert_eq!(value["passed"], 1);
        assert_eq!(value["solved"], false);
        assert_eq!(value["checks"][0]["failure"], Value::Null);
        assert_eq!(value["checks"][1]["failure"]["sent"], "GET /\u{ff}");
        assert_eq!(value["checks"][1]["failure"]["got"], "status 404");
        assert_eq!(value["next"], "cargo xtask hint 2");
        assert_eq!(report(&exercise(), "Time", &[check(None)], &Ended::Done)["solved"], true);
    }

    #[test]
    fn checks_that_did_not_end_solve_nothing() {
        let ended = [
            (Ended::GaveUp { seconds: 10 }, "gave up"),
            (Ended::TimedOut { seconds: 1, during: None }, "timed out"),
            (Ended::NoServer(Failure::new("a", "b")), "no server"),
            (Ended::Early { status: "1".into(), during: None, said: String::new() }, "broke off"),
        ];
        for (ended, word) in ended {
            let value = report(&exercise(), "Time", &[Checked::of("x", None)], &ended);
            assert_eq!((&value["ended"], &value["solved"]), (&json!(word), &json!(false)));
        }
        assert_eq!(not_built(&exercise(), "Time", "error[E1]")["detail"]["compiler"], "error[E1]");
    }
}
